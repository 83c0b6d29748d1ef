package pty

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// lateDrain bounds what is still read when the time to drain is over, in bytes:
// more than a terminal ever holds, so nothing that was printed in time is lost.
const lateDrain = 1 << 20

// terminal is the master side of a pseudo-terminal, read through the poller of
// the runtime: neither an idle reader nor a blocked writer holds a thread, and
// close unblocks both.
type terminal struct {
	f    *os.File
	late atomic.Int64 // bytes read after the time to drain was over
}

// newTerminal takes over f, which creack/pty has opened in blocking mode.
func newTerminal(f *os.File) (*terminal, error) {
	defer f.Close() // its description lives on in the copy
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("duplicate the pty: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(fmt.Errorf("make the pty non-blocking: %w", err), unix.Close(fd))
	}
	return &terminal{f: os.NewFile(uintptr(fd), f.Name())}, nil
}

func (t *terminal) read(b []byte) (int, error) {
	n, err := t.f.Read(b)
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		return t.readLate(b)
	}
	return n, err
}

// readLate reads what is there without waiting, after the time to drain is over.
func (t *terminal) readLate(b []byte) (n int, err error) {
	if t.late.Load() >= lateDrain {
		return 0, os.ErrClosed
	}
	cerr := t.control(func(fd uintptr) error {
		n, err = unix.Read(int(fd), b)
		return nil
	})
	switch {
	case cerr != nil:
		return 0, cerr
	case err != nil || n <= 0:
		return 0, os.ErrClosed
	}
	t.late.Add(int64(n))
	return n, nil
}

func (t *terminal) write(b []byte) (int, error) { return t.f.Write(b) }

// drainUntil ends reading at that time.
func (t *terminal) drainUntil(at time.Time) {
	_ = t.f.SetReadDeadline(at) // it fails only when closed, and then reading has ended
}

// control runs fn with the descriptor, without making the file blocking again as Fd would.
func (t *terminal) control(fn func(fd uintptr) error) error {
	conn, err := t.f.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := conn.Control(func(fd uintptr) { inner = fn(fd) }); err != nil {
		return err
	}
	return inner
}

func (t *terminal) close() error { return t.f.Close() }
