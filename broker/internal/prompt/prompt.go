// Package prompt brings a question to the person who caused it and the answer back. A request carries its client through
// its context ([With]); whatever the request starts - a connection, a raised command - asks that client and no other.
// Answers are handed over and forgotten: this package stores and logs none.
package prompt

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Errors of [Registry.Ask] and [Registry.Answer], matched with errors.Is.
var (
	// ErrNobody: the request has no client that could show the question to a person.
	ErrNobody = errors.New("no client can ask the person")
	// ErrCancelled: the person does not want to answer.
	ErrCancelled = errors.New("the person cancelled the question")
	// ErrGone: the client left before the person answered.
	ErrGone = errors.New("the client left before the question was answered")
	// ErrUnanswered: the person did not answer within [AnswerTime].
	ErrUnanswered = errors.New("the question was not answered in time")
	// ErrNotOpen: there is no such question, or it was answered or withdrawn.
	ErrNotOpen = errors.New("no such question is open")
)

// AnswerTime is how long a person may take for an answer. It is longer than any login waits (LoginGraceTime of sshd is two
// minutes).
const AnswerTime = 5 * time.Minute

// Prompt is a question.
type Prompt struct {
	// Host and User say where, and for whom on that host.
	Host, User string
	// Text is the question as the asking program words it. It may have several lines.
	Text string
	// Secret: what is typed must not be shown, kept or logged.
	Secret bool
}

// Asker is a client with a person in front of it.
type Asker interface {
	// CanPrompt reports whether the client can show questions at all.
	CanPrompt() bool
	// ShowPrompt shows a question; the answer comes through [Registry.Answer] with the same id. It does not wait.
	ShowPrompt(id string, p Prompt) error
	// WithdrawPrompt takes a question back that needs no answer any more.
	WithdrawPrompt(id string)
}

// askerKey is the key of the client in a context.
type askerKey struct{}

// With returns a context whose questions go to asker.
func With(ctx context.Context, asker Asker) context.Context {
	return context.WithValue(ctx, askerKey{}, asker)
}

// From returns the client to which questions of ctx go; nil if there is none.
func From(ctx context.Context) Asker {
	asker, _ := ctx.Value(askerKey{}).(Asker)
	return asker
}

// Registry holds the open questions of a broker. Only one question per host is open at a time.
type Registry struct {
	mu sync.Mutex
	// open are the questions shown; each is removed by whoever ends it, and only that one sends its answer.
	open map[string]*question
	// turns has, for a host with questions, a channel with room for the one that is open, and how many want it.
	turns map[string]*turn
}

// question is one open question; answer has room for the one answer it gets.
type question struct {
	asker  Asker
	answer chan answer
}

type answer struct {
	text string
	err  error
}

type turn struct {
	taken   chan struct{}
	waiting int
}

// NewRegistry returns a registry without questions.
func NewRegistry() *Registry {
	return &Registry{open: make(map[string]*question), turns: make(map[string]*turn)}
}

// Ask shows p to asker and waits for the answer. Errors wrap [ErrNobody] (at once, if asker is nil or cannot prompt),
// [ErrCancelled], [ErrGone], [ErrUnanswered] or the cause of ctx's end; then the question is withdrawn.
func (r *Registry) Ask(ctx context.Context, asker Asker, p Prompt) (string, error) {
	if asker == nil || !asker.CanPrompt() {
		line, _, _ := strings.Cut(p.Text, "\n")
		return "", fmt.Errorf("%w: %s needs an answer to %q", ErrNobody, p.Host, line)
	}
	leave, err := r.wait(ctx, p.Host)
	if err != nil {
		return "", err
	}
	defer leave()
	ctx, cancel := context.WithTimeoutCause(ctx, AnswerTime, ErrUnanswered)
	defer cancel()
	id := rand.Text()
	q := &question{asker: asker, answer: make(chan answer, 1)}
	r.mu.Lock()
	r.open[id] = q
	r.mu.Unlock()
	if err := asker.ShowPrompt(id, p); err != nil {
		r.take(id, asker)
		return "", fmt.Errorf("%w: %w", ErrGone, err)
	}
	select {
	case a := <-q.answer:
		return a.text, a.err
	case <-ctx.Done():
	}
	if r.take(id, asker) == nil { // it was answered in the same moment
		a := <-q.answer
		return a.text, a.err
	}
	asker.WithdrawPrompt(id)
	return "", context.Cause(ctx)
}

// Answer gives the answer to question id; cancel means that the person does not want to give one. Only the client that was
// asked may answer. The error is [ErrNotOpen] if there is nothing to answer.
func (r *Registry) Answer(asker Asker, id, text string, cancel bool) error {
	q := r.take(id, asker)
	if q == nil {
		return ErrNotOpen
	}
	a := answer{text: text}
	if cancel {
		a = answer{err: ErrCancelled}
	}
	q.answer <- a
	return nil
}

// Abandon ends all questions to a client that left.
func (r *Registry) Abandon(asker Asker) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, q := range r.open {
		if q.asker == asker {
			delete(r.open, id)
			q.answer <- answer{err: ErrGone}
		}
	}
}

// take removes an open question of asker; nil if there is none.
func (r *Registry) take(id string, asker Asker) *question {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := r.open[id]
	if q == nil || q.asker != asker {
		return nil
	}
	delete(r.open, id)
	return q
}

// wait takes the turn of a host and returns how to leave it.
func (r *Registry) wait(ctx context.Context, host string) (leave func(), err error) {
	r.mu.Lock()
	t := r.turns[host]
	if t == nil {
		t = &turn{taken: make(chan struct{}, 1)}
		r.turns[host] = t
	}
	t.waiting++
	r.mu.Unlock()
	select {
	case t.taken <- struct{}{}:
		return func() { <-t.taken; r.leave(host, t) }, nil
	case <-ctx.Done():
		r.leave(host, t)
		return nil, context.Cause(ctx)
	}
}

// leave forgets a turn that nobody wants any more.
func (r *Registry) leave(host string, t *turn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t.waiting--; t.waiting == 0 {
		delete(r.turns, host)
	}
}
