package terminal

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// What is let through to xterm and its likes is a list of what draws. It was
// made from "XTerm Control Sequences" (ctlseqs, patch 390). Left out on purpose:
// window operations and title reports (CSI t), printing (CSI i), the keyboard
// lock and local echo (modes 2 and 12), checksums and reports of the screen
// (CSI * y, CSI $ w), leaving UTF-8 (ESC %), saved modes (CSI ? r and s, which
// would escape the account of what a guest turned on), and the keyboard
// protocols (CSI > m, CSI > u, mode 9001), with which a guest could change how
// the escape character of attach is encoded and so keep its user from leaving.
const (
	xtermEscapes  = "678=>9DEHMNOc|}~no"
	xtermControls = "@ABCDEFGHIJKLMPSTXZ`abcdefghlmnrsu"
)

// xtermAllowed returns the finals that are let through behind a prefix and an
// intermediate byte, either of which may be 0.
func xtermAllowed(prefix, inter byte) string {
	switch [2]byte{prefix, inter} {
	case [2]byte{}:
		return xtermControls
	case [2]byte{'?', 0}:
		return "JKWhln"
	case [2]byte{'>', 0}:
		return "cq"
	case [2]byte{0, ' '}:
		return "@Aq"
	case [2]byte{0, '!'}, [2]byte{0, '$'}, [2]byte{'?', '$'}:
		return "p"
	case [2]byte{0, '"'}:
		return "q"
	case [2]byte{0, '#'}:
		return "pq{}"
	case [2]byte{0, '\''}:
		return "}~"
	}
	return ""
}

// xtermCommand reports whether an operating system command is let through: titles,
// and colours with their resets. Clipboard, files, fonts, notifications, links
// and the messages of shells to their terminals are not.
func xtermCommand(number int) bool {
	switch number {
	case 0, 1, 2, 4, 10, 11, 12, 17, 19, 104, 110, 111, 112, 117, 119:
		return true
	}
	return false
}

// xtermEscape decides about an escape sequence that ends with b.
func (f *Filter) xtermEscape(dst []byte, b byte) []byte {
	switch {
	case len(f.seq) == 0:
		if strings.IndexByte(xtermEscapes, b) < 0 {
			return dst
		}
		f.guest.escape(b)
	case len(f.seq) == 1 && strings.IndexByte("()*+-./", f.seq[0]) >= 0:
		if f.seq[0] == '(' {
			f.guest.charset = b != 'B'
		}
	case len(f.seq) == 1 && f.seq[0] == '#' && strings.IndexByte("34568", b) >= 0:
	default:
		return dst
	}
	dst = append(dst, esc)
	dst = append(dst, f.seq...)
	return append(dst, b)
}

// xtermControl decides about a control sequence.
func (f *Filter) xtermControl(dst []byte, c control) []byte {
	if strings.IndexByte(xtermAllowed(c.prefix, c.inter), c.final) < 0 {
		return dst
	}
	if c.inter == 0 {
		switch c.final {
		case 'h', 'l':
			return c.writeModes(dst, f.guest.modes(c, xtermMode))
		case 'n':
			return f.report(dst, c)
		case 'T':
			if len(c.params) > 1 { // highlight tracking stops the terminal until it is answered
				return dst
			}
		}
	}
	f.guest.control(c)
	return c.write(dst)
}

// report lets requests through that are answered with the state of the terminal,
// the place of the cursor, or the colour scheme.
func (f *Filter) report(dst []byte, c control) []byte {
	n := c.number(0, 0)
	if n == 6 || c.prefix == 0 && n == 5 || c.prefix == '?' && n == 996 {
		return c.write(dst)
	}
	return dst
}

// xtermOSC decides about an operating system command, whose text is f.seq.
func (f *Filter) xtermOSC(dst []byte, terminator string) []byte {
	word, rest, _ := bytes.Cut(f.seq, []byte{';'})
	number, err := strconv.Atoi(string(word))
	if err != nil || strconv.Itoa(number) != string(word) || !xtermCommand(number) || !cleanText(f.seq) {
		return dst
	}
	if number <= 2 {
		if !f.guest.title {
			f.guest.title = true
			dst = append(dst, pushTitle...)
		}
	} else if !bytes.Contains(rest, []byte{'?'}) {
		f.guest.colour(number)
	}
	dst = append(dst, esc, ']')
	dst = append(dst, f.seq...)
	return append(dst, terminator...)
}

// cleanText reports whether p is UTF-8 without control characters.
func cleanText(p []byte) bool {
	for len(p) > 0 {
		r, n := utf8.DecodeRune(p)
		if r == utf8.RuneError && n == 1 || r < ' ' || r >= del && r < 0xa0 {
			return false
		}
		p = p[n:]
	}
	return true
}
