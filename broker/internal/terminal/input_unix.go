//go:build unix

package terminal

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// selectInput reads a file that may be anything, a terminal above all, once
// select(2) says that this does not wait. A pipe of its own ends the wait. It is
// select and not poll because macOS knows no poll on terminals.
type selectInput struct {
	f    *os.File
	r, w *os.File
}

func newInput(f *os.File) (input, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	in := &selectInput{f: f, r: r, w: w}
	if int(f.Fd()) >= unix.FD_SETSIZE || int(r.Fd()) >= unix.FD_SETSIZE {
		return nil, errors.Join(errors.New("too many files are open to wait for typing"), r.Close(), w.Close())
	}
	return in, nil
}

func (in *selectInput) read(p []byte) (int, error) {
	fd, stop := int(in.f.Fd()), int(in.r.Fd())
	for {
		var set unix.FdSet
		set.Set(fd)
		set.Set(stop)
		_, err := unix.Select(max(fd, stop)+1, &set, nil, nil, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("wait for typing: %w", err)
		}
		if set.IsSet(stop) {
			return 0, errors.Join(errCancelled, in.r.Close())
		}
		n, err := unix.Read(fd, p)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
			continue
		case errors.Is(err, unix.EIO): // the terminal is gone
			return 0, io.EOF
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

// cancel closes the writing end, which makes the reading end readable.
func (in *selectInput) cancel() { _ = in.w.Close() }

func (in *selectInput) interruptible() bool { return true }
