package terminal

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/term"

	"github.com/conbroker/conbroker/consoles"
	"github.com/conbroker/conbroker/consoles/attach"
)

// maxPending bounds the output that is gathered before it is written.
const maxPending = 64 << 10

// show writes what the console says to Out until the console ends.
func (s *session) show() outcome {
	var pending []byte
	for {
		ev, err := s.Client.Next()
		if err != nil {
			return s.lost(err)
		}
		if ev.Kind == attach.Output || ev.Kind == attach.Snapshot {
			pending = s.filter.Append(pending, ev.Data)
			if s.Client.Buffered() && len(pending) < maxPending {
				continue
			}
		}
		if len(pending) > 0 {
			if _, err := s.Out.Write(pending); err != nil {
				return outcome{code: 1, err: fmt.Errorf("show console %s: %w", s.label, err)}
			}
			pending = pending[:0]
		}
		if ev.Kind == attach.Exited {
			return outcome{code: exitCode(ev.Exit), line: endLine(s.label, ev.Exit)}
		}
		s.tell(ev)
	}
}

// lost says why no event comes any more.
func (s *session) lost(err error) outcome {
	select {
	case <-s.quit: // this side hung up
		return outcome{}
	default:
	}
	if errors.Is(err, io.EOF) {
		return outcome{line: s.label + " has ended"}
	}
	return outcome{code: 1, err: fmt.Errorf("%s: %w; \"conbroker open %s\" attaches again", s.label, err, s.label)}
}

// tell tells the person of events that are no output. What can be seen on the
// screen is not told on a terminal: after a gap the screen is painted afresh.
func (s *session) tell(ev attach.Event) {
	switch ev.Kind {
	case attach.Gap:
		if !term.IsTerminal(int(s.Out.Fd())) {
			s.say(fmt.Sprintf("%s: %d bytes of output are missing here, from offset %d: they came faster than they were read",
				s.label, ev.To-ev.From, ev.From))
		}
	case attach.Changed:
		if was := s.watching.Swap(ev.Change.Mode == consoles.Read); !was && ev.Change.Mode == consoles.Read {
			s.say(fmt.Sprintf("%s: %q has taken over; you are watching", s.label, ev.Change.Writer))
		}
	case attach.Refused:
		if !s.refused.Swap(true) {
			s.say(s.label + ": " + ev.Refusal.Message)
		}
	}
}

// exitCode returns the exit status of the program behind a console as one of ours.
func exitCode(e attach.Exit) int {
	if e.Code < 0 || e.Code > 255 {
		return 1
	}
	return e.Code
}

// endLine is what a person reads when the console has ended.
func endLine(label string, e attach.Exit) string {
	if e.Reason == "" {
		return label + " has ended"
	}
	return label + " has ended: " + e.Reason
}
