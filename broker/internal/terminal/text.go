package terminal

import "unicode/utf8"

// textState follows text: where in a UTF-8 character it is, and, for term.el,
// which character set is in use.
type textState struct {
	need    int  // continuation bytes to come
	lo, hi  byte // bounds of the next one
	held    bool // 0xc2 is held back until it is known not to begin a C1 control
	sets    [2]bool
	shifted bool // G1 is in use
}

// plain reports whether the next byte stands for itself if it is ASCII.
func (t *textState) plain() bool { return t.need == 0 && !t.held && !t.graphics() }

// graphics reports whether DEC Special Graphics is in use.
func (t *textState) graphics() bool {
	if t.shifted {
		return t.sets[1]
	}
	return t.sets[0]
}

// shift says whether G1 is in use.
func (t *textState) shift(out bool) { t.shifted = out }

// designate says which set G0 or G1 is.
func (t *textState) designate(slot int, graphics bool) { t.sets[slot] = graphics }

// interrupt ends a character that a control or an escape sequence breaks off.
func (t *textState) interrupt(dst []byte) []byte {
	if t.held {
		dst = append(dst, 0xc2)
	}
	t.held, t.need = false, 0
	return dst
}

// add takes one byte of text. C1 controls are dropped, both as one byte and as
// the two bytes of UTF-8: a terminal may obey either.
func (t *textState) add(dst []byte, b byte) []byte {
	if t.held {
		t.held = false
		if b >= 0x80 && b < 0xa0 {
			return dst
		}
		dst = append(dst, 0xc2)
		if b >= 0xa0 && b < 0xc0 {
			return append(dst, b)
		}
	}
	if t.need > 0 {
		if b >= t.lo && b <= t.hi {
			t.need, t.lo, t.hi = t.need-1, 0x80, 0xbf
			return append(dst, b)
		}
		t.need = 0
	}
	switch {
	case b < 0x80:
		return t.ascii(dst, b)
	case b < 0xa0:
		return dst
	case b == 0xc2:
		t.held = true
		return dst
	}
	t.lead(b)
	return append(dst, b)
}

// lead notes what must follow the first byte of a character (Unicode 15,
// table 3-7); what is not well-formed is passed on and stands alone.
func (t *textState) lead(b byte) {
	t.lo, t.hi = 0x80, 0xbf
	switch {
	case b > 0xc2 && b < 0xe0:
		t.need = 1
	case b >= 0xe0 && b < 0xf0:
		t.need = 2
	case b >= 0xf0 && b < 0xf5:
		t.need = 3
	}
	switch b {
	case 0xe0:
		t.lo = 0xa0
	case 0xed:
		t.hi = 0x9f
	case 0xf0:
		t.lo = 0x90
	case 0xf4:
		t.hi = 0x8f
	}
}

// specialGraphics are the characters 0x60 to 0x7e of DEC Special Graphics (VT100 user guide, table 3-9).
const specialGraphics = "◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·"

// ascii takes a printable ASCII character in the character set in use. term.el
// knows no sets, so for it lines are drawn in Unicode.
func (t *textState) ascii(dst []byte, b byte) []byte {
	if b < 0x60 || b > 0x7e || !t.graphics() {
		return append(dst, b)
	}
	at := b - 0x60
	for _, r := range specialGraphics {
		if at == 0 {
			return utf8.AppendRune(dst, r)
		}
		at--
	}
	return append(dst, b)
}
