package vt

import (
	"fmt"
	"slices"
	"strconv"
)

// minSkip is the number of plain blanks from which a cursor movement replaces them.
const minSkip = 6

// Snapshot returns the bytes that bring a freshly reset terminal of the same size into the state of this screen: text,
// attributes, margins, tab stops, charsets, modes, cursor, saved cursor, and behind the alternate screen the main one.
// A new Screen that reads them equals this one in all of that. They ask nothing, so the terminal does not answer, and
// set neither title nor clipboard. Not carried over: the title, an unfinished sequence (see Unfinished), and the
// character that a REP right after the snapshot would repeat.
func (s *Screen) Snapshot() []byte {
	w := snapshot{screen: s}
	w.grids()
	w.tabs()
	w.savedCursor()
	w.margins()
	w.cursor()
	w.charset(s.charset)
	w.modes()
	w.sgr(s.pen)
	return w.buf
}

// A snapshot collects the bytes of a Snapshot and knows the pen of the terminal that reads them.
type snapshot struct {
	screen *Screen
	buf    []byte
	pen    pen
}

func (w *snapshot) printf(format string, args ...any) {
	w.buf = fmt.Appendf(w.buf, format, args...)
}

func (w *snapshot) moveTo(col, row int) { w.printf("\x1b[%d;%dH", row+1, col+1) }

// grids writes the text of both screens. The entry of the alternate screen carries the cursor that mode 1049 saved;
// when the main screen is shown, going there and back leaves it saved.
func (w *snapshot) grids() {
	s := w.screen
	main := s.main
	if main == nil {
		main = s.grid
	}
	if s.entry.valid && s.main == nil {
		w.enter()
		w.printf("\x1b[?1049l")
	}
	w.text(main)
	switch {
	case s.main == nil:
		return
	case s.entry.valid:
		w.enter()
	default:
		w.printf("\x1b[?47h")
	}
	w.text(s.grid)
}

func (w *snapshot) enter() {
	w.moveTo(w.screen.entry.col, w.screen.entry.row)
	w.sgr(w.screen.entry.pen)
	w.printf("\x1b[?1049h")
}

func (w *snapshot) text(g *grid) {
	for y, r := range g.rows {
		w.line(r, y, g.cols)
	}
}

// line writes the cells of row y that are not plain blanks. The terminal may measure a character otherwise than we do,
// so after each one that is not a single cell the column is set anew.
func (w *snapshot) line(r *row, y, cols int) {
	at := -1 // the column of the cursor, -1 if not known
	for col := 0; col < cols; col++ {
		c := r.at(col)
		if c == blank(0) && skippable(r, col, cols, at) {
			at = -1
			continue
		}
		if at != col {
			w.moveTo(col, y)
		}
		w.cell(r, col, c)
		switch {
		case c.ch&flagWide != 0:
			at = -1
			col++
		case c.ch&flagMarks != 0:
			at = -1
		default:
			at = col + 1
		}
	}
}

// skippable says whether the plain blank at col need not be written: nothing was written before it, or many follow.
func skippable(r *row, col, cols, at int) bool {
	if at != col {
		return true
	}
	for end := col; end < col+minSkip && end < cols; end++ {
		if r.at(end) != blank(0) {
			return false
		}
	}
	return true
}

func (w *snapshot) cell(r *row, col int, c cell) {
	w.sgr(c.style.unpack())
	w.buf = appendCell(w.buf, r, col, c)
}

// sgr selects a pen, always from the reset one: bytes are cheap and no terminal remembers wrong.
func (w *snapshot) sgr(p pen) {
	if p == w.pen {
		return
	}
	w.pen = p
	w.buf = append(w.buf, "\x1b[0"...)
	for n, bit := range sgrBits {
		if bit != 0 && p.attr&bit != 0 && n != 6 {
			w.printf(";%d", n)
		}
	}
	switch underline := p.attr.underline(); underline {
	case 0:
	case 1:
		w.buf = append(w.buf, ";4"...)
	default:
		w.printf(";4:%d", underline)
	}
	if p.attr&attrOverline != 0 {
		w.buf = append(w.buf, ";53"...)
	}
	w.colour(30, p.fg)
	w.colour(40, p.bg)
	w.colour(50, p.ul)
	w.buf = append(w.buf, 'm')
}

// colour adds a colour to SGR; base is 30, 40 or 50 (underline, which has no short forms).
func (w *snapshot) colour(base int, c colour) {
	n := int(c &^ colourKind)
	switch {
	case c == 0:
	case c&colourKind == colourRGB:
		w.printf(";%d;2;%d;%d;%d", base+8, n>>16, n>>8&0xff, n&0xff)
	case base < 50 && n < 8:
		w.printf(";%d", base+n)
	case base < 50 && n < 16:
		w.printf(";%d", base+60+n-8)
	default:
		w.printf(";%d;5;%d", base+8, n)
	}
}

func (w *snapshot) tabs() {
	s := w.screen
	var standard tabStops
	if s.tabs == nil || slices.Equal(s.tabs, standard.explicit(s.cols)) {
		return
	}
	w.printf("\x1b[3g")
	for col := range s.cols {
		if s.tabs.at(col) {
			w.moveTo(col, 0)
			w.printf("\x1bH")
		}
	}
}

// savedCursor sets what DECSC saved. The margins are still those of the reset terminal, so rows count from the top in
// origin mode, too.
func (w *snapshot) savedCursor() {
	saved := w.screen.saved
	if saved == (savedCursor{}) {
		return
	}
	if saved.origin {
		w.printf("\x1b[?6h")
	}
	w.moveTo(saved.col, saved.row)
	w.charset(saved.charset)
	w.sgr(saved.pen)
	w.printf("\x1b7")
	if saved.origin {
		w.printf("\x1b[?6l")
	}
	w.charset(charset{}) // for the cell that cursor may write
}

func (w *snapshot) margins() {
	s := w.screen
	if s.top != 0 || s.bottom != s.rows-1 {
		w.printf("\x1b[%d;%dr", s.top+1, s.bottom+1)
	}
	if s.modes&modeOrigin != 0 {
		w.printf("\x1b[?6h")
	}
}

// cursor moves to the cursor. A pending wrap comes from writing the last cell of the line once more.
func (w *snapshot) cursor() {
	s := w.screen
	row := s.row
	if s.modes&modeOrigin != 0 {
		row -= s.top
	}
	if s.col < s.cols {
		w.moveTo(s.col, row)
		return
	}
	line, last := s.grid.rows[s.row], s.cols-1
	if line.at(last).ch&flagPad != 0 {
		last--
	}
	w.moveTo(last, row)
	w.cell(line, last, line.at(last))
}

// charset designates G0 and G1 and selects one; the reset terminal has ASCII in both.
func (w *snapshot) charset(c charset) {
	for i, graphics := range c.graphics {
		final := byte('B')
		if graphics {
			final = '0'
		}
		w.buf = append(w.buf, esc, '('+byte(i), final)
	}
	shift := byte(si)
	if c.shifted {
		shift = so
	}
	w.buf = append(w.buf, shift)
}

// modes switches the modes that differ from those of the reset terminal; origin mode is set already.
func (w *snapshot) modes() {
	s := w.screen
	for _, m := range privateModes {
		if m.bit != modeKeypad && (s.modes^defaultModes)&m.bit != 0 {
			w.private(m.number, s.modes&m.bit != 0)
		}
	}
	if s.modes&modeWrap == 0 {
		w.private(7, false)
	}
	if s.modes&modeInsert != 0 {
		w.printf("\x1b[4h")
	}
	if s.modes&modeKeypad != 0 {
		w.printf("\x1b=")
	}
	if s.keyLevel != 0 {
		w.printf("\x1b[>4;%dm", s.keyLevel)
	}
	if s.cursorStyle != 0 {
		w.printf("\x1b[%d q", s.cursorStyle)
	}
}

func (w *snapshot) private(number int, on bool) {
	w.buf = append(w.buf, "\x1b[?"...)
	w.buf = strconv.AppendInt(w.buf, int64(number), 10)
	if on {
		w.buf = append(w.buf, 'h')
	} else {
		w.buf = append(w.buf, 'l')
	}
}
