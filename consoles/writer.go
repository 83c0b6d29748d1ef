package consoles

import (
	"context"
	"fmt"
)

// writerRole says who may write to a console. The zero value: nobody does.
type writerRole struct {
	name string
	att  *Attachment // nil while Console.Send holds the role
	send *sendRole   // nil while an attachment holds it
}

// sendRole is the identity of one call of Console.Send.
type sendRole struct{ client string }

// takeWriter gives the write role to next; it returns who must be told. c.mu is held.
func (c *Console) takeWriter(next writerRole, takeover bool) ([]*Attachment, error) {
	if next.name == "" {
		next.name = "unnamed"
	}
	if c.writer.name != "" && !takeover {
		return nil, &BusyError{Console: c.spec.ID, Holder: c.writer.name}
	}
	return c.setWriter(next), nil
}

// setWriter changes the writer and tells all others. c.mu is held.
func (c *Console) setWriter(next writerRole) (wake []*Attachment) {
	c.writer = next
	if next.att != nil {
		next.att.writer = nil // what it was to be told is out of date
	}
	for _, a := range c.attachments {
		if a == next.att || a.hidden {
			continue
		}
		name := next.name
		a.writer = &name
		if a.armAlways() {
			wake = append(wake, a)
		}
	}
	return wake
}

// mode returns Write for the attachment that has the write role. c.mu is held.
func (a *Attachment) mode() Mode {
	if a.c.writer.att == a {
		return Write
	}
	return Read
}

// Mode returns Write while the attachment has the write role.
func (a *Attachment) Mode() Mode {
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	return a.mode()
}

// SetMode takes the write role (by force, with takeover) or gives it up.
// Errors: *BusyError, ErrClosed, ErrDetached.
func (a *Attachment) SetMode(m Mode, takeover bool) error {
	c := a.c
	c.mu.Lock()
	wake, changed, err := a.setMode(m, takeover)
	c.mu.Unlock()
	if err != nil {
		return fmt.Errorf("set mode %s for %q on console %s: %w", m, a.client, c.spec.ID, err)
	}
	signal(wake)
	if changed {
		c.hub.changed(WriterChange, c)
	}
	return nil
}

func (a *Attachment) setMode(m Mode, takeover bool) (wake []*Attachment, changed bool, err error) {
	switch {
	case a.detached:
		return nil, false, ErrDetached
	case a.c.closed:
		return nil, false, ErrClosed
	case m == a.mode() || m == "" && a.mode() == Read:
		return nil, false, nil
	case m == Write:
		wake, err = a.c.takeWriter(writerRole{name: a.client, att: a}, takeover)
		return wake, err == nil, err
	}
	return a.c.setWriter(writerRole{}), true, nil
}

// Send writes p to the guest for a client without an attachment: it takes the
// write role for the moment if that is free. Like Input it waits for room and
// returns the console's offset at acceptance. Errors: *BusyError naming the
// holder, ErrClosed, ErrInputTooLarge, the context's.
func (c *Console) Send(ctx context.Context, client string, p []byte) (int64, error) {
	if client == "" {
		client = "unnamed"
	}
	role := writerRole{name: client, send: &sendRole{client}}
	holds := func() error {
		if c.writer != role {
			return &BusyError{Console: c.spec.ID, Holder: c.writer.name}
		}
		return nil
	}
	c.mu.Lock()
	if c.writer.name != "" {
		err := &BusyError{Console: c.spec.ID, Holder: c.writer.name}
		c.mu.Unlock()
		return 0, fmt.Errorf("send to console %s: %w", c.spec.ID, err)
	}
	c.writer = role
	c.mu.Unlock()

	offset, err := c.enqueueWait(ctx, p, holds)
	c.mu.Lock()
	if c.writer == role {
		c.writer = writerRole{}
	}
	c.mu.Unlock()
	if err != nil {
		return 0, fmt.Errorf("send to console %s: %w", c.spec.ID, err)
	}
	return offset, nil
}
