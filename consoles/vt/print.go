package vt

import (
	"encoding/binary"
	"unicode/utf8"
)

// printable returns the length of the printable ASCII at the start of p.
func printable(p []byte) int {
	n := 0
	// Eight bytes at a time: a byte below 0x20 borrows, one above 0x7e carries into its top bit.
	for len(p) >= n+8 {
		v := binary.LittleEndian.Uint64(p[n:])
		if ((v-0x2020202020202020)|v|(v+0x0101010101010101))&0x8080808080808080 != 0 {
			break
		}
		n += 8
	}
	for n < len(p) && p[n] >= 0x20 && p[n] < 0x7f {
		n++
	}
	return n
}

// printASCII writes printable ASCII at the cursor.
func (s *Screen) printASCII(run []byte) {
	if s.charset.drawing() || s.modes&modeInsert != 0 {
		for _, b := range run {
			s.printByte(b)
		}
		return
	}
	for len(run) > 0 {
		s.wrapFor(1)
		n := min(len(run), s.cols-s.col)
		s.grid.row(s.row).put(s.col, run[:n], s.style)
		s.last = rune(run[n-1])
		s.advance(n)
		if run = run[n:]; len(run) > 0 && s.modes&modeWrap == 0 {
			run = run[len(run)-1:] // each overwrites the one before, in the last column
		}
	}
}

// printByte writes one byte through the charset in use.
func (s *Screen) printByte(b byte) {
	r := rune(b)
	if s.charset.drawing() {
		r = glyph(b)
	}
	s.place(r, 1)
}

// printRune writes a character beyond ASCII.
func (s *Screen) printRune(r rune) {
	width := RuneWidth(r)
	left := s.leftOfCursor()
	switch {
	case r < 0xa0: // C1 in UTF-8 form is dropped, as in tmux
	case width > 0 && !(left >= 0 && s.grid.rows[s.row].joins(left)):
		s.place(r, width)
	case left >= 0:
		s.grid.row(s.row).combine(left, r)
	}
}

// leftOfCursor returns the column of the character left of the cursor, -1 if there is none.
func (s *Screen) leftOfCursor() int {
	col := s.col - 1
	if col > 0 && s.grid.rows[s.row].at(col).ch&flagPad != 0 {
		col--
	}
	return col
}

// place writes one character of width 1 or 2 at the cursor. One that cannot fit is dropped.
func (s *Screen) place(r rune, width int) {
	if width > s.cols || s.modes&modeWrap == 0 && s.col > s.cols-width {
		return
	}
	s.wrapFor(width)
	line := s.grid.row(s.row)
	if s.modes&modeInsert != 0 {
		line.insert(s.col, width, 0)
	}
	line.putRune(s.col, r, width, s.style)
	s.last = r
	s.advance(width)
}

// wrapFor goes to the next line if a character of this width does not fit on the present one.
func (s *Screen) wrapFor(width int) {
	if s.col > s.cols-width {
		s.index(0)
		s.col = 0
	}
}

// advance moves the cursor over n cells just written. Without autowrap it stays in the last column.
func (s *Screen) advance(n int) {
	s.col += n
	if s.col >= s.cols && s.modes&modeWrap == 0 {
		s.col = s.cols - 1
	}
}

// repeat is REP: the character just written n times more, up to the end of the line.
func (s *Screen) repeat(n int) {
	if s.last == 0 {
		return
	}
	r, width := s.last, max(RuneWidth(s.last), 1)
	for n = min(n, (s.cols-s.col)/width); n > 0; n-- {
		s.place(r, width)
	}
}

// appendCell appends the character of a cell and its combining marks.
func appendCell(dst []byte, r *row, col int, c cell) []byte {
	dst = utf8.AppendRune(dst, c.rune())
	if c.ch&flagMarks != 0 {
		dst = append(dst, r.marks[col]...)
	}
	return dst
}
