package attach

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/conbroker/conbroker/consoles"
)

const (
	// helloTimeout bounds how long a client may take to say what it wants.
	helloTimeout = 10 * time.Second
	// lingerTimeout bounds how long a client may take to hang up after the exit frame.
	lingerTimeout = 2 * time.Second
	// acceptPause is how long to wait when the process has no descriptors left.
	acceptPause = 100 * time.Millisecond
)

// Server lets clients attach to the consoles of a hub.
type Server struct {
	// Hub holds the consoles.
	Hub *consoles.Hub
	// Logger is told about clients that misbehave; nil discards that. What
	// passes through a console is never logged.
	Logger *slog.Logger
	// CheckPeer, if set, is asked about every connection before a byte is read;
	// an error refuses it. It is where the peer's user is checked.
	CheckPeer func(net.Conn) error
}

// Serve accepts clients on l until ctx ends or l is closed, and then closes
// their connections and waits for them. Consoles are not touched. It closes l.
// The error is nil unless accepting failed for another reason.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { closeQuietly(l) })
	var wg sync.WaitGroup
	defer func() {
		cancel()
		stop()
		closeQuietly(l)
		wg.Wait()
	}()
	for {
		conn, err := l.Accept()
		if err == nil {
			wg.Go(func() { s.serveConn(ctx, conn) })
			continue
		}
		if errors.Is(err, net.ErrClosed) || ctx.Err() != nil {
			return nil
		}
		if !outOfDescriptors(err) {
			return fmt.Errorf("accept attach clients on %s: %w", l.Addr(), err)
		}
		s.log().Warn("cannot accept an attach client now", "error", err)
		pause(ctx, acceptPause)
	}
}

func (s *Server) log() *slog.Logger {
	if s.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Logger
}

// serveConn talks with one client until it goes, its console ends or ctx ends.
func (s *Server) serveConn(ctx context.Context, conn net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { closeQuietly(conn) })
	defer stop()
	defer closeQuietly(conn)
	if s.CheckPeer != nil {
		if err := s.CheckPeer(conn); err != nil {
			s.log().Warn("attach client refused", "error", err)
			return
		}
	}
	p, err := s.greet(conn)
	if err != nil {
		s.log().Info("attach failed", "error", err)
		return
	}
	defer p.att.Detach()
	if err := p.run(ctx); err != nil {
		s.log().Debug("attach client gone", "client", p.att.Client(), "error", err)
	}
}

// greet reads the hello, attaches, and answers.
func (s *Server) greet(conn net.Conn) (*peer, error) {
	if err := conn.SetDeadline(time.Now().Add(helloTimeout)); err != nil {
		return nil, err
	}
	p := newPeer(conn)
	hello, err := p.readHello()
	if err != nil {
		return nil, err
	}
	refusal := s.attach(p, hello)
	if refusal != nil {
		return nil, errors.Join(refusal, writeLine(conn, answer{Error: refusal}))
	}
	if err := writeLine(conn, answer{OK: p.welcome()}); err != nil {
		p.att.Detach()
		return nil, err
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		p.att.Detach()
		return nil, err
	}
	return p, nil
}

// attach gives p what hello asks for.
func (s *Server) attach(p *peer, hello *Hello) *Error {
	if refusal := hello.check(); refusal != nil {
		return refusal
	}
	c, ok := s.Hub.Get(hello.Console)
	if !ok {
		return &Error{Code: CodeNotFound, Message: fmt.Sprintf("there is no console %q; \"conbroker call console/list\" shows those there are", cleanName(hello.Console))}
	}
	att, err := c.Attach(hello.options())
	if err != nil {
		return refuse(err)
	}
	p.console, p.att = c, att
	return nil
}

// refuse translates an error of the hub for the client.
func refuse(err error) *Error {
	var busy *consoles.BusyError
	e := &Error{Code: CodeFailed, Message: err.Error()}
	switch {
	case errors.As(err, &busy):
		e.Code, e.Holder = CodeBusy, busy.Holder
		e.Message = fmt.Sprintf("%q is typing on this console; watch it with --read-only, or take over with --takeover", busy.Holder)
	case errors.Is(err, consoles.ErrReadOnly):
		e.Code, e.Message = CodeReadOnly, "this attachment only watches; nothing was typed"
	case errors.Is(err, consoles.ErrOffset):
		e.Code = CodeInvalid
	case errors.Is(err, consoles.ErrNoBreak):
		e.Code = CodeUnsupported
	}
	return e
}

// pause waits for d or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// closeQuietly closes what may be closed already; there is nobody to tell.
func closeQuietly(c interface{ Close() error }) { _ = c.Close() }
