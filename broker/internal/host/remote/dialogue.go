package remote

import (
	"bytes"
	"io"
	"sync"
	"time"
)

// stdinPatience is how long a raised command's input waits for a password prompt that does not come, because the policy
// of the host asks for none.
const stdinPatience = 5 * time.Second

// dialogue answers the password prompts of a raised command on its stderr, and holds the command's own input back until
// the password is given, so that neither is taken for the other. A nil dialogue does nothing.
type dialogue struct {
	// mark is the prompt that the command was told to use.
	mark []byte
	// answer gives the line to write for prompt number n, from 0; false gives up.
	answer func(n int) ([]byte, bool)
	// stdin is where answers go; next is where the rest of stderr goes.
	stdin halfCloser
	next  io.Writer
	// held could be the beginning of a prompt; asked counts prompts.
	held  []byte
	asked int
	// settled is closed when the command's input may be written.
	settled chan struct{}
	once    sync.Once
}

func newDialogue(mark string, answer func(n int) ([]byte, bool)) *dialogue {
	return &dialogue{mark: []byte(mark), answer: answer, settled: make(chan struct{})}
}

// halfCloser is the input of a command.
type halfCloser interface {
	io.Writer
	CloseWrite() error
}

// watch returns a writer that takes the prompts out of what it hands to next, and answers them on stdin.
func (d *dialogue) watch(next io.Writer, stdin halfCloser) io.Writer {
	if d == nil {
		return next
	}
	d.next, d.stdin = next, stdin
	return d
}

// Write looks for prompts. What could be the beginning of one is held back.
func (d *dialogue) Write(p []byte) (int, error) {
	d.held = append(d.held, p...)
	for {
		before, after, found := bytes.Cut(d.held, d.mark)
		if !found {
			break
		}
		_, _ = d.next.Write(before) // an output never fails
		d.held = append([]byte(nil), after...)
		d.reply()
	}
	safe := len(d.held) - partialSuffix(d.held, d.mark)
	_, _ = d.next.Write(d.held[:safe])
	d.held = append([]byte(nil), d.held[safe:]...)
	return len(p), nil
}

// flush hands on what was held back, at the end of the stream.
func (d *dialogue) flush() {
	if d != nil {
		_, _ = d.next.Write(d.held)
		d.held = nil
	}
}

// partialSuffix is the length of the longest end of b that begins mark.
func partialSuffix(b, mark []byte) int {
	for n := min(len(b), len(mark)-1); n > 0; n-- {
		if bytes.HasSuffix(b, mark[:n]) {
			return n
		}
	}
	return 0
}

// reply answers a prompt and then lets the command's input go.
func (d *dialogue) reply() {
	line, ok := d.answer(d.asked)
	d.asked++
	if !ok {
		_ = d.stdin.CloseWrite() // the command ends for want of an answer
		return
	}
	_, _ = d.stdin.Write(line) // if the command is gone, its status says so
	clear(line)
	d.once.Do(func() { close(d.settled) })
}

// ready waits until the command's input may be written; false when the command ended before.
func (d *dialogue) ready(ended <-chan struct{}) bool {
	if d == nil {
		return true
	}
	t := time.NewTimer(stdinPatience)
	defer t.Stop()
	select {
	case <-d.settled:
	case <-t.C:
	case <-ended:
		return false
	}
	return true
}
