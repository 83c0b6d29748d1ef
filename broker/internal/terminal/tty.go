package terminal

import (
	"fmt"
	"os"
	"sync"

	"golang.org/x/term"
)

// tty is a terminal in raw mode.
type tty struct {
	fd int

	mu    sync.Mutex
	saved *term.State // as it was found
	raw   bool
}

// openTTY puts a terminal in raw mode.
func openTTY(f *os.File) (*tty, error) {
	t := &tty{fd: int(f.Fd())}
	saved, err := term.GetState(t.fd)
	if err != nil {
		return nil, fmt.Errorf("read the state of the terminal: %w", err)
	}
	t.saved = saved
	return t, t.makeRaw()
}

// makeRaw puts the terminal in raw mode, also if somebody has changed that behind our back.
func (t *tty) makeRaw() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, err := term.MakeRaw(t.fd); err != nil {
		return fmt.Errorf("put the terminal in raw mode: %w", err)
	}
	t.raw = true
	return nil
}

// restore brings the terminal back to what it was. It may be called again.
func (t *tty) restore() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.raw {
		return
	}
	// It fails when the terminal is gone, and then there is nothing to restore.
	_ = term.Restore(t.fd, t.saved)
	t.raw = false
}

// isRaw reports whether the terminal is in raw mode.
func (t *tty) isRaw() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.raw
}
