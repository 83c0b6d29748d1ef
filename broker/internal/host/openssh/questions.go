//go:build unix

package openssh

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"

	"github.com/conbroker/conbroker/broker/internal/host/remote"
	"github.com/conbroker/conbroker/broker/internal/prompt"
)

// questions takes the questions of ssh for one connection attempt. The token that entitles to ask is good for this attempt
// only.
type questions struct {
	token    string
	socket   string
	listener net.Listener
	ask      func(ctx context.Context, p prompt.Prompt) (string, error)
	ctx      context.Context
	cancel   context.CancelFunc
	work     sync.WaitGroup

	secrets *remote.Attempt

	// mu guards failed: why a question got no answer.
	mu     sync.Mutex
	failed error
}

// openQuestions listens at socket until close.
func openQuestions(ctx context.Context, socket string, secrets *remote.Attempt, ask func(context.Context, prompt.Prompt) (string, error)) (*questions, error) {
	l, err := net.Listen("unix", socket)
	if err != nil {
		return nil, fmt.Errorf("listen for questions of ssh: %w", err)
	}
	q := &questions{token: rand.Text(), socket: socket, listener: l, ask: ask, secrets: secrets}
	q.ctx, q.cancel = context.WithCancel(ctx)
	q.work.Go(q.serve)
	return q, nil
}

// environment is that of an ssh that asks here.
func (q *questions) environment(o Options) []string {
	env := append(os.Environ(), "SSH_ASKPASS="+o.Askpass, "SSH_ASKPASS_REQUIRE=force",
		socketVariable+"="+q.socket, tokenVariable+"="+q.token)
	if o.Env("DISPLAY") == "" {
		env = append(env, "DISPLAY=:") // before OpenSSH 8.4, ssh asks no program without it
	}
	return env
}

// close ends open questions and waits for them.
func (q *questions) close() {
	q.cancel()
	closeQuietly(q.listener)
	q.work.Wait()
}

// failure says why a question got no answer; nil if all did.
func (q *questions) failure() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.failed
}

func (q *questions) serve() {
	for {
		c, err := q.listener.Accept()
		if err != nil {
			return
		}
		q.work.Go(func() { q.answer(c) })
	}
}

// answer answers one question. The end of the asking program, which ssh may kill, ends the question.
func (q *questions) answer(c net.Conn) {
	defer closeQuietly(c)
	ctx, cancel := context.WithCancel(q.ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { closeQuietly(c) })
	defer stop()
	line, err := bufio.NewReader(io.LimitReader(c, maxQuestion)).ReadBytes('\n')
	var a asking
	if err != nil || json.Unmarshal(line, &a) != nil || subtle.ConstantTimeCompare([]byte(a.Token), []byte(q.token)) != 1 {
		return
	}
	q.work.Go(func() {
		_, _ = c.Read(make([]byte, 1)) // nothing comes but the end
		cancel()
	})
	reply, err := q.find(ctx, a)
	if err != nil && q.ctx.Err() == nil && a.Kind != "none" {
		q.mu.Lock()
		q.failed = err
		q.mu.Unlock()
	}
	encoded, err := json.Marshal(answering{Text: reply, Refused: err != nil})
	if err == nil {
		_, _ = c.Write(append(encoded, '\n')) // the program may be gone
		clear(encoded)
	}
}

// find answers from what is known, or asks the person.
func (q *questions) find(ctx context.Context, a asking) (string, error) {
	secret := a.Kind == "" && !isOpen(a.Text)
	if secret {
		if known, ok := q.secrets.Find(a.Text); ok {
			return known, nil
		}
	}
	text, err := q.ask(ctx, prompt.Prompt{Text: a.Text, Secret: secret})
	if err != nil {
		return "", err
	}
	if a.Kind == "confirm" && !strings.EqualFold(strings.TrimSpace(text), "yes") {
		return "", errors.New("the person did not say yes")
	}
	if secret {
		q.secrets.Give(a.Text, text)
		return text, nil
	}
	return strings.TrimSpace(text), nil
}

// isOpen recognizes the question about a host key, whose answer - yes, no or the fingerprint - is no secret.
func isOpen(text string) bool {
	return strings.Contains(text, "(yes/no") || strings.Contains(text, "type 'yes', 'no'")
}
