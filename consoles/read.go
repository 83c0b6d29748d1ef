package consoles

import (
	"errors"
	"io"
	"runtime"
	"time"
)

// read is the console's reader goroutine: it reads the stream into the ring
// until the console ends. It waits for clients only as pace says.
func (c *Console) read() {
	for {
		s := c.currentStream()
		err := c.readStream(s)
		exit := s.Wait()
		if err := s.Close(); err != nil {
			c.hub.log.Warn("closing the stream of a console failed", "console", c.spec.ID, "error", err)
		}
		if exit.Reason == "" && err != nil {
			exit.Reason = err.Error()
		}
		if !c.reopen(exit) {
			c.finish(exit)
			return
		}
	}
}

// readStream reads s to its end and returns what ended it, nil for a plain end.
func (c *Console) readStream(s Stream) error {
	var wake []*Attachment
	for {
		n, err := s.Read(c.room())
		if n > 0 {
			wake = c.commit(n, wake[:0])
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// commit makes n bytes read into the ring part of the stream and wakes those
// who wait for it. It returns wake, to be used again.
func (c *Console) commit(n int, wake []*Attachment) []*Attachment {
	now := time.Now()
	c.mu.Lock()
	c.ring.commit(n)
	c.active = now
	for _, a := range c.attachments {
		if a.arm() {
			wake = append(wake, a)
		}
	}
	feed := !c.feeding && c.ring.total-c.fed.Load() >= feedBatch
	if feed {
		c.feeding = true
	}
	c.mu.Unlock()
	if feed {
		c.wg.Go(c.feed)
	}
	signal(wake)
	return wake
}

// room returns free space at the end of the ring. If there is none it adds a
// chunk, or puts the oldest one to use again when the ring or the budget of all
// rings is full.
func (c *Console) room() []byte {
	c.mu.Lock()
	free := c.ring.room()
	c.mu.Unlock()
	if len(free) > 0 {
		return free
	}
	// Under a flood Read never blocks. Those who were woken to read along get
	// their turn before anything is dropped; one that does not read costs nothing.
	runtime.Gosched()
	share := c.hub.share()
	c.mu.Lock()
	size, held := c.ring.nextSize(share), c.ring.held
	c.mu.Unlock()
	var buf []byte
	if held+size <= c.ring.limit && c.hub.allocate(c, held, size) {
		buf = make([]byte, size)
	} else {
		c.mu.Lock()
		end := c.ring.chunks[0].end()
		c.mu.Unlock()
		c.pace(end)
		buf = c.evict()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ring.push(buf)
	return buf
}

// evict removes the oldest chunk, once the screen has seen it, and returns its
// memory. The reader calls it, and its ring has at least one chunk.
func (c *Console) evict() []byte {
	c.screenMu.Lock()
	defer c.screenMu.Unlock()
	c.mu.Lock()
	end := c.ring.chunks[0].end()
	c.mu.Unlock()
	c.feedTo(end)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ring.pop().buf
}

func (c *Console) currentStream() Stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stream
}

// reopen asks the opener for a new stream. False: the console has ended.
func (c *Console) reopen(ended ExitStatus) bool {
	if c.spec.Reopen == nil || c.ctx.Err() != nil {
		return false
	}
	s, err := c.spec.Reopen(c.ctx, ended)
	if err != nil {
		if c.ctx.Err() == nil {
			c.hub.log.Info("console was not reopened", "console", c.spec.ID, "error", err)
		}
		return false
	}
	c.mu.Lock()
	c.stream = s
	c.dropInput(nil) // it was meant for the guest that has gone
	closing, size := c.closing, c.size
	c.mu.Unlock()
	if closing {
		// Close has closed the old stream and does not know this one. The
		// reader goes on to read its end.
		if err := s.Close(); err != nil {
			c.hub.log.Warn("closing the stream of a console failed", "console", c.spec.ID, "error", err)
		}
		return true
	}
	if err := s.Resize(size); err != nil {
		c.hub.log.Warn("resizing a reopened console failed", "console", c.spec.ID, "error", err)
	}
	c.hub.changed(Reopened, c)
	return true
}

// finish marks the end of the console and tells everybody.
func (c *Console) finish(exit ExitStatus) {
	c.cancel()
	var wake []*Attachment
	c.mu.Lock()
	c.closed, c.exit = true, exit
	c.dropInput(ErrClosed)
	for _, a := range c.attachments {
		if a.armAlways() {
			wake = append(wake, a)
		}
	}
	c.mu.Unlock()
	c.hub.retain(c)
	close(c.done)
	signal(wake)
	c.hub.changed(ConsoleClosed, c)
}
