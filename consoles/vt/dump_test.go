package vt

import (
	"fmt"
	"slices"
	"strings"
)

// dump writes down all of a screen's state that Snapshot promises to carry over, in a form that compares.
func dump(s *Screen) string {
	var b strings.Builder
	fmt.Fprintf(&b, "size %dx%d cursor %d,%d pen %+v charset %+v margins %d-%d modes %b style %d keys %d\n",
		s.cols, s.rows, s.col, s.row, s.pen, s.charset, s.top, s.bottom, s.modes, s.cursorStyle, s.keyLevel)
	fmt.Fprintf(&b, "saved %+v entry %+v\n", s.saved, s.entry)
	var standard tabStops
	if s.tabs != nil && !slices.Equal(s.tabs, standard.explicit(s.cols)) {
		fmt.Fprintf(&b, "tabs %v\n", s.tabs)
	}
	dumpGrid(&b, "shown", s.grid)
	if s.main != nil {
		dumpGrid(&b, "main", s.main)
	}
	return b.String()
}

// dumpGrid writes a line for each row that has more than plain blanks: runs of cells of one style.
func dumpGrid(b *strings.Builder, name string, g *grid) {
	fmt.Fprintf(b, "%s %dx%d\n", name, g.cols, len(g.rows))
	for y, r := range g.rows {
		cells := rowCells(r, g.cols)
		if strings.TrimSpace(cells) != "" {
			fmt.Fprintf(b, "%3d %s\n", y, cells)
		}
	}
}

func rowCells(r *row, cols int) string {
	var b strings.Builder
	var st style
	for col := range cols {
		c := r.at(col)
		if c.style != st {
			st = c.style
			fmt.Fprintf(&b, "{%x %x %x}", st.fg, st.bg, st.ul)
		}
		if c.ch&flagPad != 0 {
			b.WriteByte('|')
			continue
		}
		b.Write(appendCell(nil, r, col, c))
	}
	return strings.TrimRight(b.String(), " ")
}

// feed makes a screen of the given size and writes the stream to it.
func feed(cols, rows int, stream string) *Screen {
	s := New(cols, rows)
	s.Write([]byte(stream))
	return s
}

// checkInvariants returns what is wrong with a screen, "" if nothing.
func checkInvariants(s *Screen) string {
	cols, rows := s.Size()
	col, row, _ := s.Cursor()
	switch {
	case col < 0 || col >= cols || row < 0 || row >= rows:
		return fmt.Sprintf("cursor %d,%d outside %dx%d", col, row, cols, rows)
	case s.col < 0 || s.col > cols:
		return fmt.Sprintf("column %d of %d", s.col, cols)
	case s.top < 0 || s.bottom >= rows || s.top > s.bottom:
		return fmt.Sprintf("margins %d-%d of %d rows", s.top, s.bottom, rows)
	case s.modes&modeOrigin != 0 && (s.row < s.top || s.row > s.bottom):
		return fmt.Sprintf("origin mode, row %d outside margins %d-%d", s.row, s.top, s.bottom)
	case len(s.Lines()) != rows:
		return fmt.Sprintf("%d lines of %d", len(s.Lines()), rows)
	case len(s.title) > maxTitle || len(s.titles) > maxTitles || len(s.parser.text) > maxString:
		return "unbounded strings"
	}
	for _, g := range []*grid{s.grid, s.main} {
		if wrong := checkGrid(g, cols, rows); wrong != "" {
			return wrong
		}
	}
	return ""
}

func checkGrid(g *grid, cols, rows int) string {
	if g == nil {
		return ""
	}
	if g.cols != cols || len(g.rows) != rows {
		return fmt.Sprintf("grid %dx%d on a screen of %dx%d", g.cols, len(g.rows), cols, rows)
	}
	for y, r := range g.rows {
		if r == nil {
			continue
		}
		if cap(r.cells) != cols || len(r.marks) > cols {
			return fmt.Sprintf("row %d: capacity %d, %d marks, %d columns", y, cap(r.cells), len(r.marks), cols)
		}
		for col, c := range r.cells {
			wideBefore := col > 0 && r.cells[col-1].ch&flagWide != 0
			if wideBefore != (c.ch&flagPad != 0) {
				return fmt.Sprintf("row %d column %d: half a wide character", y, col)
			}
			if len([]rune(r.marksAt(col))) > maxMarks {
				return fmt.Sprintf("row %d column %d: too many marks", y, col)
			}
		}
	}
	return ""
}
