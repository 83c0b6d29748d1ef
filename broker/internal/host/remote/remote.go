package remote

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/prompt"
)

const (
	// closeGrace is how long Close waits for commands to be ended before it ends the connections under them, and then
	// for the connections.
	closeGrace = 2 * time.Second
	// killGrace is how long a command that was given up may take to go before its caller returns without it.
	killGrace = time.Second
)

var _ host.Host = (*Host)(nil)

// Options describe a host.
type Options struct {
	// Name is the host's name as the user configured it.
	Name string
	// Connector makes the connections.
	Connector Connector
	// Escalation is how commands with Raised set get their rights; empty means none.
	Escalation host.Escalation
	// Prompts asks for the password of sudo or Kerberos.
	Prompts *prompt.Registry
}

// Host is a host behind SSH. It is made by [New] and closed by its owner. It connects when it is first used, keeps the
// connection, and makes a new one when that is lost.
type Host struct {
	options Options
	pool    *pool
	rights  rights

	// life ends with Close, and with it every command.
	life context.Context
	end  context.CancelFunc
	// work counts what Close waits for.
	work sync.WaitGroup

	// openMu guards open, the streams and connections that were handed out, and closed.
	openMu sync.Mutex
	open   map[io.Closer]struct{}
	closed bool
}

// New returns a host; nothing is connected yet.
func New(o Options) *Host {
	h := &Host{options: o, open: make(map[io.Closer]struct{})}
	h.life, h.end = context.WithCancel(context.Background())
	h.pool = newPool(o.Connector, &h.work)
	h.rights = rights{host: h, how: o.Escalation, turn: make(chan struct{}, 1)}
	return h
}

// Name returns the name given in Options.
func (h *Host) Name() string { return h.options.Name }

// Connections counts the live SSH connections to the host.
func (h *Host) Connections() int { return h.pool.connections() }

// Close ends what was started here: commands are killed, streams and connections closed, SSH connections ended. A password
// that was kept for escalation is wiped.
func (h *Host) Close() error {
	h.openMu.Lock()
	first := !h.closed
	h.closed = true
	open := h.open
	h.open = nil
	h.openMu.Unlock()
	if !first {
		return nil
	}
	h.end()
	for c := range open {
		_ = c.Close() // their users see the end; its error is theirs
	}
	h.rights.forget()
	h.pool.drain(closeGrace)
	h.pool.close()
	h.wait(closeGrace)
	return nil
}

// wait waits for the host's goroutines, at most for d.
func (h *Host) wait(d time.Duration) {
	done := make(chan struct{})
	go func() {
		h.work.Wait()
		close(done)
	}()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

// begin starts a method: it checks that the host is open and counts one piece of work that Close waits for. ctx ends with
// the host.
func (h *Host) begin(ctx context.Context) (_ context.Context, done func(), err error) {
	h.openMu.Lock()
	defer h.openMu.Unlock()
	if h.closed {
		return nil, nil, net.ErrClosed
	}
	if err := context.Cause(ctx); err != nil {
		return nil, nil, err
	}
	h.work.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(h.life, func() { cancel(net.ErrClosed) })
	return ctx, func() {
		stop()
		cancel(nil)
		h.work.Done()
	}, nil
}

// keep remembers c for Close; false when the host is closed already, and c then is the caller's to close.
func (h *Host) keep(c io.Closer) bool {
	h.openMu.Lock()
	defer h.openMu.Unlock()
	if h.closed {
		return false
	}
	h.open[c] = struct{}{}
	return true
}

// forget drops c, which its user has closed.
func (h *Host) forget(c io.Closer) {
	h.openMu.Lock()
	defer h.openMu.Unlock()
	delete(h.open, c)
}

// failure makes err an error of this host, unless it is one. A question that nobody could be asked gets an advice.
func (h *Host) failure(action string, err error) error {
	e := &host.Error{Host: h.Name(), Action: action, Err: err}
	var known *host.Error
	if errors.As(err, &known) {
		copied := *known
		e = &copied
	}
	if e.Advice == "" && errors.Is(err, prompt.ErrNobody) {
		e.Advice = "ask through a terminal or an editor that shows questions; a connection that is made once serves all"
	}
	return e
}
