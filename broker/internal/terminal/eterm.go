package terminal

import (
	"bytes"
	"strings"
)

// What term.el knows, read in Emacs 28.2 (term-control-seq-regexp and
// term-handle-ansi-escape). It shows as junk, or misreads, everything else: it
// takes no notice of prefixes, so CSI > 4 m is CSI m to it, and answers every
// CSI n with the place of the cursor.
const (
	etermEscapes  = "78DMc"
	etermControls = "@ABCDGHJKLMPhlmnr"
)

// etermEscape decides about an escape sequence that ends with b.
func (f *Filter) etermEscape(dst []byte, b byte) []byte {
	if len(f.seq) == 1 && (f.seq[0] == '(' || f.seq[0] == ')') {
		f.text.designate(int(f.seq[0]-'('), b == '0')
		return dst
	}
	switch {
	case len(f.seq) > 0:
		return dst
	case b == 'E': // next line
		return append(dst, '\r', '\n')
	case b == 'c':
		f.text.sets, f.text.shifted = [2]bool{}, false
	case strings.IndexByte(etermEscapes, b) < 0:
		return dst
	}
	f.guest.escape(b)
	return append(dst, esc, b)
}

// etermControl decides about a control sequence, and writes what term.el does
// not know in words that it does.
func (f *Filter) etermControl(dst []byte, c control) []byte {
	if c.prefix != 0 || c.inter != 0 {
		return dst
	}
	switch c.final {
	case 'f': // the same as CSI H
		c.final = 'H'
	case 's', 'u': // save and restore the cursor
		if len(c.params) > 0 {
			return dst
		}
		if c.final == 's' {
			return append(dst, esc, '7')
		}
		return append(dst, esc, '8')
	case 'h', 'l':
		return c.writeModes(dst, f.guest.modes(c, etermMode))
	case 'm':
		return f.etermColours(dst, c)
	case 'n':
		if len(c.params) != 1 || c.number(0, 0) != 6 {
			return dst
		}
	}
	if strings.IndexByte(etermControls, c.final) < 0 || bytes.IndexByte(c.raw, ':') >= 0 {
		return dst
	}
	f.guest.control(c)
	return c.write(dst)
}

// etermColours drops the parameters of CSI m that have parts: term.el reads the
// first part only, and takes 38:2:1:2:3 for the begin of something longer.
func (f *Filter) etermColours(dst []byte, c control) []byte {
	if bytes.IndexByte(c.raw, ':') >= 0 {
		var kept [][]byte
		for _, p := range c.params {
			if bytes.IndexByte(p, ':') < 0 {
				kept = append(kept, p)
			}
		}
		if len(kept) == 0 {
			return dst
		}
		c.params, c.raw = kept, bytes.Join(kept, []byte{';'})
	}
	f.guest.control(c)
	return c.write(dst)
}
