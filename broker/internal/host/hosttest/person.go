// Package hosttest has what tests of hosts share: the table of what every Host must do ([Run]), a real sshd, and a person who
// answers questions.
package hosttest

import (
	"strings"
	"sync"

	"github.com/conbroker/conbroker/broker/internal/prompt"
)

// Person answers questions as the test says. It is a prompt.Asker.
type Person struct {
	// Registry is where it answers.
	Registry *prompt.Registry
	// Answers are tried in order: the first whose key is part of the question is given and, if it is not the last for
	// that key, dropped. A question without an answer is cancelled.
	Answers []Answer

	mu    sync.Mutex
	asked []prompt.Prompt
	// withdrawn counts questions taken back.
	withdrawn int
}

// Answer is what a person says to a question that holds the text of Key. An empty Text with Wait set is no answer at all.
type Answer struct {
	Key, Text string
	// Once: the next such question gets another answer.
	Once bool
	// Wait leaves the question open.
	Wait bool
}

// CanPrompt is always true.
func (p *Person) CanPrompt() bool { return true }

// ShowPrompt answers.
func (p *Person) ShowPrompt(id string, q prompt.Prompt) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, q)
	for i, a := range p.Answers {
		if !strings.Contains(q.Text, a.Key) {
			continue
		}
		if a.Once {
			p.Answers = append(append([]Answer(nil), p.Answers[:i]...), p.Answers[i+1:]...)
		}
		if a.Wait {
			return nil
		}
		return p.Registry.Answer(p, id, a.Text, false)
	}
	return p.Registry.Answer(p, id, "", true)
}

// WithdrawPrompt counts.
func (p *Person) WithdrawPrompt(string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.withdrawn++
}

// Asked are the questions so far.
func (p *Person) Asked() []prompt.Prompt {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]prompt.Prompt(nil), p.asked...)
}

// Withdrawn is how many questions were taken back.
func (p *Person) Withdrawn() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.withdrawn
}
