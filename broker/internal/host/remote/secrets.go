package remote

import (
	"bytes"
	"sync"
)

// Secrets are the answers that made the connections to one host that still live, by question, so that the further connections
// which a full one needs ask nobody again. They are wiped with the last connection.
type Secrets struct {
	mu      sync.Mutex
	answers map[string][]byte
	live    int
}

// Attempt is one connection attempt's share of the Secrets. End it with Keep or Drop.
type Attempt struct {
	secrets *Secrets

	mu sync.Mutex
	// known are answers to give without asking, each once, so that a wrong one leads to the person; given are those given.
	known, given map[string][]byte
}

// Begin starts an attempt.
func (s *Secrets) Begin() *Attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &Attempt{secrets: s, known: make(map[string][]byte, len(s.answers)), given: make(map[string][]byte)}
	for question, secret := range s.answers {
		a.known[question] = bytes.Clone(secret)
	}
	return a
}

// Find returns the answer that a question had before, once.
func (a *Attempt) Find(question string) (secret string, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	known, ok := a.known[question]
	if !ok {
		return "", false
	}
	delete(a.known, question)
	a.note(question, known)
	return string(known), true
}

// Give notes the answer that a question got from the person.
func (a *Attempt) Give(question, secret string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.note(question, []byte(secret))
}

// note replaces an answer; mu is held.
func (a *Attempt) note(question string, secret []byte) {
	clear(a.given[question])
	a.given[question] = secret
}

// Keep ends an attempt that made a connection; Release must follow when that ends.
func (a *Attempt) Keep() {
	a.mu.Lock()
	given := a.given
	a.given = nil
	a.mu.Unlock()
	s := a.secrets
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live++
	if s.answers == nil {
		s.answers = make(map[string][]byte)
	}
	for question, secret := range given {
		clear(s.answers[question])
		s.answers[question] = secret
	}
}

// Drop wipes what the attempt still holds. It may follow Keep.
func (a *Attempt) Drop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, secrets := range []map[string][]byte{a.known, a.given} {
		for _, secret := range secrets {
			clear(secret)
		}
	}
	a.known, a.given = nil, make(map[string][]byte)
}

// Release counts a connection that ended.
func (s *Secrets) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live--; s.live > 0 {
		return
	}
	for _, secret := range s.answers {
		clear(secret)
	}
	s.answers = nil
}
