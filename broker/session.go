package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/conbroker/conbroker/broker/internal/prompt"
	"github.com/conbroker/conbroker/rpc"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// ErrNoShutdown is returned by Serve when the client sent exit without a shutdown before it.
var ErrNoShutdown = errors.New("the client sent exit without a shutdown before it")

// phase is where a conversation is in its life.
type phase int

const (
	phaseNew phase = iota
	phaseReady
	phaseShutdown
)

// session is the broker's side of one connection: what one client has attached, watches and waits for. It implements
// protocol.Server. What outlives the connection is in the Broker.
type session struct {
	broker *Broker
	conn   *rpc.Conn
	opened chan struct{}  // closed when conn is set
	work   sync.WaitGroup // goroutines of keyboards

	mu        sync.Mutex
	phase     phase
	unclean   bool // exit came without a shutdown
	client    string
	prompts   bool // the client can show prompts
	viewers   map[string]*viewer
	keyboards map[string]*keyboard
	matched   map[string]int64 // console -> offset after the last match of console/expect
	watching  *subscription
	nextID    int
}

// Serve speaks the protocol on rwc until the client leaves or ctx ends, and closes rwc. Whatever the client attached is detached;
// consoles and guests live on.
func (b *Broker) Serve(ctx context.Context, rwc io.ReadWriteCloser) error {
	s := &session{
		broker: b, opened: make(chan struct{}), client: "client",
		viewers: make(map[string]*viewer), keyboards: make(map[string]*keyboard), matched: make(map[string]int64),
	}
	s.conn = rpc.NewConn(ctx, rwc, rpc.Options{
		Handler: s, CancelMethod: protocol.MethodCancelRequest, CancelledCode: int64(protocol.CodeCancelled),
		Ordered: func(string) bool { return true }, MaxBody: maxBody, Linger: linger, Logger: b.log,
	})
	b.sessionsMu.Lock()
	b.sessions[s] = struct{}{}
	b.sessionsMu.Unlock()
	close(s.opened)
	err := s.conn.Wait()
	b.sessionsMu.Lock()
	delete(b.sessions, s)
	b.sessionsMu.Unlock()
	s.release()
	if s.unclean {
		return ErrNoShutdown
	}
	return err
}

// linger is how long requests go on after the client closed its side: a script that pipes requests into the broker gets its answers,
// and an editor that died leaves nothing behind for long.
const linger = 500 * time.Millisecond

// maxBody is the largest frame that the broker takes, in bytes (DESIGN section 4).
const maxBody = 4 << 20

// release gives back what the client had attached and watched.
func (s *session) release() {
	s.mu.Lock()
	viewers, watching := s.viewers, s.watching
	s.viewers, s.watching = map[string]*viewer{}, nil
	s.mu.Unlock()
	for _, v := range viewers {
		v.close()
	}
	if watching != nil {
		s.broker.watches.unsubscribe(watching)
	}
	s.broker.options.Prompts.Abandon(s)
	s.work.Wait()
}

// requestKey is the context key of the request being handled.
type requestKey struct{}

// later is what a method of an ordered request returns as its error when its result takes time.
type later struct {
	run func(ctx context.Context) (any, error)
}

// Error makes later an error; nobody sees the text.
func (later) Error() string { return "answered later" }

// Handle implements rpc.Handler. It runs on the read loop for every message, so that what the phase of the conversation allows is
// decided in the order of sending; what need not be ordered then goes on in a goroutine of its own.
func (s *session) Handle(ctx context.Context, _ *rpc.Conn, req *rpc.Request) (any, error) {
	<-s.opened
	if err := s.admit(req.Method); err != nil {
		return nil, err
	}
	if protocol.IsOrdered(req.Method) {
		return s.dispatch(ctx, req)
	}
	return rpc.Deferred(func(ctx context.Context) (any, error) { return s.dispatch(ctx, req) }), nil
}

// dispatch calls the method.
func (s *session) dispatch(ctx context.Context, req *rpc.Request) (any, error) {
	ctx = prompt.With(context.WithValue(ctx, requestKey{}, req), s)
	result, err := protocol.Dispatch(ctx, s, req.Method, req.Params)
	if deferred, ok := errors.AsType[later](err); ok {
		return rpc.Deferred(func(ctx context.Context) (any, error) {
			result, err := deferred.run(ctx)
			return result, s.failure(req, err)
		}), nil
	}
	return result, s.failure(req, err)
}

// failure turns a handler's error into the protocol's, and tells a notification's error where there is no reply to carry it.
func (s *session) failure(req *rpc.Request, err error) error {
	if err == nil {
		return nil
	}
	wire := wireError(err, "")
	if req.IsNotification() && req.Method != "exit" {
		s.log(protocol.MessageWarning, fmt.Sprintf("%s: %s", req.Method, wire.Message))
	}
	return wire
}

// admit refuses what the phase does not allow: everything but initialize and exit at first, everything but exit after shutdown.
func (s *session) admit(method string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case method == "exit":
		return nil
	case s.phase == phaseNew && method != "initialize":
		return protocol.Errorf(protocol.CodeNotInitialized, "%s came before initialize was answered", method)
	case s.phase == phaseReady && method == "initialize":
		return protocol.Errorf(protocol.CodeInvalidRequest, "initialize was answered already")
	case s.phase == phaseShutdown:
		return protocol.Errorf(protocol.CodeInvalidRequest, "%s came after shutdown; only exit may follow", method)
	}
	return nil
}

// afterReply has f run once the reply to the request being handled is queued: what f sends arrives behind it.
func afterReply(ctx context.Context, f func()) {
	ctx.Value(requestKey{}).(*rpc.Request).AfterReply(f)
}

// isNotification tells whether the message being handled expects no reply.
func isNotification(ctx context.Context) bool {
	return ctx.Value(requestKey{}).(*rpc.Request).IsNotification()
}

// notify sends a notification. A client that is gone, or does not read, is the connection's business.
func (s *session) notify(method string, params any) {
	if err := s.conn.Notify(method, params); err != nil {
		s.broker.log.Debug("notification not sent", "method", method, "error", err)
	}
}

// show sends a line for the person.
func (s *session) show(kind protocol.MessageType, text string) {
	s.notify("window/showMessage", protocol.MessageParams{Type: kind, Message: text})
}

// log sends a line for the client's log.
func (s *session) log(kind protocol.MessageType, text string) {
	s.notify("window/logMessage", protocol.MessageParams{Type: kind, Message: text})
}

// name is how other clients see this one.
func (s *session) name() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.client
}
