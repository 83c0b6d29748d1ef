package vt

import (
	"maps"
	"unicode/utf8"
)

// maxMarks bounds the characters that join a cell's first one: a family of four emoji needs six.
const maxMarks = 8

// A row holds the cells of a line up to the last one touched. The columns beyond are blank with background rest, so
// that clearing a row and scrolling cost nothing per column.
type row struct {
	cells []cell // capacity: the columns of the screen
	rest  colour
	wide  bool           // a wide character may be here
	marks map[int]string // by column; an entry counts only while its cell has flagMarks
}

func newRow(cols int) *row { return &row{cells: make([]cell, 0, cols)} }

func (r *row) clear(bg colour) {
	r.cells, r.rest, r.wide, r.marks = r.cells[:0], bg, false, nil
}

// at returns the cell of a column; r may be nil (a row never touched).
func (r *row) at(col int) cell {
	switch {
	case r == nil:
		return blank(0)
	case col >= len(r.cells):
		return blank(r.rest)
	}
	return r.cells[col]
}

// extend makes the first n cells real.
func (r *row) extend(n int) {
	for len(r.cells) < n {
		r.cells = append(r.cells, blank(r.rest))
	}
}

// split blanks a wide character that lies across the border left of col, so that the cells on either side can change
// alone. Every change of a range calls it for both ends: no half of a wide character is ever left behind.
func (r *row) split(col int) {
	if !r.wide || col <= 0 || col >= len(r.cells) || r.cells[col].ch&flagPad == 0 {
		return
	}
	r.cells[col-1], r.cells[col] = blank(0), blank(0)
}

// put writes a run of printable ASCII at col.
func (r *row) put(col int, run []byte, st style) {
	end := col + len(run)
	if r.wide {
		r.split(col)
		r.split(end)
	}
	if len(r.cells) < end {
		r.extend(col)
		r.cells = r.cells[:max(end, len(r.cells))]
	}
	dst := r.cells[col:end]
	for i, b := range run {
		dst[i] = cell{uint32(b), st}
	}
}

// putRune writes one character of the given width (1 or 2) at col.
func (r *row) putRune(col int, ch rune, width int, st style) {
	r.split(col)
	r.split(col + width)
	r.extend(col + width)
	if width == 1 {
		r.cells[col] = cell{uint32(ch), st}
		return
	}
	r.wide = true
	r.cells[col] = cell{uint32(ch) | flagWide, st}
	r.cells[col+1] = cell{' ' | flagPad, st}
}

// combine adds a mark to the character at col; more than maxMarks are dropped.
func (r *row) combine(col int, mark rune) {
	r.extend(col + 1)
	old := r.marksAt(col)
	if utf8.RuneCountInString(old) >= maxMarks {
		return
	}
	if r.marks == nil {
		r.marks = map[int]string{}
	}
	r.marks[col] = old + string(mark)
	r.cells[col].ch |= flagMarks
}

func (r *row) marksAt(col int) string {
	if r == nil || r.at(col).ch&flagMarks == 0 {
		return ""
	}
	return r.marks[col]
}

// joins says whether the character at col waits for one more, its last mark being a zero width joiner. When it is full
// it does not, or it would swallow all that follows.
func (r *row) joins(col int) bool {
	marks := r.marksAt(col)
	last, _ := utf8.DecodeLastRuneInString(marks)
	return last == zwj && utf8.RuneCountInString(marks) < maxMarks
}

// erase blanks the columns from (included) to (excluded, at most the screen's columns).
func (r *row) erase(from, to int, bg colour) {
	cols := cap(r.cells)
	if from == 0 && to == cols {
		r.clear(bg)
		return
	}
	r.split(from)
	r.split(to)
	if bg == r.rest && to == cols {
		r.cells = r.cells[:min(from, len(r.cells))]
		return
	}
	r.extend(to)
	r.fill(from, to, bg)
}

func (r *row) fill(from, to int, bg colour) {
	for i := from; i < to; i++ {
		r.cells[i] = blank(bg)
	}
}

// insert moves the columns from col to the right by n; those pushed over the edge are lost.
func (r *row) insert(col, n int, bg colour) {
	cols := cap(r.cells)
	r.split(col)
	r.split(cols - n)
	r.extend(cols)
	copy(r.cells[col+n:], r.cells[col:cols-n])
	r.fill(col, col+n, bg)
	r.shiftMarks(col, n)
}

// delete removes n columns at col; blank ones come in at the right edge.
func (r *row) delete(col, n int, bg colour) {
	cols := cap(r.cells)
	r.split(col)
	r.split(col + n)
	r.extend(cols)
	copy(r.cells[col:], r.cells[col+n:])
	r.fill(cols-n, cols, bg)
	r.shiftMarks(col, -n)
}

func (r *row) shiftMarks(from, by int) {
	if r.marks == nil {
		return
	}
	moved := make(map[int]string, len(r.marks))
	for col, marks := range r.marks {
		switch to := col + by; {
		case col < from:
			moved[col] = marks
		case to >= from && to < cap(r.cells):
			moved[to] = marks
		}
	}
	r.marks = moved
}

// resize returns the row for another number of columns; what lies beyond is lost.
func (r *row) resize(cols int) *row {
	if r == nil {
		return nil
	}
	r.split(cols)
	maps.DeleteFunc(r.marks, func(col int, _ string) bool { return col >= cols })
	kept := r.cells[:min(len(r.cells), cols)]
	return &row{cells: append(make([]cell, 0, cols), kept...), rest: r.rest, wide: r.wide, marks: r.marks}
}
