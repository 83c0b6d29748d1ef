package terminal

import (
	"bytes"
	"strconv"
)

// control is a parsed control sequence (ECMA-48, section 5.4).
type control struct {
	prefix byte     // one of < = > ?, or 0
	params [][]byte // between semicolons, as written
	inter  byte     // intermediate byte, or 0
	final  byte
	raw    []byte // everything between ESC [ and final
}

// parseControl takes a sequence apart; false if it is malformed.
func parseControl(seq []byte, final byte) (control, bool) {
	c := control{final: final, raw: seq}
	if len(seq) > 0 && seq[0] >= '<' && seq[0] <= '?' {
		c.prefix, seq = seq[0], seq[1:]
	}
	if n := len(seq); n > 0 && seq[n-1] < '0' {
		c.inter, seq = seq[n-1], seq[:n-1]
	}
	for _, b := range seq {
		if (b < '0' || b > '9') && b != ';' && b != ':' {
			return control{}, false
		}
	}
	if len(seq) > 0 {
		c.params = bytes.Split(seq, []byte{';'})
		c.clamp()
	}
	return c, true
}

// maxDigits bounds a number in a control sequence. No screen has 9999 lines, but
// term.el does insert a milliard blanks for CSI 1000000000 @.
const maxDigits = 4

// clamp replaces numbers that are too large by 9999.
func (c *control) clamp() {
	changed := false
	for i, p := range c.params {
		digits := bytes.TrimLeft(p, "0")
		if len(digits) > maxDigits && bytes.IndexByte(p, ':') < 0 {
			c.params[i], changed = []byte("9999"), true
		}
	}
	if !changed {
		return
	}
	var raw []byte
	if c.prefix != 0 {
		raw = append(raw, c.prefix)
	}
	raw = append(raw, bytes.Join(c.params, []byte{';'})...)
	if c.inter != 0 {
		raw = append(raw, c.inter)
	}
	c.raw = raw
}

// number returns parameter i, and missing if it is left out or no plain number.
func (c *control) number(i, missing int) int {
	if i >= len(c.params) {
		return missing
	}
	n, err := strconv.Atoi(string(c.params[i]))
	if err != nil {
		return missing
	}
	return n
}

// write appends the sequence as it came.
func (c *control) write(dst []byte) []byte {
	dst = append(dst, esc, '[')
	dst = append(dst, c.raw...)
	return append(dst, c.final)
}

// writeModes appends the sequence with these modes only.
func (c *control) writeModes(dst []byte, modes []int) []byte {
	if len(modes) == 0 {
		return dst
	}
	dst = append(dst, esc, '[')
	if c.prefix != 0 {
		dst = append(dst, c.prefix)
	}
	for i, m := range modes {
		if i > 0 {
			dst = append(dst, ';')
		}
		dst = strconv.AppendInt(dst, int64(m), 10)
	}
	return append(dst, c.final)
}
