package consoles

import "fmt"

// maxResizeMarks bounds the sizes that an attachment has not reached yet.
// Beyond it the newest replaces the one before.
const maxResizeMarks = 16

// resizeMark is a change of size at a place in the stream.
type resizeMark struct {
	at   int64
	size Size
}

// Resize sets the size of the terminal, clamped to 1..1000 columns and rows.
// The writer decides the size; if nobody writes, a lone reader may set it.
// Errors: *BusyError (another client writes), ErrReadOnly (nobody writes, but
// others watch), ErrClosed, ErrDetached, or the stream's.
func (a *Attachment) Resize(s Size) error {
	if err := a.c.resize(s.Clamp(), a); err != nil {
		return fmt.Errorf("resize console %s for %q: %w", a.c.spec.ID, a.client, err)
	}
	return nil
}

func (c *Console) resize(s Size, by *Attachment) error {
	c.sizeMu.Lock()
	defer c.sizeMu.Unlock()
	c.mu.Lock()
	err := by.mayResize()
	stream, same := c.stream, s == c.size
	c.mu.Unlock()
	if err != nil || same {
		return err
	}
	if err := stream.Resize(s); err != nil {
		return err
	}
	signal(c.applySize(s, by))
	c.hub.changed(SizeChange, c)
	return nil
}

// mayResize checks the right to decide the size. c.mu is held.
func (a *Attachment) mayResize() error {
	c := a.c
	switch {
	case c.closed:
		return ErrClosed
	case a.detached:
		return ErrDetached
	case c.writer.att == a:
		return nil
	case c.writer.name != "":
		return &BusyError{Console: c.spec.ID, Holder: c.writer.name}
	case c.watchers() > 1:
		return ErrReadOnly
	}
	return nil
}

// watchers counts the attachments of clients. c.mu is held.
func (c *Console) watchers() int {
	n := 0
	for _, a := range c.attachments {
		if !a.hidden {
			n++
		}
	}
	return n
}

// applySize brings the new size into the screen and into the stream's order of
// events. It returns who must be told.
func (c *Console) applySize(s Size, by *Attachment) (wake []*Attachment) {
	c.screenMu.Lock()
	defer c.screenMu.Unlock()
	c.mu.Lock()
	fresh := c.screen == nil && c.ring.total == 0
	c.mu.Unlock()
	if !fresh {
		c.feedAll()
		c.screen.Resize(s.Cols, s.Rows)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.size = s
	for _, a := range c.attachments {
		if a == by {
			continue
		}
		if a.markResize(resizeMark{at: c.ring.total, size: s}) {
			wake = append(wake, a)
		}
	}
	return wake
}

// markResize queues a change of size and reports whether a must be told. c.mu is held.
func (a *Attachment) markResize(m resizeMark) bool {
	if len(a.resizes) == maxResizeMarks {
		a.resizes = a.resizes[:maxResizeMarks-1]
	}
	a.resizes = append(a.resizes, m)
	return a.armAlways()
}

// nextResize gives the newest of the sizes that the cursor has reached. c.mu is held.
func (a *Attachment) nextResize() Event {
	n := 0
	for n < len(a.resizes) && a.resizes[n].at <= a.cursor {
		n++
	}
	ev := Event{Kind: Resized, Offset: a.cursor, Size: a.resizes[n-1].size}
	a.resizes = append(a.resizes[:0], a.resizes[n:]...)
	return ev
}
