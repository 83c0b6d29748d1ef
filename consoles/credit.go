package consoles

import (
	"fmt"
	"math"
)

// credit counts the bytes that an attachment was given and has not yet
// acknowledged. A gap is not given, so what is on the way may be several spans.
type credit struct {
	window   int64 // 0: without limit, nothing is counted
	inFlight int64
	spans    []span // on the way, in order, not touching each other
}

// span is a range of offsets, to not included.
type span struct{ from, to int64 }

// left returns how many bytes may be given now.
func (k *credit) left() int64 {
	if k.window <= 0 {
		return math.MaxInt64
	}
	return k.window - k.inFlight
}

// spend counts n bytes given from offset from on.
func (k *credit) spend(from, n int64) {
	if k.window <= 0 {
		return
	}
	k.inFlight += n
	if last := len(k.spans) - 1; last >= 0 && k.spans[last].to == from {
		k.spans[last].to += n
		return
	}
	k.spans = append(k.spans, span{from, from + n})
}

// ack takes back everything before offset.
func (k *credit) ack(offset int64) {
	done := 0
	for i := range k.spans {
		s := &k.spans[i]
		if s.from >= offset {
			break
		}
		n := min(s.to, offset) - s.from
		k.inFlight -= n
		s.from += n
		if s.from == s.to {
			done++
		}
	}
	k.spans = append(k.spans[:0], k.spans[done:]...)
}

// Ack says that the client has consumed everything before offset. It is
// cumulative; an offset behind an earlier one is ignored. Error: ErrOffset if
// it lies beyond what was sent.
func (a *Attachment) Ack(offset int64) error {
	c := a.c
	c.mu.Lock()
	if offset < 0 || offset > a.cursor {
		sent := a.cursor
		c.mu.Unlock()
		return fmt.Errorf("ack %d from %q on console %s: %w: sent up to %d", offset, a.client, c.spec.ID, ErrOffset, sent)
	}
	a.credit.ack(offset)
	var wake []*Attachment
	if (a.cursor < c.ring.total) && a.arm() {
		wake = append(wake, a)
	}
	c.mu.Unlock()
	signal(wake)
	return nil
}
