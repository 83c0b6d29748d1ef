package vt

// A Stripper turns terminal output into text: it removes escape sequences, control functions and strings (OSC, DCS ...)
// and keeps printable characters, tabs and line ends. The zero value is ready to use. Sequences, characters and line
// ends may be split over calls at any byte. It is not safe for concurrent use.
//
// Line ends: LF, VT, FF and any number of CR before them make one "\n". A CR that no LF follows starts the line over on
// a terminal; here it ends the line with "\n", unless the line is empty so far. So each state of a progress display is
// a line of its own, and the CR that shells write in front of a prompt leaves no empty line.
//
// Text is not edited: a backspace is dropped and does not take back what it would overwrite, and cursor movement leaves
// no mark. The output is valid UTF-8: other bytes, and C1 controls in UTF-8 form, are dropped.
type Stripper struct {
	parser  parser
	decoder decoder
	inLine  bool // the present line has text
	held    bool // a CR waits for what follows
}

// Append appends the text of p to dst and returns the extended slice. A CR at the end of p takes effect with the next
// text.
func (t *Stripper) Append(dst, p []byte) []byte {
	for i := 0; i < len(p); {
		if n := printable(p[i:]); n > 0 && t.parser.state == stateGround {
			t.decoder.reset()
			dst = append(t.text(dst), p[i:i+n]...)
			i += n
			continue
		}
		dst = t.byte(dst, p[i])
		i++
	}
	return dst
}

// byte takes one byte that is not printable, or is part of a sequence.
func (t *Stripper) byte(dst []byte, b byte) []byte {
	if t.parser.state != stateGround {
		signal := t.parser.step(b)
		t.parser.text = nil
		if signal == signalExecute {
			return t.execute(dst, b)
		}
		return dst
	}
	if b < 0x80 {
		t.decoder.reset()
		return t.execute(dst, b)
	}
	if r, ok := t.decoder.push(b); ok && r >= 0xa0 {
		dst = append(t.text(dst), string(r)...)
	}
	return dst
}

// execute takes a control character.
func (t *Stripper) execute(dst []byte, b byte) []byte {
	switch b {
	case esc:
		t.parser.enterEscape()
	case ht:
		dst = append(t.text(dst), ht)
	case cr:
		t.held = true
	case lf, vt, ff:
		t.held, t.inLine = false, false
		dst = append(dst, '\n')
	}
	return dst
}

// text comes before text in a line: it ends the line first if a lone CR was seen in it.
func (t *Stripper) text(dst []byte) []byte {
	if t.held && t.inLine {
		dst = append(dst, '\n')
	}
	t.held, t.inLine = false, true
	return dst
}
