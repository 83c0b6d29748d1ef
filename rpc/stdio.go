package rpc

import (
	"errors"
	"io"
	"os"
	"time"
)

// Stdio joins a reading and a writing end, such as standard input and output,
// to one stream. Closing it closes both. The end of r ends a connection on it.
//
// A process that writes to standard output must not be killed by SIGPIPE when
// the peer is gone: main should have os/signal ignore it, then the write fails
// and the connection closes in order.
func Stdio(r io.ReadCloser, w io.WriteCloser) io.ReadWriteCloser { return &stdio{r, w} }

type stdio struct {
	r io.ReadCloser
	w io.WriteCloser
}

func (s *stdio) Read(p []byte) (int, error)  { return s.r.Read(p) }
func (s *stdio) Write(p []byte) (int, error) { return s.w.Write(p) }

// Close closes both ends.
func (s *stdio) Close() error { return errors.Join(s.w.Close(), s.r.Close()) }

// SetReadDeadline passes on to the reading end. os.ErrNoDeadline says that
// Close cannot interrupt a read either.
func (s *stdio) SetReadDeadline(t time.Time) error {
	if d, ok := s.r.(interface{ SetReadDeadline(time.Time) error }); ok {
		return d.SetReadDeadline(t)
	}
	return errors.ErrUnsupported
}

// SetWriteDeadline passes on to the writing end, as SetReadDeadline.
func (s *stdio) SetWriteDeadline(t time.Time) error {
	if d, ok := s.w.(interface{ SetWriteDeadline(time.Time) error }); ok {
		return d.SetWriteDeadline(t)
	}
	return errors.ErrUnsupported
}

// SetWriteBuffer limits the bytes between the writing end and its reader.
func (s *stdio) SetWriteBuffer(n int) error {
	switch w := s.w.(type) {
	case writeBuffered:
		return w.SetWriteBuffer(n)
	case *os.File:
		return setWriteBuffer(w, n)
	}
	return errors.ErrUnsupported
}

var (
	_ deadliner     = (*stdio)(nil)
	_ deadliner     = (*os.File)(nil)
	_ writeBuffered = (*stdio)(nil)
)
