//go:build unix && !linux

package pty

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is the master side of a pseudo-terminal where the runtime's poller
// cannot read it (on macOS it spins): reading waits in select(2) on the terminal
// and on a pipe that close and drainUntil write to.
type terminal struct {
	f     *os.File
	wakeR *os.File
	wakeW *os.File

	until  atomic.Int64 // UnixNano at which reading ends; 0: never
	closed atomic.Bool

	// readMu is held while a read uses the descriptors, so that close does not
	// pull them away under it.
	readMu sync.Mutex
}

func newTerminal(f *os.File) (*terminal, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a pipe: %w", err), f.Close())
	}
	return &terminal{f: f, wakeR: r, wakeW: w}, nil
}

func (t *terminal) read(b []byte) (int, error) {
	t.readMu.Lock()
	defer t.readMu.Unlock()
	for {
		if t.closed.Load() {
			return 0, os.ErrClosed
		}
		ready, err := t.await()
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, err
		case ready:
			return t.f.Read(b)
		}
		if until := t.until.Load(); until != 0 && time.Now().UnixNano() >= until {
			return 0, os.ErrClosed
		}
	}
}

// await waits until the terminal can be read (true), or was woken, or the time
// to drain is over (false).
func (t *terminal) await() (bool, error) {
	tty, wake := int(t.f.Fd()), int(t.wakeR.Fd())
	if tty >= unix.FD_SETSIZE || wake >= unix.FD_SETSIZE {
		return false, fmt.Errorf("descriptor %d is too large for select", max(tty, wake))
	}
	var set unix.FdSet
	set.Set(tty)
	var limit *unix.Timeval
	if until := t.until.Load(); until != 0 {
		left := unix.NsecToTimeval(max(0, until-time.Now().UnixNano()))
		limit = &left
	} else {
		// Once the time to drain is known the pipe stays readable.
		set.Set(wake)
	}
	if _, err := unix.Select(max(tty, wake)+1, &set, nil, nil, limit); err != nil {
		return false, err
	}
	return set.IsSet(tty), nil
}

func (t *terminal) write(b []byte) (int, error) { return t.f.Write(b) }

// drainUntil ends reading at that time.
func (t *terminal) drainUntil(at time.Time) {
	t.until.Store(at.UnixNano())
	t.wake()
}

// wake makes a waiting read look again. The pipe is closed only by close.
func (t *terminal) wake() {
	_, _ = t.wakeW.Write([]byte{0}) // it fails only when closed
}

// control runs fn with the descriptor.
func (t *terminal) control(fn func(fd uintptr) error) error {
	if t.closed.Load() {
		return os.ErrClosed
	}
	return fn(t.f.Fd())
}

// close ends reading and closes the terminal. The process is gone by now, so
// that a blocked write has failed.
func (t *terminal) close() error {
	t.closed.Store(true)
	t.drainUntil(time.Now())
	t.readMu.Lock()
	defer t.readMu.Unlock()
	return errors.Join(t.f.Close(), t.wakeR.Close(), t.wakeW.Close())
}
