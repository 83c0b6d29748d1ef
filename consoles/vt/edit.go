package vt

// Erased cells and lines that come in take the background colour of the pen (back colour erase). At a pending wrap the
// cursor counts as beyond the last column, as in tmux: what erases from the cursor on erases nothing, so that a program
// which clears to the end of line after its text (grep --color) does not lose the last character.

// room returns how many of n cells there are from the cursor to the end of the line.
func (s *Screen) room(n int) int { return min(n, s.cols-s.col) }

func (s *Screen) insertBlanks(n int) {
	if n = s.room(n); n > 0 {
		s.grid.row(s.row).insert(s.col, n, s.pen.bg)
	}
}

func (s *Screen) deleteChars(n int) {
	if n = s.room(n); n > 0 {
		s.grid.row(s.row).delete(s.col, n, s.pen.bg)
	}
}

func (s *Screen) eraseChars(n int) {
	if n = s.room(n); n > 0 {
		s.erase(s.col, s.col+n)
	}
}

// erase blanks columns of the cursor's line; a line never touched stays so.
func (s *Screen) erase(from, to int) {
	if from < to && (s.grid.rows[s.row] != nil || s.pen.bg != 0) {
		s.grid.row(s.row).erase(from, to, s.pen.bg)
	}
}

// eraseLine is EL.
func (s *Screen) eraseLine(which int) {
	switch which {
	case 0:
		s.erase(s.col, s.cols)
	case 1:
		s.erase(0, s.inCols(s.col)+1)
	case 2:
		s.erase(0, s.cols)
	}
}

// eraseDisplay is ED; 3 clears a scrollback that is not kept here.
func (s *Screen) eraseDisplay(which int) {
	switch which {
	case 0:
		s.eraseLine(0)
		s.grid.clear(s.row+1, s.rows, s.pen.bg)
	case 1:
		s.grid.clear(0, s.row, s.pen.bg)
		s.eraseLine(1)
	case 2:
		s.grid.clear(0, s.rows, s.pen.bg)
	}
}

// insertLines and deleteLines do nothing when the cursor is outside the margins.
func (s *Screen) insertLines(n int) {
	if s.row >= s.top && s.row <= s.bottom {
		s.grid.scrollDown(s.row, s.bottom, n, s.pen.bg)
	}
}

func (s *Screen) deleteLines(n int) {
	if s.row >= s.top && s.row <= s.bottom {
		s.grid.scrollUp(s.row, s.bottom, n, s.pen.bg)
	}
}

// alignmentTest is DECALN: the screen full of E, no margins, the cursor at home.
func (s *Screen) alignmentTest() {
	for y := range s.rows {
		r := s.grid.row(y)
		r.clear(0)
		r.extend(s.cols)
		for i := range r.cells {
			r.cells[i].ch = 'E'
		}
	}
	s.top, s.bottom = 0, s.rows-1
	s.col, s.row = 0, 0
}
