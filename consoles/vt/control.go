package vt

// execute carries out a C0 control. Those not named do nothing.
func (s *Screen) execute(b byte) {
	s.last = 0
	switch b {
	case bs:
		s.left(1)
	case ht:
		s.tab(1)
	case lf, vt, ff:
		s.index(s.pen.bg)
	case cr:
		s.col = 0
	case so:
		s.charset.shifted = true
	case si:
		s.charset.shifted = false
	}
}

// escape carries out an escape sequence.
func (s *Screen) escape(inter, final byte) {
	switch {
	case inter == '(' || inter == ')':
		s.charset.designate(inter, final)
	case inter == '#' && final == '8':
		s.alignmentTest()
	case inter == 0:
		s.escapePlain(final)
	}
}

func (s *Screen) escapePlain(final byte) {
	switch final {
	case '7':
		s.save()
	case '8':
		s.restore()
	case '=':
		s.modes |= modeKeypad
	case '>':
		s.modes &^= modeKeypad
	case 'D':
		s.index(s.pen.bg)
	case 'E':
		s.col = 0
		s.index(s.pen.bg)
	case 'H':
		s.tabs.set(s.inCols(s.col), s.cols, true)
	case 'M':
		s.reverseIndex()
	case 'c':
		s.reset()
	}
}

// control carries out a control sequence; unknown ones do nothing.
func (s *Screen) control() {
	p := &s.parser
	if p.subs != 0 && p.final != 'm' {
		return // no sequence but SGR has sub-parameters
	}
	switch [2]byte{p.marker, p.inter} {
	case [2]byte{0, 0}:
		if !s.controlMove(p.final) && !s.controlEdit(p.final) {
			s.controlState(p.final)
		}
	case [2]byte{'?', 0}:
		s.controlPrivate(p.final)
	case [2]byte{'>', 0}:
		s.controlKeys(p.final)
	case [2]byte{0, ' '}:
		if p.final == 'q' && p.arg(0, 0) <= 6 {
			s.cursorStyle = uint8(p.arg(0, 0)) // DECSCUSR
		}
	case [2]byte{0, '!'}:
		if p.final == 'p' {
			s.softReset()
		}
	}
}

// controlMove carries out the sequences that move the cursor.
func (s *Screen) controlMove(final byte) bool {
	n := s.parser.times(0)
	switch final {
	case 'A':
		s.up(n)
	case 'B', 'e':
		s.down(n)
	case 'C', 'a':
		s.right(n)
	case 'D':
		s.left(n)
	case 'E':
		s.col = 0
		s.down(n)
	case 'F':
		s.col = 0
		s.up(n)
	case 'G', '`':
		s.col = s.inCols(n - 1)
	case 'H', 'f':
		s.moveTo(s.parser.times(1)-1, n-1)
	case 'I':
		s.tab(n)
	case 'Z':
		s.col = s.tabs.previous(s.inCols(s.col), n)
	case 'd':
		s.moveTo(s.col, n-1)
	default:
		return false
	}
	return true
}

// controlEdit carries out the sequences that change text.
func (s *Screen) controlEdit(final byte) bool {
	n := s.parser.times(0)
	switch final {
	case '@':
		s.insertBlanks(n)
	case 'J':
		s.eraseDisplay(s.parser.arg(0, 0))
	case 'K':
		s.eraseLine(s.parser.arg(0, 0))
	case 'L':
		s.insertLines(n)
	case 'M':
		s.deleteLines(n)
	case 'P':
		s.deleteChars(n)
	case 'S':
		s.grid.scrollUp(s.top, s.bottom, n, s.pen.bg)
	case 'T':
		s.grid.scrollDown(s.top, s.bottom, n, s.pen.bg)
	case 'X':
		s.eraseChars(n)
	case 'b':
		s.repeat(n)
	default:
		return false
	}
	return true
}

// controlState carries out the sequences that change neither text nor, but for DECSTBM and restore, the cursor.
func (s *Screen) controlState(final byte) {
	p := &s.parser
	switch final {
	case 'g':
		s.clearTabs(p.arg(0, 0))
	case 'h', 'l':
		for i := range p.count {
			if p.arg(i, 0) == 4 {
				s.modes.set(modeInsert, final == 'h')
			}
		}
	case 'm':
		s.pen.sgr(p)
		s.style = s.pen.pack()
	case 'r':
		s.setMargins(p.times(0)-1, p.arg(1, 0)-1)
	case 's':
		s.save()
	case 't':
		s.windowOperation(p.arg(0, 0), p.arg(1, missing))
	case 'u':
		s.restore()
	}
}

// controlPrivate carries out DECSET and DECRST.
func (s *Screen) controlPrivate(final byte) {
	if final != 'h' && final != 'l' {
		return
	}
	for i := range s.parser.count {
		s.setMode(s.parser.arg(i, 0), final == 'h')
	}
}

// controlKeys carries out XTMODKEYS, of which only modifyOtherKeys (resource 4) is kept.
func (s *Screen) controlKeys(final byte) {
	p := &s.parser
	switch {
	case final == 'm' && p.arg(0, 0) == 0 || final == 'n' && p.arg(0, 0) == 4:
		s.keyLevel = 0
	case final == 'm' && p.arg(0, 0) == 4 && p.arg(1, 0) <= 2:
		s.keyLevel = uint8(p.arg(1, 0))
	}
}
