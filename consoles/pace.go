package consoles

import "time"

// paceWait is how long the reader waits for clients before it drops bytes that none of them has seen. It bounds what a client can
// slow a guest down: to one chunk of the ring in that time, 640 kB/s with rings of the default size.
const paceWait = 100 * time.Millisecond

// pace lets the fastest client have what lies before end, which is about to be dropped: a client that reads, and is only slower
// than a flood, loses nothing. One that reads too slowly for that is not waited for again until it has caught up, so that a
// client that stopped reading costs paceWait once. Slower clients than the fastest are never waited for. Only the console's reader
// calls it.
func (c *Console) pace(end int64) {
	var timeout <-chan time.Time
	for c.behind(end) {
		if timeout == nil {
			t := time.NewTimer(paceWait)
			defer t.Stop()
			timeout = t.C
		}
		select {
		case <-c.advanced:
		case <-c.ctx.Done():
			return
		case <-timeout:
			c.giveUpOn(end)
			return
		}
	}
}

// behind reports whether there are clients worth waiting for and none of them has got to end. While it is true, clients that
// advance say so on c.advanced.
func (c *Console) behind(end int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pacing = false
	for _, a := range c.attachments {
		switch {
		case !a.paces || a.lagging || a.ended || a.dismissal != nil:
		case a.cursor >= end:
			c.pacing = false
			return false
		default:
			c.pacing = true
		}
	}
	return c.pacing
}

// giveUpOn marks the clients that have not got to end.
func (c *Console) giveUpOn(end int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pacing = false
	for _, a := range c.attachments {
		a.lagging = a.lagging || a.cursor < end
	}
}

// progressed notes that an attachment got further, or went. c.mu is held.
func (c *Console) progressed(a *Attachment) {
	if c.ring.total-a.cursor < int64(c.ring.limit/2) {
		a.lagging = false
	}
	if !c.pacing {
		return
	}
	select {
	case c.advanced <- struct{}{}:
	default:
	}
}
