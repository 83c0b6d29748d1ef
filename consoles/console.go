package consoles

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/conbroker/conbroker/consoles/vt"
)

// Spec describes a console to open.
type Spec struct {
	ID    string // unique in the hub; chosen by the caller
	Label string // name of the machine or host, for people
	Kind  string // "guest", "host"; not interpreted here
	Host  string // where the stream comes from; not interpreted here
	Title string // title of recordings
	Size  Size   // size at the start; 80x24 if zero
	Term  string // terminal type that the far end was told, for recordings
	Meta  any    // kept for the caller, see Console.Meta

	// Reopen, if set, is called when the stream has ended and the console was
	// not closed. The stream that it returns continues the console, for example
	// after a reboot of the guest; an error ends the console. ctx ends when the
	// console is closed.
	Reopen func(ctx context.Context, ended ExitStatus) (Stream, error)

	// Record says where to record the output, if at all.
	Record RecordSpec
}

// Console is one live byte stream and everybody who watches it. It is safe for
// use by several goroutines.
type Console struct {
	hub      *Hub
	spec     Spec
	openedAt time.Time
	ctx      context.Context // ends with the console
	cancel   context.CancelFunc
	wg       sync.WaitGroup // every goroutine of the console but the recorder's
	done     chan struct{}  // closed when the stream has ended
	advanced chan struct{}  // has room for one token: a client got further while the reader waits, see pace
	recorder *recorder      // nil if nothing is recorded

	// screenMu guards the screen model; it is taken before mu, never after.
	screenMu sync.Mutex
	screen   *vt.Screen   // nil until bytes are fed
	fed      atomic.Int64 // offset up to which the screen knows the stream; changed under screenMu

	// sizeMu puts resizes in order; it is taken before the other two.
	sizeMu sync.Mutex

	mu          sync.Mutex // guards what follows; never held while calling out
	ring        ring
	stream      Stream // replaced by Reopen
	size        Size
	attachments []*Attachment
	writer      writerRole
	input       inputQueue
	bytesIn     int64
	active      time.Time // when the stream last produced output
	feeding     bool      // a feeder goroutine runs
	pacing      bool      // the reader waits for clients, see pace
	closing     bool      // Close was called
	closed      bool      // the stream has ended for good
	forgotten   bool      // off the hub's list
	exit        ExitStatus
	expiry      *time.Timer
}

func newConsole(h *Hub, spec Spec, s Stream) *Console {
	spec.Size = spec.Size.orDefault()
	now := time.Now()
	c := &Console{
		hub: h, spec: spec, stream: s, size: spec.Size,
		openedAt: now, active: now, done: make(chan struct{}), advanced: make(chan struct{}, 1),
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.ring.limit = h.opt.Scrollback
	return c
}

// start begins to read, and to record if asked to.
func (c *Console) start() {
	if c.spec.Record.Path != "" {
		c.recorder = newRecorder(c)
		go c.recorder.run()
	}
	c.wg.Go(c.read)
}

// ID returns the id given in the Spec.
func (c *Console) ID() string { return c.spec.ID }

// Meta returns the value given in the Spec.
func (c *Console) Meta() any { return c.spec.Meta }

// Done returns a channel that is closed when the stream has ended for good.
func (c *Console) Done() <-chan struct{} { return c.done }

// Close ends the stream and waits until everything that belongs to the console
// has ended, but for a recording on a disk that does not answer no longer than
// 2 seconds. Clients get what was still read and then the Closed event.
func (c *Console) Close() {
	c.mu.Lock()
	c.closing = true
	s := c.stream
	c.mu.Unlock()
	c.cancel()
	if err := s.Close(); err != nil {
		c.hub.log.Warn("closing the stream of a console failed", "console", c.spec.ID, "error", err)
	}
	<-c.done
	c.wg.Wait()
	if c.recorder != nil {
		c.recorder.wait(recorderGrace)
	}
}

// Break sends a serial break to the guest. Error: ErrNoBreak, ErrClosed or the stream's.
func (c *Console) Break(ctx context.Context) error {
	c.mu.Lock()
	s, closed := c.stream, c.closed
	c.mu.Unlock()
	if closed {
		return fmt.Errorf("break on console %s: %w", c.spec.ID, ErrClosed)
	}
	b, ok := s.(Breaker)
	if !ok {
		return fmt.Errorf("break on console %s: %w", c.spec.ID, ErrNoBreak)
	}
	if err := b.Break(ctx); err != nil {
		return fmt.Errorf("break on console %s: %w", c.spec.ID, err)
	}
	return nil
}

func (c *Console) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// lastActive returns a figure that grows with the time of the last output;
// closed consoles come before all open ones.
func (c *Console) lastActive() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.active.UnixNano() - math.MaxInt64/2
	}
	return c.active.UnixNano()
}

// watched reports whether clients are attached.
func (c *Console) watched() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.attachments) > 0
}
