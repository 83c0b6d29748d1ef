package client

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"github.com/conbroker/conbroker/rpc"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// maxInbox bounds the bytes that wait for a slow Options.Handler. Output is bounded by the window of its attachment already.
const maxInbox = 32 << 20

// errSlowHandler ends a connection rather than lose a message in silence.
var errSlowHandler = errors.New("the handler does not keep up with the broker's messages")

// receiver takes what the broker sends, on the connection's read loop: it sorts and never waits.
type receiver struct{ c *Client }

// Handle implements rpc.Handler. All methods are ordered, hence none is a request that takes time.
func (r receiver) Handle(_ context.Context, _ *rpc.Conn, req *rpc.Request) (any, error) {
	if !req.IsNotification() {
		return nil, protocol.Errorf(protocol.CodeMethodNotFound, "this client answers no requests")
	}
	m := message{method: req.Method, params: req.Params}
	if m.method == "$/progress" && r.c.progress.report(m.params) {
		return nil, nil
	}
	r.c.router.route(m, r.c.enqueue)
	return nil, nil
}

// message is a notification of the broker.
type message struct {
	method string
	params json.RawMessage
	output *protocol.ConsoleOutputParams // params decoded, once they were
}

func (c *Client) enqueue(m message) {
	if !c.inbox.put(m) {
		c.conn.Stop()
	}
}

// deliver passes messages to the handler, one at a time, until the connection has ended.
func (c *Client) deliver() {
	for {
		m, ok := c.inbox.take()
		if !ok || c.handling.Err() != nil {
			return
		}
		if err := protocol.DispatchClient(c.handling, c.opts.Handler, m.method, m.params); err != nil {
			c.opts.Logger.Warn("a message of the broker was not taken", "method", m.method, "error", err)
		}
	}
}

// inbox holds messages between the read loop and the handler.
type inbox struct {
	mu      sync.Mutex
	changed sync.Cond
	waiting []message
	size    int // bytes of waiting
	closed  bool
	err     error // why put failed
}

func newInbox() *inbox {
	b := &inbox{}
	b.changed.L = &b.mu
	return b
}

// put adds a message; false says that there is no room, once and for all.
func (b *inbox) put(m message) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.size+len(m.params) > maxInbox {
		b.err = errSlowHandler
	}
	if b.err != nil {
		return false
	}
	b.waiting = append(b.waiting, m)
	b.size += len(m.params) + len(m.method)
	b.changed.Signal()
	return true
}

// take waits for a message; false says that there will be none.
func (b *inbox) take() (message, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.waiting) == 0 {
		if b.closed {
			return message{}, false
		}
		b.changed.Wait()
	}
	m := b.waiting[0]
	b.waiting = b.waiting[1:]
	b.size -= len(m.params) + len(m.method)
	return m, true
}

// close lets take return what is left, and then nothing.
func (b *inbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.changed.Signal()
}

func (b *inbox) fault() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}
