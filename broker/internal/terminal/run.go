package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/term"

	"github.com/conbroker/conbroker/consoles"
	"github.com/conbroker/conbroker/consoles/attach"
)

// leaveGrace bounds how long a terminal that takes no output may keep Run from returning.
const leaveGrace = time.Second

// Options say what to join to what.
type Options struct {
	// Client is the attachment; Run closes it.
	Client *attach.Client
	// In is what is typed, Out where the console is shown.
	In, Out *os.File
	// Err takes lines for the person: that the console was left, and why it ended.
	Err io.Writer
	// Dialect is that of the terminal at Out.
	Dialect Dialect
	// Escape is the byte that leaves the console; 0 for none. It has a meaning
	// only if In is a terminal.
	Escape byte
	// ReadOnly sends nothing that is typed; ^C leaves then too.
	ReadOnly bool
	// DetachOnEOF leaves when In, which is no terminal, ends. Without it the
	// output goes on until the console ends.
	DetachOnEOF bool
}

// session is one Run.
type session struct {
	Options
	label  string
	filter *Filter
	tty    *tty // nil if In is no terminal

	ended chan outcome // what the goroutines report; each reports once at most
	quit  chan struct{}
	mu    sync.Mutex // puts lines for the person in order

	sender   sync.WaitGroup
	watching atomic.Bool // the console does not take what is typed
	refused  atomic.Bool // the person has been told of a refusal
}

// outcome says how a session ended.
type outcome struct {
	code     int
	line     string // for the person
	goesOn   bool   // there is nothing more to type, but the console is still shown
	err      error
	panicked any
}

// Run joins a terminal, or a pipe, to a console until the console ends, the
// person leaves with the escape character, a signal asks to end, or ctx ends. It
// returns the exit code of the program behind the console, 0 if the person left,
// 128 and the number of the signal. If In is a terminal it is in raw mode
// meanwhile, and as it was before when Run returns or panics.
//
// A terminal that takes no output, because it was stopped, delays the return by
// a second; the write to it is then left behind.
//
// On Windows a changed size of the terminal is not noticed, and a read of In
// that waits goes on after Run has returned.
func Run(ctx context.Context, o Options) (code int, err error) {
	s := &session{
		Options: o, label: o.Client.Welcome().Label, filter: NewFilter(o.Dialect),
		ended: make(chan outcome, 3), quit: make(chan struct{}),
	}
	if o.Client.Welcome().Mode == consoles.Read {
		s.ReadOnly = true
	}
	s.watching.Store(s.ReadOnly)
	// Before the terminal is raw: a signal must never find it so with nobody to restore it.
	signals := watchSignals()
	defer signals.stop()
	if term.IsTerminal(int(o.In.Fd())) {
		if s.tty, err = openTTY(o.In); err != nil {
			return 1, errors.Join(err, o.Client.Close())
		}
		defer s.tty.restore()
	}
	result := s.run(ctx, signals)
	if result.panicked != nil {
		panic(result.panicked)
	}
	return result.code, result.err
}

// run starts the two directions, waits for the end and cleans up after it.
func (s *session) run(ctx context.Context, signals signals) outcome {
	in, err := newInput(s.In)
	if err != nil {
		return outcome{code: 1, err: errors.Join(err, s.Client.Close())}
	}
	s.resize()
	shown, typed := make(chan struct{}), make(chan struct{})
	go s.guard(shown, s.show)
	go s.guard(typed, func() outcome { return s.typeInto(in) })
	result := s.await(ctx, signals)
	close(s.quit)
	closed := s.Client.Close()
	in.cancel()
	s.leave(shown, result.line)
	if in.interruptible() {
		<-typed
	}
	s.sender.Wait()
	if result.err == nil && closed != nil {
		result.err = fmt.Errorf("detach from %s: %w", s.label, closed)
	}
	return result
}

// guard runs one direction, and brings what it panics with to Run, so that the
// terminal is restored before the program dies.
func (s *session) guard(done chan<- struct{}, direction func() outcome) {
	defer close(done)
	defer func() {
		if p := recover(); p != nil {
			s.ended <- outcome{panicked: p}
		}
	}()
	s.ended <- direction()
}

// await waits for the end, and obeys signals until then.
func (s *session) await(ctx context.Context, signals signals) outcome {
	for {
		select {
		case result := <-s.ended:
			if result.goesOn {
				continue
			}
			return result
		case <-ctx.Done():
			return outcome{code: 1, err: ctx.Err()}
		case sig := <-signals.c:
			if code, end := s.obey(sig); end {
				return outcome{code: code, line: s.leftLine()}
			}
		}
	}
}

// leave undoes what the guest did to the terminal, and tells the person why it is over.
func (s *session) leave(shown <-chan struct{}, line string) {
	timer := time.NewTimer(leaveGrace)
	defer timer.Stop()
	select {
	case <-shown:
		if term.IsTerminal(int(s.Out.Fd())) {
			// The cursor may be anywhere: what follows begins on a line of its own.
			// A terminal that is gone cannot be told, so the error does not matter.
			_, _ = s.Out.Write(append(s.filter.Leave(), "\r\n\x1b[J"...))
		}
	case <-timer.C:
	}
	if s.tty != nil {
		s.tty.restore()
	}
	if line != "" {
		s.say(line)
	}
}

// say writes a line for the person.
func (s *session) say(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	end := "\n"
	if s.tty != nil && s.tty.isRaw() {
		end = "\r\n"
	}
	// There is nobody else to tell if standard error is gone.
	_, _ = fmt.Fprintf(s.Err, "[%s]%s", line, end)
}

// leftLine is what a person reads who has left.
func (s *session) leftLine() string { return "detached from " + s.label + "; it runs on" }

// resize tells the console the size of the terminal.
func (s *session) resize() {
	cols, rows, err := term.GetSize(int(s.Out.Fd()))
	if err != nil || cols <= 0 || rows <= 0 {
		return
	}
	// A lost connection is reported by the reading side.
	_ = s.Client.Resize(attach.Size{Cols: cols, Rows: rows})
}
