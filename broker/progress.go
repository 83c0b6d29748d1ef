package broker

import (
	"sync"

	"github.com/conbroker/conbroker/rpc/protocol"
)

// progress reports on one request. Without a token it does nothing.
type progress struct {
	s     *session
	token protocol.ProgressToken

	mu    sync.Mutex
	ended bool
}

// begin starts a report on a request. The caller ends it.
func (s *session) begin(w protocol.WorkDone, title string) *progress {
	p := &progress{s: s, token: w.WorkDoneToken}
	p.send(protocol.ProgressValue{Kind: protocol.ProgressBegin, Title: title, Cancellable: true})
	return p
}

// step says what is being done now. It may be called from several goroutines.
func (p *progress) step(message string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.send(protocol.ProgressValue{Kind: protocol.ProgressReport, Message: message})
	}
}

// end is the last report; steps that come later are dropped.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.send(protocol.ProgressValue{Kind: protocol.ProgressEnd})
}

// send sends one value.
func (p *progress) send(value protocol.ProgressValue) {
	if len(p.token) > 0 {
		p.s.notify("$/progress", protocol.ProgressParams{Token: p.token, Value: value})
	}
}
