package endpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// aliveWait bounds the question whether the daemon still lives.
const aliveWait = 2 * time.Second

// ForwardStdio copies bytes between a frontend and the daemon until either side is done, and closes conn. When stdin ends,
// the daemon is told, and what it still says is delivered. When the daemon ends the session, that is the end; if the
// daemon itself is gone, the error is a *[DiedError]. A Read of stdin may still be waiting when ForwardStdio returns; the
// process is expected to exit.
func ForwardStdio(ctx context.Context, conn net.Conn, stdin io.Reader, stdout io.Writer) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends both copies
	defer stop()
	upEnded := make(chan error, 1)
	go func() { upEnded <- sendAll(conn, stdin) }()
	out := &watchedWriter{w: stdout}
	_, readErr := io.Copy(out, conn)
	inputEnded := false
	select {
	case err := <-upEnded: // an error is the end that the other direction sees too
		inputEnded = err == nil
	default:
	}
	_ = conn.Close() // both directions are done
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case out.err != nil:
		return fmt.Errorf("write to the frontend: %w", out.err)
	case inputEnded && readErr == nil:
		return nil
	}
	return sessionEnd(ctx, conn, readErr)
}

// sendAll copies stdin to the daemon and then tells it that nothing more comes. It returns the error of the copy.
func sendAll(conn net.Conn, stdin io.Reader) error {
	_, err := io.Copy(conn, stdin)
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // fails only on a connection that is closed already
	}
	return err
}

// sessionEnd judges a session that the daemon's side ended: in order if the daemon still answers.
func sessionEnd(ctx context.Context, conn net.Conn, readErr error) error {
	ctx, cancel := context.WithTimeout(ctx, aliveWait)
	defer cancel()
	if c, ok := conn.(*Conn); ok {
		return c.died(ctx)
	}
	if readErr == nil {
		readErr = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("the daemon ended the connection: %w", readErr)
}

// watchedWriter remembers the error of a Write, to tell it from one of the Read that a copy also reports.
type watchedWriter struct {
	w   io.Writer
	err error
}

func (w *watchedWriter) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	w.err = errors.Join(w.err, err)
	return n, err
}
