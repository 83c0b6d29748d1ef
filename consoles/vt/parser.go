package vt

const (
	// maxParams bounds the parameters of a control sequence; more are dropped.
	maxParams = 32
	// maxParam bounds the value of a parameter.
	maxParam = 9999
	// maxString bounds an OSC string; a longer one is dropped whole. Other strings are never stored.
	maxString = 4096

	// missing is the value of an empty parameter.
	missing = -1
)

// Control characters that the code names.
const (
	bel = 0x07
	bs  = 0x08
	ht  = 0x09
	lf  = 0x0a
	vt  = 0x0b
	ff  = 0x0c
	cr  = 0x0d
	so  = 0x0e
	si  = 0x0f
	can = 0x18
	sub = 0x1a
	esc = 0x1b
)

type parserState uint8

// The states of Paul Williams' VT500 parser; the DCS, SOS, PM and APC states are one, as nothing in them is used.
const (
	stateGround parserState = iota
	stateEscape
	stateEscapeIntermediate
	stateCSIEntry
	stateCSIParam
	stateCSIIntermediate
	stateCSIIgnore
	stateOSC
	stateString
)

// A signal tells the owner of a parser what the byte just given completed.
type signal uint8

const (
	signalNone    signal = iota
	signalExecute        // the byte is a C0 control, also inside a sequence
	signalEscape         // an escape sequence
	signalCSI            // a control sequence
	signalOSC            // an operating system command
)

// A parser takes escape sequences apart, byte by byte. Its owner gives it the bytes from ESC on, until state is
// stateGround again. 8-bit C1 controls do not exist for it: in a UTF-8 stream these bytes are parts of characters.
type parser struct {
	state parserState
	final byte
	// marker is one of < = > ? in front of the parameters, inter the intermediate byte; 0 if absent. Two
	// intermediates make an unknown sequence: inter is 0xff then.
	marker, inter byte
	full          bool // maxParams or maxString was passed
	count         int
	params        [maxParams]int16
	subs          uint32 // bit i: params[i] follows a colon
	text          []byte // of an OSC
	seen          int    // bytes since the ESC, for Unfinished
}

func (p *parser) enterEscape() {
	p.state, p.marker, p.inter, p.full = stateEscape, 0, 0, false
	p.count, p.subs, p.seen = 0, 0, 1
}

// step takes one byte; the state is not stateGround.
func (p *parser) step(b byte) signal {
	p.seen++
	switch {
	case b == esc:
		ended := p.state
		p.enterEscape()
		if ended == stateOSC {
			return signalOSC
		}
		return signalNone
	case b == can || b == sub:
		p.state, p.text = stateGround, nil
		return signalNone
	case p.state >= stateOSC:
		return p.stepString(b)
	case b < 0x20:
		return signalExecute
	case b >= 0x7f:
		return signalNone
	case p.state <= stateEscapeIntermediate:
		return p.stepEscape(b)
	}
	return p.stepCSI(b)
}

func (p *parser) stepString(b byte) signal {
	switch {
	case p.state != stateOSC:
	case b == bel:
		p.state = stateGround
		return signalOSC
	case b < 0x20:
	case p.full:
	case len(p.text) == maxString:
		p.full, p.text = true, nil
	default:
		p.text = append(p.text, b)
	}
	return signalNone
}

func (p *parser) stepEscape(b byte) signal {
	switch {
	case b < 0x30:
		p.intermediate(b)
		p.state = stateEscapeIntermediate
		return signalNone
	case p.state == stateEscape:
		if next := introduces(b); next != stateGround {
			p.state, p.text = next, nil
			return signalNone
		}
	}
	p.state, p.final = stateGround, b
	return signalEscape
}

// introduces returns the state that ESC and b lead to, stateGround if b ends the sequence. ESC k is the title string
// of screen(1).
func introduces(b byte) parserState {
	switch b {
	case '[':
		return stateCSIEntry
	case ']':
		return stateOSC
	case 'P', 'X', '^', '_', 'k':
		return stateString
	}
	return stateGround
}

func (p *parser) stepCSI(b byte) signal {
	switch {
	case b >= 0x40:
		known := p.state != stateCSIIgnore
		p.state, p.final = stateGround, b
		if known {
			return signalCSI
		}
	case p.state == stateCSIIgnore:
	case b < 0x30:
		p.intermediate(b)
		p.state = stateCSIIntermediate
	case p.state == stateCSIIntermediate:
		p.state = stateCSIIgnore
	case b >= 0x3c:
		if p.state != stateCSIEntry {
			p.state = stateCSIIgnore
			break
		}
		p.marker, p.state = b, stateCSIParam
	default:
		p.param(b)
		p.state = stateCSIParam
	}
	return signalNone
}

func (p *parser) intermediate(b byte) {
	if p.inter != 0 {
		b = 0xff
	}
	p.inter = b
}

// param takes a digit, semicolon or colon.
func (p *parser) param(b byte) {
	if p.count == 0 {
		p.count, p.params[0] = 1, missing
	}
	switch {
	case p.full:
	case b <= '9':
		value := &p.params[p.count-1]
		*value = int16(min(int(max(*value, 0))*10+int(b-'0'), maxParam))
	case p.count == maxParams:
		p.full = true
	default:
		if b == ':' {
			p.subs |= 1 << p.count
		}
		p.params[p.count] = missing
		p.count++
	}
}

// arg returns parameter i, or other if it is absent or empty.
func (p *parser) arg(i, other int) int {
	if i >= p.count || p.params[i] == missing {
		return other
	}
	return int(p.params[i])
}

// times returns parameter i as a number of repetitions or a 1-based position: absent, empty and 0 are 1.
func (p *parser) times(i int) int { return max(p.arg(i, 1), 1) }
