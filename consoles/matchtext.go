package consoles

import (
	"bytes"
	"sort"

	"github.com/conbroker/conbroker/consoles/vt"
)

// textPiece is the largest run of bytes that is mapped at once.
const textPiece = 4 << 10

// matchText is the newest part of a stream in the form that patterns are tried
// on, with the way back from a place in the text to an offset in the stream.
type matchText struct {
	raw      bool
	strip    vt.Stripper
	silent   bool   // the last byte gave no text: an escape sequence may be going on
	buf      []byte // the text
	marks    []textMark
	end      int64 // offset of the stream up to which text was taken in
	fresh    int   // bytes of text added since the last trim
	stripped []byte
}

// textMark says that the text from pos on comes from the stream's bytes from
// off on, one to one until the next mark.
type textMark struct {
	pos int
	off int64
}

func newMatchText(raw bool, from int64) *matchText {
	return &matchText{raw: raw, end: from}
}

// restart forgets everything and goes on at offset off of the stream.
func (t *matchText) restart(off int64) {
	*t = matchText{raw: t.raw, end: off, buf: t.buf[:0], marks: t.marks[:0], stripped: t.stripped}
}

// add takes in the next bytes of the stream.
func (t *matchText) add(p []byte) {
	if t.raw {
		t.put(p, t.end)
		t.end += int64(len(p))
		return
	}
	for len(p) > 0 {
		n := t.pieceLen(p)
		t.addPiece(p[:n])
		p = p[n:]
	}
}

// pieceLen returns how many bytes to take in next: a run that the stripper
// should leave as it is, or one byte.
func (t *matchText) pieceLen(p []byte) int {
	n := 0
	for n < min(len(p), textPiece) && (p[n] >= ' ' || p[n] == '\n' || p[n] == '\t') {
		n++
	}
	if t.silent || n == 0 {
		return 1
	}
	return n
}

// addPiece takes in p, in parts small enough that each is either unchanged by
// the stripper or a single byte: that keeps the way back exact.
func (t *matchText) addPiece(p []byte) {
	before := t.strip
	t.stripped = t.strip.Append(t.stripped[:0], p)
	if !bytes.Equal(t.stripped, p) && len(p) > 1 {
		t.strip = before
		t.addPiece(p[:len(p)/2])
		t.addPiece(p[len(p)/2:])
		return
	}
	t.silent = len(t.stripped) == 0
	t.end += int64(len(p))
	// A byte may bring the rest of a character or a line end that was held
	// back: the text ends where the byte ends.
	t.put(t.stripped, t.end-int64(len(t.stripped)))
}

// put adds text that comes, byte by byte, from offset off on.
func (t *matchText) put(text []byte, off int64) {
	if len(text) == 0 {
		return
	}
	pos := len(t.buf)
	last := len(t.marks) - 1
	if last < 0 || t.marks[last].off+int64(pos-t.marks[last].pos) != off {
		t.marks = append(t.marks, textMark{pos, off})
	}
	t.buf = append(t.buf, text...)
	t.fresh += len(text)
}

// offset returns the offset of the stream just after the text before pos.
func (t *matchText) offset(pos int) int64 {
	if pos == 0 {
		if len(t.marks) > 0 {
			return t.marks[0].off
		}
		return t.end
	}
	i := sort.Search(len(t.marks), func(i int) bool { return t.marks[i].pos >= pos }) - 1
	m := t.marks[i]
	return m.off + int64(pos-m.pos)
}

// trim keeps the last n bytes of text.
func (t *matchText) trim(n int) {
	t.fresh = 0
	cut := len(t.buf) - n
	if cut <= 0 {
		return
	}
	t.buf = append(t.buf[:0], t.buf[cut:]...)
	first := sort.Search(len(t.marks), func(i int) bool { return t.marks[i].pos > cut }) - 1
	t.marks[first].off += int64(cut - t.marks[first].pos)
	t.marks[first].pos = cut
	t.marks = append(t.marks[:0], t.marks[first:]...)
	for i := range t.marks {
		t.marks[i].pos -= cut
	}
}

// tail returns the last n bytes of text.
func (t *matchText) tail(n int) string {
	return string(t.buf[max(0, len(t.buf)-n):])
}
