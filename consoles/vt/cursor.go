package vt

// All movements end a pending wrap, as in xterm: the cursor is in the last column then.

// left, right, up and down stop at the edge of the screen; up and down also at a margin when the cursor is on its inner
// side.
func (s *Screen) left(n int) { s.col = s.inCols(s.inCols(s.col) - n) }

func (s *Screen) right(n int) { s.col = s.inCols(s.col + n) }

func (s *Screen) up(n int) {
	limit := 0
	if s.row >= s.top {
		limit = s.top
	}
	s.col, s.row = s.inCols(s.col), max(s.row-n, limit)
}

func (s *Screen) down(n int) {
	limit := s.rows - 1
	if s.row <= s.bottom {
		limit = s.bottom
	}
	s.col, s.row = s.inCols(s.col), min(s.row+n, limit)
}

// moveTo is CUP, 0-based: in origin mode relative to the top margin and kept within the margins.
func (s *Screen) moveTo(col, row int) {
	if s.modes&modeOrigin != 0 {
		row = min(row+s.top, s.bottom)
	}
	s.col, s.row = s.inCols(col), s.inRows(row)
}

// index is IND: down one line, at the bottom margin scroll; the line that comes in has background bg.
func (s *Screen) index(bg colour) {
	s.col = s.inCols(s.col)
	switch {
	case s.row == s.bottom:
		s.grid.scrollUp(s.top, s.bottom, 1, bg)
	case s.row < s.rows-1:
		s.row++
	}
}

// reverseIndex is RI: up one line, at the top margin scroll.
func (s *Screen) reverseIndex() {
	s.col = s.inCols(s.col)
	switch {
	case s.row == s.top:
		s.grid.scrollDown(s.top, s.bottom, 1, s.pen.bg)
	case s.row > 0:
		s.row--
	}
}

// tab goes n tab stops on. In the last column it does nothing, so that a pending wrap stays.
func (s *Screen) tab(n int) {
	if s.col < s.cols-1 {
		s.col = s.tabs.next(s.col, n, s.cols)
	}
}

// clearTabs is TBC.
func (s *Screen) clearTabs(which int) {
	switch which {
	case 0:
		s.tabs.set(s.inCols(s.col), s.cols, false)
	case 3:
		s.tabs.clear(s.cols)
	}
}

// setMargins is DECSTBM, 0-based; a bottom outside the screen is the last row. Fewer than two lines are refused.
func (s *Screen) setMargins(top, bottom int) {
	if bottom < 0 || bottom >= s.rows {
		bottom = s.rows - 1
	}
	if top >= bottom {
		return
	}
	s.top, s.bottom = top, bottom
	s.moveTo(0, 0)
}

// save is DECSC.
func (s *Screen) save() {
	s.saved = savedCursor{
		col: s.inCols(s.col), row: s.row,
		pen: s.pen, charset: s.charset, origin: s.modes&modeOrigin != 0,
	}
}

// restore is DECRC. In origin mode the cursor is kept within the margins, as in xterm: nothing could bring it back.
func (s *Screen) restore() {
	s.setPen(s.saved.pen)
	s.charset = s.saved.charset
	s.modes.set(modeOrigin, s.saved.origin)
	s.col, s.row = s.saved.col, s.saved.row
	s.keepOrigin()
}

func (s *Screen) keepOrigin() {
	if s.modes&modeOrigin != 0 {
		s.row = min(max(s.row, s.top), s.bottom)
	}
}

func (s *Screen) setPen(p pen) { s.pen, s.style = p, p.pack() }
