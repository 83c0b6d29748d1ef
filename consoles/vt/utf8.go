package vt

// A decoder puts UTF-8 together byte by byte, so that a character may be split over writes. What is not UTF-8 is
// dropped, as tmux does; a broken character never swallows the one that follows it.
type decoder struct {
	value  rune
	need   uint8 // continuation bytes still to come
	got    uint8 // bytes taken of the present character
	lo, hi byte  // range of the next one
}

// push takes a byte of 0x80 or more and returns the character that it completes.
func (d *decoder) push(b byte) (r rune, ok bool) {
	if d.need > 0 && b >= d.lo && b <= d.hi {
		d.value = d.value<<6 | rune(b&0x3f)
		d.need--
		d.got++
		d.lo, d.hi = 0x80, 0xbf
		return d.value, d.need == 0
	}
	d.lead(b)
	return 0, false
}

// lead starts a character. The ranges keep out overlong forms, surrogates and values past U+10FFFF (RFC 3629).
func (d *decoder) lead(b byte) {
	d.lo, d.hi, d.got = 0x80, 0xbf, 1
	switch {
	case b >= 0xc2 && b <= 0xdf:
		d.need, d.value = 1, rune(b&0x1f)
	case b >= 0xe0 && b <= 0xef:
		d.need, d.value = 2, rune(b&0x0f)
	case b >= 0xf0 && b <= 0xf4:
		d.need, d.value = 3, rune(b&0x07)
	default:
		d.need = 0
	}
	switch b {
	case 0xe0:
		d.lo = 0xa0
	case 0xed:
		d.hi = 0x9f
	case 0xf0:
		d.lo = 0x90
	case 0xf4:
		d.hi = 0x8f
	}
}

// reset forgets an unfinished character.
func (d *decoder) reset() { d.need = 0 }

// unfinished returns how many bytes of a character wait for the rest.
func (d *decoder) unfinished() int {
	if d.need == 0 {
		return 0
	}
	return int(d.got)
}
