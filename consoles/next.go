package consoles

// Next gives the next event without waiting, with at most max bytes of data and
// at most 64 KiB. False means: nothing now, or out of credit, or the attachment
// is over. OnReady is called only after Next has returned false, so call it
// until it does.
func (a *Attachment) Next(max int) (Event, bool) {
	max = min(max, maxChunk)
	if max <= 0 {
		return Event{}, false
	}
	c := a.c
	c.mu.Lock()
	if a.mustRepaint() {
		c.mu.Unlock()
		paint, at := c.repaint()
		c.mu.Lock()
		if a.mustRepaint() {
			defer c.mu.Unlock()
			return a.skip(paint, at), true
		}
	}
	ev, ok := a.step(max)
	if !ok {
		a.armed = false
	}
	c.mu.Unlock()
	if !ok {
		a.dropBuffer(&c.hub.buffers)
	}
	return ev, ok
}

// lapped reports whether bytes that a has not seen have left the ring and it is
// time to say so. c.mu is held.
func (a *Attachment) lapped() bool {
	return !a.detached && a.dismissal == nil && !a.painting && a.cursor < a.c.ring.oldest() && a.credit.left() > 0
}

// mustRepaint reports whether a gap comes next that a fresh screen will fill. c.mu is held.
func (a *Attachment) mustRepaint() bool {
	return a.replay == ReplayScreen && a.writer == nil && a.lapped()
}

// skip moves a past what it lost: to where paint shows the screen, and at least
// to what is retained. c.mu is held.
func (a *Attachment) skip(paint []byte, at int64) Event {
	from := a.cursor
	a.cursor = max(at, a.c.ring.oldest())
	a.repaint, a.painting = paint, false
	return Event{Kind: Gap, Offset: a.cursor, From: from, To: a.cursor}
}

// step takes the next event in order of urgency: who writes; the rest of a
// repaint that was begun; a gap; sizes that were reached; a repaint; output;
// the end. c.mu is held.
func (a *Attachment) step(max int) (Event, bool) {
	switch {
	case a.detached || a.ended:
		return Event{}, false
	case a.dismissal != nil:
		a.ended = true
		return Event{Kind: Closed, Offset: a.cursor, Exit: *a.dismissal}, true
	case a.writer != nil:
		ev := Event{Kind: WriterChanged, Offset: a.cursor, Writer: *a.writer}
		a.writer = nil
		return ev, true
	case a.painting:
		return a.paint(max), true
	case a.lapped():
		return a.skip(nil, 0), true
	case len(a.resizes) > 0 && a.resizes[0].at <= a.cursor:
		return a.nextResize(), true
	case len(a.repaint) > 0:
		return a.paint(max), true
	case a.cursor < a.c.ring.total:
		return a.output(max)
	case a.c.closed:
		a.ended = true
		return Event{Kind: Closed, Offset: a.cursor, Exit: a.c.exit}, true
	}
	return Event{}, false
}

// paint gives the next piece of a repaint. c.mu is held.
func (a *Attachment) paint(max int) Event {
	buf := a.buffer(&a.c.hub.buffers)
	n := copy(buf[:max], a.repaint)
	a.repaint = a.repaint[n:]
	a.painting = len(a.repaint) > 0
	if !a.painting {
		a.repaint = nil
	}
	return Event{Kind: Output, Snapshot: true, Offset: a.cursor, Data: buf[:n]}
}

// output gives the next bytes of the stream, as far as credit and the next
// resize allow. c.mu is held.
func (a *Attachment) output(max int) (Event, bool) {
	limit := min(int64(max), a.credit.left())
	if len(a.resizes) > 0 {
		limit = min(limit, a.resizes[0].at-a.cursor)
	}
	if limit <= 0 {
		return Event{}, false
	}
	buf := a.buffer(&a.c.hub.buffers)
	n := a.c.ring.copyAt(buf[:limit], a.cursor)
	ev := Event{Kind: Output, Offset: a.cursor, Data: buf[:n]}
	a.credit.spend(a.cursor, int64(n))
	a.cursor += int64(n)
	a.c.progressed(a)
	return ev, true
}
