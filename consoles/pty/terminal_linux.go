package pty

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// lateDrain bounds what is still read when the time to drain is over, in bytes:
// more than a terminal ever holds, so nothing that was printed in time is lost.
const lateDrain = 1 << 20

// manyBytes is the size of a read from which on more output is likely to wait.
const manyBytes = 1 << 10

// terminal is the master side of a pseudo-terminal, read through the poller of
// the runtime: neither an idle reader nor a blocked writer holds a thread, and
// close unblocks both.
type terminal struct {
	f    *os.File
	conn syscall.RawConn
	late int64 // bytes read after the time to drain was over; the reader's
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
	t := &terminal{f: os.NewFile(uintptr(fd), f.Name())}
	if t.conn, err = t.f.SyscallConn(); err != nil {
		return nil, errors.Join(err, t.f.Close())
	}
	return t, nil
}

func (t *terminal) read(b []byte) (n int, err error) {
	cerr := t.conn.Read(func(fd uintptr) bool {
		n, err = readMany(int(fd), b)
		return n > 0 || !errors.Is(err, unix.EAGAIN)
	})
	switch {
	case errors.Is(cerr, os.ErrDeadlineExceeded):
		return t.readLate(b)
	case cerr != nil:
		// The runtime's poller has an error of its own for a file that was closed meanwhile, which os does not export.
		return 0, os.ErrClosed
	case n > 0:
		return n, nil
	case err == nil:
		err = io.EOF
	}
	return 0, err
}

// readMany fills b as far as it can without waiting. The kernel gives at most
// 4 KiB at once; a short piece means that no more is there, and then asking
// again would only cost time.
func readMany(fd int, b []byte) (n int, err error) {
	for n < len(b) {
		k, err := unix.Read(fd, b[n:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if k <= 0 {
			return n, err
		}
		n += k
		if k < manyBytes {
			break
		}
	}
	return n, nil
}

// readLate reads what is there without waiting, after the time to drain is over.
func (t *terminal) readLate(b []byte) (int, error) {
	var n int
	if t.late >= lateDrain {
		return 0, os.ErrClosed
	}
	cerr := t.control(func(fd uintptr) error {
		n, _ = readMany(int(fd), b) // an error ends reading as an empty terminal does
		return nil
	})
	switch {
	case cerr != nil || n <= 0:
		return 0, os.ErrClosed
	}
	t.late += int64(n)
	return n, nil
}

func (t *terminal) write(b []byte) (int, error) { return t.f.Write(b) }

// drainUntil ends reading at that time.
func (t *terminal) drainUntil(at time.Time) {
	_ = t.f.SetReadDeadline(at) // it fails only when closed, and then reading has ended
}

// control runs fn with the descriptor, without making the file blocking again as Fd would.
func (t *terminal) control(fn func(fd uintptr) error) error {
	var inner error
	if err := t.conn.Control(func(fd uintptr) { inner = fn(fd) }); err != nil {
		return err
	}
	return inner
}

func (t *terminal) close() error { return t.f.Close() }
