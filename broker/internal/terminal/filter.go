package terminal

// state is where a Filter is within a sequence.
type state uint8

const (
	ground    state = iota
	escape          // after ESC
	escInter        // after ESC and an intermediate byte
	csi             // after ESC [
	osc             // after ESC ]
	oscEscape       // after ESC within an OSC
	str             // within a string that is dropped
	strEscape       // after ESC within it
	ansit           // within "ESC AnSiT", as far as it matches (eterm)
	ansitLine       // behind it, up to the end of the line
)

const (
	esc = 0x1b
	bel = 0x07
	can = 0x18
	sub = 0x1a
	enq = 0x05
	so  = 0x0e
	si  = 0x0f
	del = 0x7f
)

const (
	// maxCSI bounds a control sequence, maxOSC an operating system command. What
	// is longer is dropped as a whole.
	maxCSI = 256
	maxOSC = 4 << 10
	// maxAnsit bounds how much of a line is dropped behind "ESC AnSiT".
	maxAnsit = 1 << 10
)

// ansitWord follows ESC in the messages by which a shell tells term.el its
// directory, user and host.
const ansitWord = "AnSiT"

// Filter passes a guest's output on to a terminal without what the terminal
// would obey to its user's harm. It may be given the output in pieces of any
// size. It expects the terminal to read UTF-8. The zero value is not usable;
// call NewFilter. A Filter is for one goroutine.
type Filter struct {
	dialect Dialect
	state   state
	seq     []byte // parameters and intermediates of the sequence so far
	long    bool   // seq has grown over its bound
	skipped int    // bytes dropped in ansitLine

	text  textState
	guest traces
}

// NewFilter returns a filter for a terminal of that dialect.
func NewFilter(d Dialect) *Filter { return &Filter{dialect: d, guest: newTraces()} }

// Append appends to dst what may be shown of src, and returns dst. What is
// incomplete at the end of src is kept for the next call.
func (f *Filter) Append(dst, src []byte) []byte {
	if f.dialect == DialectNone {
		return append(dst, src...)
	}
	for i := 0; i < len(src); {
		if f.state == ground && f.text.plain() {
			n := plainRun(src[i:])
			dst = append(dst, src[i:i+n]...)
			if i += n; i == len(src) {
				break
			}
		}
		dst = f.step(dst, src[i])
		i++
	}
	return dst
}

// plainRun counts the bytes at the start of p that need no look at all.
func plainRun(p []byte) int {
	for i, b := range p {
		if !(b >= ' ' && b < 0x80 || b == '\n' || b == '\r' || b == '\t' || b == '\b') {
			return i
		}
	}
	return len(p)
}

// step takes one byte.
func (f *Filter) step(dst []byte, b byte) []byte {
	switch f.state {
	case ground:
		return f.ground(dst, b)
	case osc, oscEscape:
		return f.osc(dst, b)
	case str, strEscape:
		return f.str(dst, b)
	case ansit, ansitLine:
		return f.ansit(dst, b)
	}
	return f.sequence(dst, b)
}

// ground takes one byte outside of any sequence.
func (f *Filter) ground(dst []byte, b byte) []byte {
	if b == esc {
		dst = f.text.interrupt(dst)
		f.enter(escape)
		return dst
	}
	if b < ' ' {
		return f.control(f.text.interrupt(dst), b)
	}
	return f.text.add(dst, b)
}

// enter begins a part of a sequence.
func (f *Filter) enter(s state) {
	f.state, f.seq, f.long = s, f.seq[:0], false
}

// control takes a control character, which is obeyed in the midst of a sequence too.
func (f *Filter) control(dst []byte, b byte) []byte {
	switch b {
	case enq: // the terminal would type its answerback message
		return dst
	case so, si:
		if f.dialect == DialectEterm {
			f.text.shift(b == so)
			return dst
		}
		f.guest.shifted = b == so
	case sub:
		if f.dialect == DialectEterm { // term.el obeys ^Z up to the end of the line
			return dst
		}
	}
	return append(dst, b)
}

// sequence takes one byte after ESC or after ESC [.
func (f *Filter) sequence(dst []byte, b byte) []byte {
	switch {
	case b == esc:
		f.enter(escape)
	case b == can || b == sub:
		f.state = ground
	case b < ' ':
		return f.control(dst, b)
	case b == del:
	case b >= 0x80: // no sequence has such a byte: it is text again
		f.state = ground
		return f.ground(dst, b)
	case f.state == csi:
		return f.csi(dst, b)
	case b < '0':
		f.collect(b, maxCSI)
		f.state = escInter
	default:
		return f.escape(dst, b)
	}
	return dst
}

// collect adds b to the sequence, up to a bound.
func (f *Filter) collect(b byte, bound int) {
	if len(f.seq) >= bound {
		f.long = true
		return
	}
	f.seq = append(f.seq, b)
}

// escape takes the byte that ends an escape sequence, or begins a longer one.
func (f *Filter) escape(dst []byte, b byte) []byte {
	if f.state == escape {
		switch b {
		case '[':
			f.enter(csi)
			return dst
		case ']':
			f.enter(osc)
			return dst
		case 'P', 'X', '^', '_', 'k': // DCS, SOS, PM, APC, and the title of screen and tmux
			f.enter(str)
			return dst
		case ansitWord[0]:
			if f.dialect == DialectEterm {
				f.enter(ansit)
				f.collect(b, maxCSI)
				return dst
			}
		}
	}
	f.state = ground
	if f.dialect == DialectEterm {
		return f.etermEscape(dst, b)
	}
	return f.xtermEscape(dst, b)
}

// csi takes one byte of a control sequence.
func (f *Filter) csi(dst []byte, b byte) []byte {
	if b < '@' {
		f.collect(b, maxCSI)
		return dst
	}
	f.state = ground
	c, ok := parseControl(f.seq, b)
	if !ok || f.long {
		return dst
	}
	if f.dialect == DialectEterm {
		return f.etermControl(dst, c)
	}
	return f.xtermControl(dst, c)
}

// osc takes one byte of an operating system command.
func (f *Filter) osc(dst []byte, b byte) []byte {
	if f.state == oscEscape {
		if b == '\\' {
			return f.endOSC(dst, "\x1b\\")
		}
		f.enter(escape)
		return f.step(dst, b)
	}
	switch {
	case b == bel:
		return f.endOSC(dst, "\a")
	case b == esc:
		f.state = oscEscape
	case b == can || b == sub:
		f.state = ground
	case b >= ' ':
		f.collect(b, maxOSC)
	}
	return dst
}

// endOSC decides about a complete operating system command.
func (f *Filter) endOSC(dst []byte, terminator string) []byte {
	f.state = ground
	if f.long || f.dialect == DialectEterm {
		return dst
	}
	return f.xtermOSC(dst, terminator)
}

// str takes one byte of a string that is dropped.
func (f *Filter) str(dst []byte, b byte) []byte {
	switch {
	case f.state == strEscape && b == '\\', b == can, b == sub:
		f.state = ground
	case f.state == strEscape:
		f.enter(escape)
		return f.step(dst, b)
	case b == esc:
		f.state = strEscape
	}
	return dst
}

// ansit drops "ESC AnSiT" with the rest of its line; anything else behind ESC A
// is text, as ESC A is nothing to term.el.
func (f *Filter) ansit(dst []byte, b byte) []byte {
	if f.state == ansitLine {
		f.skipped++
		if b == '\n' || f.skipped == maxAnsit {
			f.state = ground
		}
		return dst
	}
	if b == ansitWord[len(f.seq)] {
		f.collect(b, maxCSI)
		if len(f.seq) == len(ansitWord) {
			f.state, f.skipped = ansitLine, 0
		}
		return dst
	}
	f.state = ground
	for _, text := range f.seq[1:] {
		dst = f.ground(dst, text)
	}
	return f.ground(dst, b)
}
