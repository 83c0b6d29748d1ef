package consoles

import (
	"cmp"
	"slices"
	"time"
)

// retain keeps a console that has just closed for a while, and forgets the
// oldest closed ones beyond the limit.
func (h *Hub) retain(c *Console) {
	c.mu.Lock()
	c.expiry = time.AfterFunc(h.opt.RetainFor, func() { h.expire(c) })
	c.mu.Unlock()
	h.trim()
}

// expire forgets c, or looks again later while clients are attached to it.
func (h *Hub) expire(c *Console) {
	if c.watched() {
		c.mu.Lock()
		c.expiry.Reset(h.opt.RetainFor)
		c.mu.Unlock()
		return
	}
	h.drop(c)
}

// trim forgets closed consoles that nobody watches until no more than
// Options.Retain are left.
func (h *Hub) trim() {
	var idle []*Console
	for _, c := range h.all() {
		if c.isClosed() && !c.watched() {
			idle = append(idle, c)
		}
	}
	slices.SortFunc(idle, func(a, b *Console) int { return cmp.Compare(a.lastActive(), b.lastActive()) })
	for i := 0; i < len(idle)-h.opt.Retain; i++ {
		h.drop(idle[i])
	}
}

// drop takes a closed console off the list and frees its memory.
func (h *Hub) drop(c *Console) {
	h.mu.Lock()
	listed := h.consoles[c.spec.ID] == c
	if listed {
		delete(h.consoles, c.spec.ID)
	}
	h.mu.Unlock()
	c.forget()
	if listed {
		h.changed(Forgotten, c)
	}
}

// forget stops the retention timer and frees the ring, now or when the last
// client detaches.
func (c *Console) forget() {
	c.mu.Lock()
	if c.expiry != nil {
		c.expiry.Stop()
	}
	c.forgotten = true
	free := len(c.attachments) == 0
	c.mu.Unlock()
	if free {
		c.free()
	}
}

// free gives all memory of the ring back to the budget.
func (c *Console) free() {
	c.hub.mu.Lock()
	delete(c.hub.rings, c)
	c.hub.mu.Unlock()
	c.mu.Lock()
	held := c.ring.held
	c.ring.held, c.ring.chunks = 0, nil
	c.mu.Unlock()
	c.hub.budget.release(held)
}
