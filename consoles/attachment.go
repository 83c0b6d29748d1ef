package consoles

import (
	"context"
	"fmt"
	"sync"
)

// Mode says what an attachment may do.
type Mode string

// The modes. The zero value of a Mode means Read.
const (
	Read  Mode = "read"
	Write Mode = "write"
)

// Replay says what an attachment gets of what was there before it.
type Replay string

// The ways to replay. The zero value of a Replay means ReplayScreen.
const (
	// ReplayScreen repaints the screen as it is now. Old terminal queries are
	// not repeated, so the terminal at hand does not answer them into the guest.
	ReplayScreen Replay = "screen"
	// ReplayRaw gives the literal bytes from the oldest retained one on. It is
	// for logs and scripts: a terminal would answer old queries.
	ReplayRaw Replay = "raw"
	// ReplayNone gives only what comes from now on.
	ReplayNone Replay = "none"
)

// AttachOptions says how to attach.
type AttachOptions struct {
	Client   string // name of the client, shown to others
	Mode     Mode
	Takeover bool   // in mode Write: take the write role from its holder
	Replay   Replay // where to start, unless From is set; and what follows a gap

	// From resumes at an absolute offset. If that is no longer retained, the
	// first event is a Gap.
	From *int64

	// Window is the credit in bytes: at most so many bytes of output are on the
	// way, that is, given out by Next and not yet acknowledged by Ack. 0 means
	// no limit: the caller's pace is the limit.
	Window int64

	// Size is the client's terminal; it is applied as with Attachment.Resize if
	// this attachment may decide the size, and ignored if not.
	Size *Size

	// OnReady, if set, is called when Next may have something to give after it
	// had nothing. It must be cheap; it runs on the goroutine that caused it,
	// without locks, and may call Next. It may be called before Attach has
	// returned, and once more while Detach runs.
	OnReady func()
}

// Attachment is one client's view of a console. Next and Wait belong to one
// goroutine at a time; the other methods may be called from any.
type Attachment struct {
	c       *Console
	client  string
	hidden  bool // an inner reader: recording, expect
	replay  Replay
	onReady func()
	wake    chan struct{} // has room for one token, for Wait
	gone    chan struct{} // closed by Detach

	// What follows is guarded by c.mu.
	paces    bool // is worth waiting for, see Console.pace
	lagging  bool // was waited for in vain, and has not caught up since
	armed    bool // was told that something is there, and has not yet seen that nothing is left
	detached bool
	ended    bool  // the Closed event was given
	cursor   int64 // offset of the next byte to give
	credit   credit
	repaint  []byte // snapshot still to give
	painting bool   // part of repaint was given
	writer   *string
	resizes  []resizeMark

	dismissal *ExitStatus // why another client ended this attachment; nil if none did

	// What follows belongs to the caller of Next.
	buf *[maxChunk]byte
}

// Attach adds a client. Call Next at once: there may be something to give. Errors: *BusyError if another client writes and
// Takeover is not set; ErrOffset if From lies beyond the stream. A closed
// console that is still retained can be attached to and gives its screen and
// Closed, whatever the mode.
func (c *Console) Attach(o AttachOptions) (*Attachment, error) {
	a, err := c.attach(o, false)
	if err != nil {
		return nil, fmt.Errorf("attach %q to console %s: %w", o.Client, c.spec.ID, err)
	}
	if o.Size != nil {
		if err := a.Resize(*o.Size); err != nil {
			c.hub.log.Debug("size of a new attachment was not applied", "console", c.spec.ID, "error", err)
		}
	}
	return a, nil
}

// attach adds an attachment; a hidden one does not show and has no role.
func (c *Console) attach(o AttachOptions, hidden bool) (*Attachment, error) {
	a := &Attachment{
		c: c, client: o.Client, hidden: hidden, replay: o.Replay, onReady: o.OnReady,
		wake: make(chan struct{}, 1), gone: make(chan struct{}), credit: credit{window: o.Window},
	}
	if a.replay == "" {
		a.replay = ReplayScreen
	}
	var painted int64
	if o.From == nil && a.replay == ReplayScreen {
		a.repaint, painted = c.repaint()
	}
	c.mu.Lock()
	wake, err := a.enter(o, painted)
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	signal(wake)
	if a.Mode() == Write {
		c.hub.changed(WriterChange, c)
	}
	return a, nil
}

// enter puts a on the console's list. c.mu is held.
func (a *Attachment) enter(o AttachOptions, painted int64) (wake []*Attachment, err error) {
	c := a.c
	switch {
	case o.From != nil:
		if *o.From < 0 || *o.From > c.ring.total {
			return nil, fmt.Errorf("%w: %d is not within 0..%d", ErrOffset, *o.From, c.ring.total)
		}
		a.cursor = *o.From
	case a.replay == ReplayScreen:
		a.cursor = max(painted, c.ring.oldest())
	case a.replay == ReplayRaw:
		a.cursor = c.ring.oldest()
	default:
		a.cursor = c.ring.total
	}
	if o.Mode == Write && !c.closed {
		if wake, err = c.takeWriter(writerRole{name: a.client, att: a}, o.Takeover); err != nil {
			return nil, err
		}
	}
	a.paces = !a.hidden
	c.attachments = append(c.attachments, a)
	return wake, nil
}

// Detach ends the attachment; the console lives on. Wait returns ErrDetached.
func (a *Attachment) Detach() {
	c := a.c
	c.mu.Lock()
	if a.detached {
		c.mu.Unlock()
		return
	}
	a.detached = true
	c.progressed(a)
	close(a.gone)
	for i, other := range c.attachments {
		if other == a {
			c.attachments = append(c.attachments[:i], c.attachments[i+1:]...)
			break
		}
	}
	var wake []*Attachment
	wasWriter := c.writer.att == a
	if wasWriter {
		wake = c.setWriter(writerRole{})
	}
	free := c.forgotten && len(c.attachments) == 0
	closed := c.closed
	c.mu.Unlock()

	signal(wake)
	if wasWriter {
		c.hub.changed(WriterChange, c)
	}
	if free {
		c.free()
	} else if closed {
		c.hub.trim()
	}
}

// Console returns the console that a belongs to.
func (a *Attachment) Console() *Console { return a.c }

// Client returns the name given in the options.
func (a *Attachment) Client() string { return a.client }

// Offset returns the offset of the next byte that Next will give, unless a gap
// comes first.
func (a *Attachment) Offset() int64 {
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	return a.cursor
}

// Wait is the blocking form of Next. Errors: the context's, ErrDetached, and
// ErrClosed after the Closed event was given.
func (a *Attachment) Wait(ctx context.Context, max int) (Event, error) {
	for {
		if ev, ok := a.Next(max); ok {
			return ev, nil
		}
		if err := a.over(); err != nil {
			return Event{}, err
		}
		select {
		case <-a.wake:
		case <-a.gone:
			return Event{}, ErrDetached
		case <-ctx.Done():
			return Event{}, ctx.Err()
		}
	}
}

// over says why no event can come any more.
func (a *Attachment) over() error {
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	switch {
	case a.detached:
		return ErrDetached
	case a.ended:
		return ErrClosed
	}
	return nil
}

// arm notes that output is there and reports whether a must be told: it has
// not been told yet, and has credit for it. c.mu is held.
func (a *Attachment) arm() bool {
	if a.armed || a.credit.left() <= 0 {
		return false
	}
	a.armed = true
	return true
}

// armAlways is arm for events that need no credit. c.mu is held.
func (a *Attachment) armAlways() bool {
	was := a.armed
	a.armed = true
	return !was
}

// signal tells attachments that were armed. No locks are held.
func signal(wake []*Attachment) {
	for _, a := range wake {
		select {
		case a.wake <- struct{}{}:
		default:
		}
		if a.onReady != nil {
			a.onReady()
		}
	}
}

// buffer returns memory for the data of an event, from pool.
func (a *Attachment) buffer(pool *sync.Pool) []byte {
	if a.buf == nil {
		a.buf = pool.Get().(*[maxChunk]byte)
	}
	return a.buf[:]
}

// dropBuffer gives the memory back while nothing is to be read.
func (a *Attachment) dropBuffer(pool *sync.Pool) {
	if a.buf != nil {
		pool.Put(a.buf)
		a.buf = nil
	}
}
