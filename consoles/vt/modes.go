package vt

// A mode is a set of the modes that a guest switches on and off.
type mode uint32

const (
	modeCursorKeys mode = 1 << iota // DECCKM
	modeReverse                     // DECSCNM
	modeOrigin                      // DECOM
	modeWrap                        // DECAWM
	modeCursorBlink
	modeCursorVisible // DECTCEM
	modeMouseClick
	modeMouseDrag
	modeMouseMove
	modeFocus
	modeMouseUTF8
	modeMouseSGR
	modeMouseURXVT
	modePaste  // bracketed paste
	modeInsert // IRM
	modeKeypad // DECKPAM

	defaultModes = modeWrap | modeCursorVisible
	mouseModes   = modeMouseClick | modeMouseDrag | modeMouseMove
)

func (m *mode) set(bits mode, on bool) {
	if on {
		*m |= bits
	} else {
		*m &^= bits
	}
}

// privateModes are the modes of DECSET that are no more than a bit (xterm control sequences, "Private Modes").
var privateModes = [...]struct {
	number int
	bit    mode
}{
	{1, modeCursorKeys},
	{5, modeReverse},
	{12, modeCursorBlink},
	{25, modeCursorVisible},
	{66, modeKeypad},
	{1000, modeMouseClick},
	{1002, modeMouseDrag},
	{1003, modeMouseMove},
	{1004, modeFocus},
	{1005, modeMouseUTF8},
	{1006, modeMouseSGR},
	{1015, modeMouseURXVT},
	{2004, modePaste},
}

// setMode is DECSET or DECRST of one mode. Unknown modes do nothing.
func (s *Screen) setMode(number int, on bool) {
	switch number {
	case 3: // DECCOLM: the width is the client's, but the screen is cleared
		s.moveTo(0, 0)
		s.grid.clear(0, s.rows, s.pen.bg)
	case 6:
		s.modes.set(modeOrigin, on)
		s.moveTo(0, 0)
	case 7:
		s.modes.set(modeWrap, on)
		if !on {
			s.col = s.inCols(s.col)
		}
	case 47, 1047, 1049:
		s.setAlternate(on, number == 1049)
	case 1048:
		if on {
			s.save()
		} else {
			s.restore()
		}
	default:
		s.setModeBit(number, on)
	}
}

func (s *Screen) setModeBit(number int, on bool) {
	for _, m := range privateModes {
		if m.number != number {
			continue
		}
		if m.bit&mouseModes != 0 {
			s.modes &^= mouseModes // one at a time; each of them ends the others
		}
		s.modes.set(m.bit, on)
	}
}

// An altEntry is the cursor and pen at the time the alternate screen was entered by mode 1049.
type altEntry struct {
	valid    bool
	col, row int
	pen      pen
}

// setAlternate enters or leaves the alternate screen, which is blank on entry. With cursor (mode 1049) the cursor and
// the pen come back on leaving; as in tmux and xterm also when the main screen is already shown.
func (s *Screen) setAlternate(on, cursor bool) {
	if !on {
		s.leaveAlternate(cursor)
		return
	}
	if s.main != nil {
		return
	}
	if cursor {
		s.entry = altEntry{true, s.inCols(s.col), s.row, s.pen}
	}
	s.main, s.grid = s.grid, newGrid(s.cols, s.rows)
}

func (s *Screen) leaveAlternate(cursor bool) {
	if cursor && s.entry.valid {
		s.col, s.row = s.entry.col, s.entry.row
		s.setPen(s.entry.pen)
		s.keepOrigin()
	}
	if s.main != nil {
		s.grid, s.main = s.main, nil
		s.col = s.inCols(s.col)
	}
}

// reset is RIS. The title stays, as in xterm.
func (s *Screen) reset() {
	fresh := New(s.cols, s.rows)
	fresh.title, fresh.parser = s.title, s.parser
	*s = *fresh
}

// softReset is DECSTR: modes, margins, charsets, attributes and the saved cursor, but neither text nor cursor (VT220
// Programmer Reference, "Soft Terminal Reset"; autowrap goes to its default, as in xterm).
func (s *Screen) softReset() {
	const kept = modeReverse | modeCursorBlink | mouseModes | modeFocus | modeMouseUTF8 | modeMouseSGR | modeMouseURXVT | modePaste
	s.modes = s.modes&kept | defaultModes
	s.top, s.bottom = 0, s.rows-1
	s.charset = charset{}
	s.saved = savedCursor{}
	s.setPen(pen{})
}
