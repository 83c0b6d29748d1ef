// Package rpc is a JSON-RPC 2.0 connection with the framing of the Language
// Server Protocol ("Content-Length: N", an empty line, N bytes). It holds what
// a broker of hostile and slow streams needs: every buffer is bounded, bad input
// is answered and the connection lives on, replies never wait behind output, and
// no goroutine but the writer ever waits for the peer.
//
// It knows no method by name: names come in by Options.
package rpc

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sourcegraph/jsonrpc2"
)

// Conn is one end of a connection. All methods may be called from any
// goroutine. A Conn ends when the peer closes its side, when the stream fails,
// when the peer does not read, with the context of NewConn, or by Stop or Close;
// its owner then calls Close or Wait.
type Conn struct {
	opts   Options
	rwc    io.ReadWriteCloser
	out    *writer
	stream *objectStream
	peer   *jsonrpc2.Conn
	work   inFlight
	calls  atomic.Uint64 // id of the latest Call; they count from 1
	limit  atomic.Int64  // bytes a received message may have

	ctx    context.Context // of all handlers
	cancel context.CancelFunc

	stopOnce sync.Once
	stopping chan struct{} // closed by the first stop
	how      ending        // valid when stopping is closed
	cause    error         // valid when stopping is closed
	done     chan struct{}
}

// ending says who ended the connection, hence what is still worth doing.
type ending int

const (
	byOwner ending = iota // cancel handlers, write their replies
	byPeer                // the same, after Options.Linger
	byFault               // nothing more can be written
)

// NewConn starts a connection on rwc, which it owns from now on: rwc is closed
// when the connection ends. Reading and writing are concurrent, one goroutine
// each; Close should make both return. When ctx ends, the connection is stopped.
func NewConn(ctx context.Context, rwc io.ReadWriteCloser, o Options) *Conn {
	c := &Conn{opts: o.withDefaults(), rwc: rwc, stopping: make(chan struct{}), done: make(chan struct{})}
	c.limit.Store(int64(c.opts.MaxFirstBody))
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	c.work.init(&c.opts)
	c.out = newWriter(rwc, &c.opts, func(err error) { c.stop(byFault, err) })
	c.stream = &objectStream{
		frames: newFrameReader(rwc, c.opts.MaxHeader, c.maxBody, func(e *ResponseError) { c.reject(&refusal{error: e}) }),
		out:    c.out,
		reject: c.reject,
		ended:  func(err error) { c.stop(byPeer, err) },
		start:  make(chan struct{}),
		stop:   c.stopping,
		done:   make(chan struct{}),
	}
	c.peer = jsonrpc2.NewConn(context.Background(), c.stream, dispatcher{c},
		jsonrpc2.OnRecv(c.stream.onRecv), jsonrpc2.OnSend(c.stream.onSend),
		jsonrpc2.SetLogger(quietLogger{c.opts.Logger}))
	c.narrow()
	go c.out.run()
	go c.supervise(ctx)
	close(c.stream.start)
	return c
}

// RaiseLimit allows received messages of Options.MaxBody bytes instead of
// Options.MaxFirstBody: to be called when the peer has introduced itself.
func (c *Conn) RaiseLimit() { c.limit.Store(int64(c.opts.MaxBody)) }

func (c *Conn) maxBody() int { return int(c.limit.Load()) }

// Context ends as soon as the connection begins to end; Done comes later.
func (c *Conn) Context() context.Context { return c.ctx }

// Done is closed when the connection has ended: its goroutines are gone,
// handlers have returned or were given up, and the stream is closed.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err returns why the connection ends or has ended: nil while it lives, and after
// the peer closed its side or Stop or Close was called.
func (c *Conn) Err() error {
	select {
	case <-c.stopping:
		return c.cause
	default:
		return nil
	}
}

// Stop begins to close the connection and returns at once, so that a handler
// may call it.
func (c *Conn) Stop() { c.stop(byOwner, nil) }

// Wait waits for Done and returns Err. It must not be called by a handler.
func (c *Conn) Wait() error {
	<-c.done
	return c.Err()
}

// Close stops the connection and waits for its end, within the bounds of
// Options.HandlerWait and Options.FlushWait. It must not be called by a handler.
func (c *Conn) Close() error {
	c.Stop()
	return c.Wait()
}

// AddSource adds an output source. It is not called before its Ready.
func (c *Conn) AddSource(s Source) *SourceHandle { return c.out.addSource(s) }

func (c *Conn) stop(how ending, cause error) {
	c.stopOnce.Do(func() {
		c.how, c.cause = how, cause
		close(c.stopping)
	})
}

// supervise closes the connection once it is stopped: stop reading, cancel the
// handlers, wait for them, write what is queued, close the stream. Each wait is
// bounded.
func (c *Conn) supervise(ctx context.Context) {
	defer close(c.done)
	blocking := c.uninterruptible()
	select {
	case <-c.stopping:
	case <-ctx.Done():
		c.Stop()
	}
	_ = c.peer.Close() // fails only when the peer has closed already
	if c.how == byFault {
		c.closeStream()
	}
	if c.how == byPeer && c.opts.Linger > 0 {
		within(c.opts.Linger, c.work.idle())
	}
	c.work.close()
	c.cancel()
	c.interruptRead()
	if !within(c.opts.HandlerWait, c.work.idle()) {
		c.opts.Logger.Warn("handlers still run after the connection was closed", "count", c.work.running())
	}
	c.out.flush()
	within(c.opts.FlushWait, c.out.done)
	c.out.close()
	c.closeStream()
	if !blocking.write {
		<-c.out.done
	}
	if !blocking.read {
		<-c.stream.done
	}
}

func (c *Conn) closeStream() {
	if err := c.rwc.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		c.opts.Logger.Debug("close of the stream", "error", err)
	}
}

// inTransit is how many bytes the kernel should hold on their way to the peer.
// A reply waits for all of them: with a peer that reads 5 MB/s that is 13 ms for
// the 64 KiB of a Linux pipe and 3 ms for these. Throughput is the same.
const inTransit = 16 << 10

// writeBuffered is a stream with a buffer of known size, such as net.UnixConn.
type writeBuffered interface{ SetWriteBuffer(bytes int) error }

func (c *Conn) narrow() {
	if b, ok := c.rwc.(writeBuffered); ok {
		if err := b.SetWriteBuffer(inTransit); err != nil {
			c.opts.Logger.Debug("the write buffer keeps its size", "error", err)
		}
	}
}

// deadliner is what interrupts a read or write under way.
type deadliner interface {
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// blocking says which direction of the stream Close cannot interrupt: that of a
// file in blocking mode, such as an inherited standard input. Its goroutine is
// left to end with the process.
type blocking struct{ read, write bool }

func (c *Conn) uninterruptible() (b blocking) {
	if d, ok := c.rwc.(deadliner); ok {
		b.read = errors.Is(d.SetReadDeadline(time.Time{}), os.ErrNoDeadline)
		b.write = errors.Is(d.SetWriteDeadline(time.Time{}), os.ErrNoDeadline)
	}
	return b
}

func (c *Conn) interruptRead() {
	if d, ok := c.rwc.(deadliner); ok {
		_ = d.SetReadDeadline(time.Unix(1, 0)) // where it fails, closing the stream must do
	}
}

// within waits for done, at most for d, and reports whether it came.
func within(d time.Duration, done <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-done:
		return true
	case <-t.C:
		return false
	}
}
