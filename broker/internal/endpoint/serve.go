package endpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

const (
	// handlerGrace is how long handlers may take to end once Serve is to end; then their connections are closed.
	handlerGrace = 5 * time.Second
	// acceptRetry is how long accepting rests after a failure such as too many open files.
	acceptRetry = 50 * time.Millisecond
	// lingerBytes bounds what is taken from a refused client.
	lingerBytes = 64 << 10
	// maxConns bounds the connections at one time, those still in the handshake included.
	maxConns = 512
)

// server is one run of Serve.
type server struct {
	l      *Listener
	handle func(context.Context, net.Conn)
	work   sync.WaitGroup

	// connsMu guards conns: every open connection, true once its handshake is done.
	connsMu sync.Mutex
	conns   map[*net.UnixConn]bool
}

// Serve accepts clients until ctx ends or l's Idle is done; both are a nil error. handle is called for each client, in its
// own goroutine, with the connection after the handshake; Serve closes the connection when handle returns. The handlers'
// context ends with ctx; Serve returns when all of them have. Meanwhile nobody can connect, but the lock is still held:
// the caller ends everything else and then calls [Listener.Close].
func Serve(ctx context.Context, l *Listener, handle func(context.Context, net.Conn)) error {
	s := &server{l: l, handle: handle, conns: make(map[*net.UnixConn]bool)}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		select {
		case <-ctx.Done():
		case <-l.options.Idle.Done():
		}
		_ = l.socket.Close() // ends accept; also removes the socket
	}()
	err := s.accept(ctx)
	cancel()
	<-stopped
	s.finish()
	return err
}

// accept takes connections until the socket is closed.
func (s *server) accept(ctx context.Context) error {
	for {
		conn, err := s.l.socket.AcceptUnix()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil && ctx.Err() == nil:
			s.l.options.Log.Error("accept failed", "socket", s.l.place.Socket, "reason", err)
			if !pause(ctx, acceptRetry) {
				return nil
			}
		case err == nil && s.add(conn):
			s.work.Go(func() { s.serve(ctx, conn) })
		}
	}
}

// pause waits for d; false if ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// add checks and remembers a new connection, or closes it.
func (s *server) add(conn *net.UnixConn) bool {
	err := checkPeer(conn)
	s.connsMu.Lock()
	defer s.connsMu.Unlock()
	if err == nil && len(s.conns) >= maxConns {
		err = fmt.Errorf("there are %d connections already", maxConns)
	}
	if err != nil {
		s.l.options.Log.Warn("refused a connection", "socket", s.l.place.Socket, "reason", err)
		_ = conn.Close() // nothing was said on it
		return false
	}
	s.conns[conn] = false
	return true
}

// serve runs one connection to its end.
func (s *server) serve(ctx context.Context, conn *net.UnixConn) {
	defer func() {
		s.connsMu.Lock()
		delete(s.conns, conn)
		s.connsMu.Unlock()
		_ = conn.Close() // the handler may have done so
	}()
	connected, err := s.l.greet(conn)
	if err != nil {
		s.l.options.Log.Warn("handshake failed", "socket", s.l.place.Socket, "reason", err)
	}
	if !connected {
		linger(conn)
		return
	}
	defer s.l.options.Idle.Release(Client)
	s.connsMu.Lock()
	s.conns[conn] = true
	s.connsMu.Unlock()
	s.handle(ctx, conn)
}

// linger takes what a refused client has still sent, so that closing does not take the refusal away from it. The deadline
// of the handshake goes on.
func linger(conn *net.UnixConn) {
	_ = conn.CloseWrite()                          // the client may have gone
	_, _ = io.CopyN(io.Discard, conn, lingerBytes) // as above
}

// greet is the daemon's side of the handshake. When it reports true, a Client is acquired.
func (l *Listener) greet(conn *net.UnixConn) (connected bool, err error) {
	if err := conn.SetDeadline(time.Now().Add(greetWait)); err != nil {
		return false, err
	}
	r, err := readRequest(conn)
	if errors.Is(err, errLine) {
		// The daemon's own line tells a lost client, and its author, what this socket is.
		_, writeErr := io.WriteString(conn, l.answer(refusedProtocol).line())
		return false, errors.Join(err, writeErr)
	}
	if err != nil {
		return false, err
	}
	refused := l.decide(r)
	connected = r.Verb == verbConnect && refused == ""
	_, err = io.WriteString(conn, l.answer(refused).line())
	if !connected {
		return false, err
	}
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	if err != nil {
		l.options.Idle.Release(Client)
	}
	return err == nil, err
}

// readRequest reads the client's line.
func readRequest(r io.Reader) (request, error) {
	line, err := readLine(r)
	if err != nil {
		return request{}, err
	}
	return parseRequest(line)
}

// decide does what the client asks for, or says why not.
func (l *Listener) decide(r request) refusal {
	idle := l.options.Idle
	switch r.Verb {
	case verbConnect:
		if r.Protocol != l.options.Hello.Protocol {
			return refusedProtocol
		}
		if !idle.Acquire(Client) {
			return refusedRetiring
		}
		return ""
	case verbProbe:
		if idle.Over() {
			return refusedRetiring
		}
		return ""
	case verbRetire:
		if !idle.Retire() {
			return refusedBusy
		}
		return ""
	}
	return refusedVerb
}

// answer is the daemon's line for a decision.
func (l *Listener) answer(refused refusal) answer {
	a := answer{PeerHello: PeerHello{Hello: l.options.Hello, PID: os.Getpid()}, Refused: refused}
	a.Clients, a.Consoles = l.options.Idle.Held()
	return a
}

// finish waits for the handlers. Connections still in the handshake are closed at once, the others after a grace.
func (s *server) finish() {
	s.closeConns(false)
	ended := make(chan struct{})
	go func() {
		s.work.Wait()
		close(ended)
	}()
	t := time.NewTimer(handlerGrace)
	defer t.Stop()
	select {
	case <-ended:
		return
	case <-t.C:
	}
	s.closeConns(true)
	<-ended
}

// closeConns closes the connections whose handshake is not done, or all.
func (s *server) closeConns(all bool) {
	s.connsMu.Lock()
	defer s.connsMu.Unlock()
	for conn, greeted := range s.conns {
		if all || !greeted {
			_ = conn.Close() // its goroutine sees the end
		}
	}
}
