package rpc

import (
	"container/list"
)

// Source yields output messages one at a time, when the stream can take them:
// nothing queues, and what it does not send stays where it is.
type Source interface {
	// AppendFrame appends at most one complete JSON message body, a notification
	// in valid UTF-8 of about limit payload bytes, to dst. ok is false when there is
	// nothing to send; then it is called again only after Ready. more says that
	// there is something else to send right now.
	//
	// It is called by the connection's writer, never by two goroutines at once,
	// and must not block: all output of the connection waits for it.
	AppendFrame(dst []byte, limit int) (frame []byte, ok, more bool)
}

// freshBytes is what a source may send per round ahead of those that stream.
const freshBytes = 4 << 10

// SourceHandle is a Source added to a connection.
type SourceHandle struct {
	w      *writer
	source Source

	// guarded by w.mu
	ready   bool          // Ready was called since the last AppendFrame began
	removed bool          // AppendFrame must not begin again
	element *list.Element // place in a queue of the schedule, nil if in none
	queue   *list.List
	round   int // the round in which sent was counted
	sent    int // bytes sent in that round
}

// Ready says that AppendFrame may have something to send. It never blocks and
// may be called from any goroutine, also from AppendFrame.
func (h *SourceHandle) Ready() {
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	if h.ready || h.removed {
		return
	}
	h.ready = true
	if h.w.pulling != h {
		h.w.schedule.add(h)
		h.w.changed.Broadcast()
	}
}

// Remove ends the source: after it returns, AppendFrame is not running and is
// not called again. A frame that was taken before is still written, ahead of
// any reply queued after Remove. Remove must not be called from AppendFrame, nor
// with a lock held that AppendFrame takes.
func (h *SourceHandle) Remove() {
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	h.removed = true
	h.w.schedule.remove(h)
	for h.w.pulling == h {
		h.w.changed.Wait()
	}
}

// schedule decides which ready source sends next. Sources that were idle go
// first, so that an echo does not wait for bulk output of others; those that
// stream take turns. What a source may send ahead is bounded per round of turns,
// so that many small bursts do not starve the others.
type schedule struct {
	fresh, streaming list.List
	round            int // rounds of turns so far
	turns            int // turns left in this round
}

// add queues a source that was idle.
func (s *schedule) add(h *SourceHandle) {
	if h.round != s.round || s.streaming.Len() == 0 {
		h.round, h.sent = s.round, 0
	}
	if h.sent < freshBytes {
		h.enqueue(&s.fresh)
	} else {
		h.enqueue(&s.streaming)
	}
}

// again queues a source that has more to send than the frame it just sent.
func (s *schedule) again(h *SourceHandle) { h.enqueue(&s.streaming) }

func (h *SourceHandle) enqueue(queue *list.List) {
	h.queue, h.element = queue, queue.PushBack(h)
}

func (s *schedule) remove(h *SourceHandle) {
	if h.element != nil {
		h.queue.Remove(h.element)
		h.queue, h.element = nil, nil
	}
}

// next takes the source whose turn it is, nil if none is ready. The limit is
// that of its frame: short for a source that goes ahead of others.
func (s *schedule) next(maxFrame int) (h *SourceHandle, limit int) {
	front, limit := s.fresh.Front(), maxFrame
	switch {
	case front != nil && s.fresh.Len()+s.streaming.Len() > 1:
		limit = min(maxFrame, freshBytes)
	case front != nil:
	default:
		if front = s.streaming.Front(); front == nil {
			return nil, 0
		}
		s.turn()
	}
	h = front.Value.(*SourceHandle)
	s.remove(h)
	return h, limit
}

// turn counts the turns of the sources that stream.
func (s *schedule) turn() {
	if s.turns == 0 {
		s.round, s.turns = s.round+1, s.streaming.Len()
	}
	s.turns--
}
