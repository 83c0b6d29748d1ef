package remote

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/conbroker/conbroker/consoles"
)

// downGrace is how long after the loss of a channel the reason for the loss of its connection is awaited.
const downGrace = 2 * time.Second

// session is a channel in which one command runs.
type session struct {
	ssh.Channel
	link *link
	// exited is closed when the command's status is known, which is in exit and code; ended when the channel is gone.
	// Output may still come after exited, and is there to be read after ended.
	exited, ended chan struct{}
	exit          consoles.ExitStatus
	known         bool
}

// openSession opens a session channel on a connection that has room, and tries others where the first was full or dead.
func (h *Host) openSession(ctx context.Context) (*session, error) {
	for {
		l, err := h.pool.reserve(ctx, sessionChannel)
		if err != nil {
			return nil, err
		}
		ch, reqs, err := l.open(ctx, sessionChannel, "session", nil)
		switch {
		case errors.Is(err, errDown):
			select { // so that it is not tried again
			case <-l.down:
			case <-ctx.Done():
			}
		case err == nil:
			s := &session{Channel: ch, link: l, exited: make(chan struct{}), ended: make(chan struct{})}
			l.bore()
			h.work.Go(func() { s.watch(reqs) })
			return s, nil
		case !errors.Is(err, errFull):
			return nil, err
		}
	}
}

// watch takes the server's messages until the channel is closed.
func (s *session) watch(reqs <-chan *ssh.Request) {
	defer s.link.release(sessionChannel)
	defer close(s.ended)
	for r := range reqs {
		status, ok := readExit(r.Type, r.Payload)
		if r.WantReply {
			_ = r.Reply(ok, nil) // a connection that broke is seen by all
		}
		if ok && !s.known {
			s.exit, s.known = status, true
			close(s.exited)
		}
	}
}

// readExit reads an exit-status or exit-signal request (RFC 4254, 6.10).
func readExit(kind string, payload []byte) (consoles.ExitStatus, bool) {
	switch kind {
	case "exit-status":
		if len(payload) != 4 {
			return consoles.ExitStatus{}, false
		}
		return consoles.ExitStatus{Code: int(binary.BigEndian.Uint32(payload) & 0xff)}, true
	case "exit-signal":
		var m struct {
			Signal string
			Core   bool
			Error  string
			Lang   string
		}
		if ssh.Unmarshal(payload, &m) != nil {
			return consoles.ExitStatus{}, false
		}
		number := signalNumber(m.Signal)
		if number == 0 {
			return consoles.ExitStatus{Code: 255, Reason: "ended by a signal that has no number here"}, true
		}
		return consoles.ExitStatus{Code: 128 + number, Signal: "SIG" + m.Signal}, true
	}
	return consoles.ExitStatus{}, false
}

// signalNumber is the number of a signal of RFC 4254 on every common system; 0 if it is none of them.
func signalNumber(name string) int {
	switch name {
	case "HUP":
		return 1
	case "INT":
		return 2
	case "QUIT":
		return 3
	case "ILL":
		return 4
	case "ABRT":
		return 6
	case "FPE":
		return 8
	case "KILL":
		return 9
	case "SEGV":
		return 11
	case "PIPE":
		return 13
	case "ALRM":
		return 14
	case "TERM":
		return 15
	}
	return 0
}

// request sends a channel request and waits for the answer, or for the end of ctx, which closes the channel.
func (s *session) request(ctx context.Context, name string, payload []byte) error {
	type reply struct {
		ok  bool
		err error
	}
	result := make(chan reply, 1)
	s.link.pool.work.Go(func() {
		ok, err := s.SendRequest(name, true, payload)
		result <- reply{ok, err}
	})
	select {
	case r := <-result:
		if r.err != nil {
			return s.lost(r.err)
		}
		if !r.ok {
			return fmt.Errorf("the server refused the request %q", name)
		}
		return nil
	case <-ctx.Done():
		s.abandon()
		return context.Cause(ctx)
	}
}

// lost says why a channel is gone: because the connection is, or for the reason at hand.
func (s *session) lost(err error) error {
	if reason := s.link.reason(downGrace); reason != nil {
		return reason
	}
	return err
}

// abandon closes the channel without waiting for a peer that may be stuck.
func (s *session) abandon() {
	s.link.pool.work.Go(func() { _ = s.Close() }) // it may be closed already
}

// ptyRequest is the payload of pty-req (RFC 4254, 6.2).
type ptyRequest struct {
	Term          string
	Cols, Rows    uint32
	Width, Height uint32
	Modes         string
}

// windowChange is the payload of window-change (RFC 4254, 6.7).
type windowChange struct{ Cols, Rows, Width, Height uint32 }

// ptyModes says only that input is UTF-8 (IUTF8, RFC 8160); the server's own settings are right for the rest.
const ptyModes = "\x2a\x00\x00\x00\x01\x00"

// status is how the command ended, once its output has: the server's word, or why there is none.
func (s *session) status() (consoles.ExitStatus, error) {
	select {
	case <-s.exited:
		return s.exit, nil
	default:
	}
	select {
	case <-s.exited:
		return s.exit, nil
	case <-s.ended:
	}
	select {
	case <-s.exited:
		return s.exit, nil
	default:
		return consoles.ExitStatus{}, s.lost(errNoStatus)
	}
}
