package rpc

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"runtime/debug"

	"github.com/sourcegraph/jsonrpc2"
)

// dispatcher is the handler of jsonrpc2.Conn: it runs on the read loop and sees
// only a stub; the message is in the stream.
type dispatcher struct{ c *Conn }

// Handle implements jsonrpc2.Handler.
func (d dispatcher) Handle(context.Context, *jsonrpc2.Conn, *jsonrpc2.Request) {
	d.c.dispatch(d.c.stream.current)
}

// dispatch runs or starts what msg asks for; it never waits for anything.
func (c *Conn) dispatch(msg *message) {
	req := &msg.request
	ordered := c.opts.Ordered(req.Method)
	switch {
	case req.IsNotification() && req.Method == c.opts.CancelMethod && req.Method != "":
		c.work.cancel(req.Params)
	case req.IsNotification() && ordered:
		c.notifyInline(msg)
	default:
		c.accept(msg, ordered)
	}
}

// notifyInline runs an ordered notification. It is not counted as in flight, so
// that input and acknowledgements get through however busy the connection is.
func (c *Conn) notifyInline(msg *message) {
	result, err := c.guard(c.ctx, &msg.request, c.handler(&msg.request))
	if d, ok := result.(Deferred); ok && err == nil {
		if j := c.begin(msg); j != nil {
			go c.run(j, d)
		}
		return
	}
	if err != nil {
		c.opts.Logger.Debug("notification failed", "method", msg.request.Method, "error", err)
	}
	c.runAfter(&msg.request)
}

// accept starts a request or an unordered notification.
func (c *Conn) accept(msg *message, ordered bool) {
	j := c.begin(msg)
	if j == nil {
		return
	}
	if !ordered {
		go c.run(j, c.handler(&msg.request))
		return
	}
	result, err := c.guard(j.ctx, &msg.request, c.handler(&msg.request))
	if d, ok := result.(Deferred); ok && err == nil {
		go c.run(j, d)
		return
	}
	c.finish(j, result, err)
}

func (c *Conn) handler(req *Request) Deferred {
	return func(ctx context.Context) (any, error) { return c.opts.Handler.Handle(ctx, c, req) }
}

// begin admits msg as a job; nil means that it was refused.
func (c *Conn) begin(msg *message) *job {
	ctx, cancel := context.WithCancel(c.ctx)
	j := &job{message: msg, ctx: ctx, cancel: cancel}
	bad := c.work.begin(j)
	if bad == nil {
		return j
	}
	cancel()
	if msg.request.IsNotification() {
		c.opts.Logger.Warn("notification dropped", "method", msg.request.Method, "reason", bad.Message)
		return nil
	}
	c.reject(&refusal{id: msg.request.ID, error: bad})
	return nil
}

// run runs f, and what it defers, for j.
func (c *Conn) run(j *job, f Deferred) {
	result, err := c.guard(j.ctx, &j.request, f)
	for err == nil {
		d, ok := result.(Deferred)
		if !ok {
			break
		}
		result, err = c.guard(j.ctx, &j.request, d)
	}
	c.finish(j, result, err)
}

// finish answers j and ends it. The id is free before the reply is queued: who
// has read the reply may use it again.
func (c *Conn) finish(j *job, result any, err error) {
	defer c.work.end()
	var reply []byte
	if !j.request.IsNotification() {
		reply = c.reply(j, result, err)
	}
	j.cancel()
	c.work.free(j)
	if reply != nil {
		c.queue(reply)
	}
	c.runAfter(&j.request)
}

// queue puts a reply on the control lane. An error means that the connection
// has ended, or now does: there is nobody to tell.
func (c *Conn) queue(reply []byte) {
	if err := c.out.send(reply); err != nil {
		c.opts.Logger.Debug("reply not sent", "error", err)
	}
}

func (c *Conn) runAfter(req *Request) {
	for _, f := range req.after {
		_, _ = c.guard(c.ctx, req, func(context.Context) (any, error) { f(); return nil, nil })
	}
}

// guard calls f and turns a panic into an error that names an incident: the
// log has the rest under that name.
func (c *Conn) guard(ctx context.Context, req *Request, f Deferred) (result any, err error) {
	defer func() {
		if p := recover(); p != nil {
			incident := newIncident()
			c.opts.Logger.Error("handler panicked", "incident", incident, "method", req.Method,
				"panic", p, "stack", string(debug.Stack()))
			result = nil
			err = &ResponseError{Code: CodeInternalError, Message: "internal error (incident " + incident + ")"}
		}
	}()
	return f(ctx)
}

func newIncident() string {
	var b [4]byte
	rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	return hex.EncodeToString(b[:])
}

// reject answers what is no message, or one that is not accepted.
func (c *Conn) reject(r *refusal) {
	c.opts.Logger.Debug("message refused", "code", r.error.Code, "reason", r.error.Message)
	c.queue(encodeError(r.id, r.error))
}
