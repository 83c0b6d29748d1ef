package consoles

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
)

// budget bounds the bytes that all rings of a hub hold together.
type budget struct {
	limit int64
	used  atomic.Int64

	// reclaimMu lets one console at a time take memory from the others, so that
	// two of them do not shrink twice as many rings as needed.
	reclaimMu sync.Mutex
}

// reserve takes n bytes from the budget if they are there.
func (b *budget) reserve(n int) bool {
	for {
		used := b.used.Load()
		if used+int64(n) > b.limit {
			return false
		}
		if b.used.CompareAndSwap(used, used+int64(n)) {
			return true
		}
	}
}

// release gives n bytes back.
func (b *budget) release(n int) { b.used.Add(-int64(n)) }

// allocate reserves n bytes for self, which holds held bytes now, if need be by
// shrinking the rings of the consoles that have been idle longest. A console
// that has its fair share already takes nothing from the others: it has to
// recycle its own ring, or busy consoles would rob each other all the time.
func (h *Hub) allocate(self *Console, held, n int) bool {
	if h.budget.reserve(n) {
		return true
	}
	if int64(held) >= h.share() {
		return false
	}
	h.budget.reclaimMu.Lock()
	defer h.budget.reclaimMu.Unlock()
	for _, victim := range h.reclaimOrder(self) {
		for {
			if h.budget.reserve(n) {
				return true
			}
			if !victim.shrink() {
				break
			}
		}
	}
	return h.budget.reserve(n)
}

// share returns the fair part of the budget of one console, in bytes.
func (h *Hub) share() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.budget.limit / int64(max(1, len(h.rings)))
}

// reclaimOrder returns the consoles other than self in the order in which they lose memory.
func (h *Hub) reclaimOrder(self *Console) []*Console {
	type candidate struct {
		c      *Console
		active int64
	}
	var list []candidate
	for _, c := range h.holders() {
		if c != self {
			list = append(list, candidate{c, c.lastActive()})
		}
	}
	slices.SortFunc(list, func(a, b candidate) int { return cmp.Compare(a.active, b.active) })
	out := make([]*Console, len(list))
	for i, l := range list {
		out[i] = l.c
	}
	return out
}

// shrink drops the oldest chunk of the ring and reports whether it did. The
// last chunk of an open console stays: its reader is writing into it.
func (c *Console) shrink() bool {
	c.screenMu.Lock()
	defer c.screenMu.Unlock()
	c.mu.Lock()
	keep := 1
	if c.closed {
		keep = 0
	}
	if len(c.ring.chunks) <= keep {
		c.mu.Unlock()
		return false
	}
	end := c.ring.chunks[0].end()
	c.mu.Unlock()

	c.feedTo(end)
	c.mu.Lock()
	k := c.ring.pop()
	c.mu.Unlock()
	c.hub.budget.release(len(k.buf))
	return true
}
