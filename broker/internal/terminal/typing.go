package terminal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
)

// interrupt is what ^C types; it leaves a console that is only watched.
const interrupt = 0x03

const (
	// typeChunk is how much is read of In at once.
	typeChunk = 16 << 10
	// typeAhead bounds what waits for a guest that does not read. Up to it the
	// escape character is still seen; a paste that is larger waits in the terminal.
	typeAhead = 64
	// settleTime bounds how long leaving waits for what was typed before it.
	settleTime = 200 * time.Millisecond
)

// typeInto sends what is typed to the console until In ends or the person leaves.
func (s *session) typeInto(in input) outcome {
	chunks, sent := make(chan []byte, typeAhead), make(chan struct{})
	var sendErr error
	s.sender.Go(func() {
		defer close(sent)
		sendErr = s.send(chunks)
	})
	result := s.read(in, chunks)
	close(chunks)
	if !result.goesOn {
		s.settle(sent)
		return result
	}
	<-sent
	if sendErr != nil {
		return outcome{code: 1, err: sendErr}
	}
	if s.DetachOnEOF {
		return outcome{line: s.leftLine()}
	}
	return result
}

// settle gives what was typed before leaving a moment to be sent; a guest that
// does not read must not keep the person.
func (s *session) settle(sent <-chan struct{}) {
	timer := time.NewTimer(settleTime)
	defer timer.Stop()
	select {
	case <-sent:
	case <-s.quit:
	case <-timer.C:
	}
}

// read takes what is typed apart into chunks for the console.
func (s *session) read(in input, chunks chan<- []byte) outcome {
	buf := make([]byte, typeChunk)
	for {
		n, err := in.read(buf)
		data, left := s.untilEscape(buf[:n])
		if len(data) > 0 && !s.ReadOnly {
			select {
			case chunks <- bytes.Clone(data):
			case <-s.quit:
				return outcome{}
			}
		}
		switch {
		case left:
			return outcome{line: s.leftLine()}
		case err == nil:
		case s.tty == nil && errors.Is(err, io.EOF):
			return outcome{goesOn: true}
		case errors.Is(err, errCancelled):
			return outcome{}
		case errors.Is(err, io.EOF):
			return outcome{line: s.leftLine()} // the terminal was hung up
		default:
			return outcome{code: 1, err: fmt.Errorf("read what is typed into %s: %w", s.label, err)}
		}
	}
}

// untilEscape returns what is before the escape character, and whether it is there.
func (s *session) untilEscape(p []byte) ([]byte, bool) {
	if s.tty == nil {
		return p, false
	}
	at := -1
	if s.Escape != 0 {
		at = bytes.IndexByte(p, s.Escape)
	}
	if s.ReadOnly && at < 0 {
		at = bytes.IndexByte(p, interrupt)
	}
	if at < 0 {
		return p, false
	}
	return p[:at], true
}

// send sends chunks until there are no more.
func (s *session) send(chunks <-chan []byte) error {
	for data := range chunks {
		if err := s.Client.Input(data); err != nil {
			for range chunks { // the console has ended, or the person left: nobody takes it
			}
			if s.over() {
				return nil
			}
			return fmt.Errorf("type into %s: %w", s.label, err)
		}
	}
	return nil
}

// over reports whether the session has ended.
func (s *session) over() bool {
	select {
	case <-s.quit:
		return true
	default:
		return false
	}
}

// errCancelled says that reading was ended by cancel.
var errCancelled = errors.New("reading was cancelled")

// input is a source of what is typed that can be told to stop.
type input interface {
	// read reads once; errCancelled after cancel.
	read(p []byte) (int, error)
	// cancel ends a read that waits, where the system can.
	cancel()
	// interruptible reports whether cancel ends a read that waits.
	interruptible() bool
}

// Escape returns the byte of an escape character written as "^X", and 0 for "none".
func Escape(word string) (byte, error) {
	if word == "none" {
		return 0, nil
	}
	if len(word) == 2 && word[0] == '^' {
		c := word[1]
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c > '@' && c <= '_' {
			return c - '@', nil
		}
	}
	return 0, fmt.Errorf("escape character %q is neither ^ with a letter or one of [ \\ ] ^ _, nor none", word)
}
