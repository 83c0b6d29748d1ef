package vt

import "slices"

// A grid is the text of one screen, main or alternate. A row never touched is nil: it costs one pointer.
type grid struct {
	rows []*row
	cols int
}

func newGrid(cols, rows int) *grid {
	return &grid{rows: make([]*row, rows), cols: cols}
}

// row returns row y for writing.
func (g *grid) row(y int) *row {
	if g.rows[y] == nil {
		g.rows[y] = newRow(g.cols)
	}
	return g.rows[y]
}

// clear blanks the rows from (included) to (excluded).
func (g *grid) clear(from, to int, bg colour) {
	for y := from; y < to; y++ {
		if g.rows[y] != nil || bg != 0 {
			g.row(y).clear(bg)
		}
	}
}

// scrollUp moves the rows top to bottom (both included) up by n; the rows that leave come back blank below.
func (g *grid) scrollUp(top, bottom, n int, bg colour) {
	region := g.rows[top : bottom+1]
	n = min(n, len(region))
	if n == 1 {
		first := region[0]
		copy(region, region[1:])
		region[len(region)-1] = first
	} else {
		rotate(region, n)
	}
	g.clear(bottom+1-n, bottom+1, bg)
}

// scrollDown is the reverse of scrollUp.
func (g *grid) scrollDown(top, bottom, n int, bg colour) {
	region := g.rows[top : bottom+1]
	n = min(n, len(region))
	rotate(region, len(region)-n)
	g.clear(top, top+n, bg)
}

// rotate moves the first n rows behind the others.
func rotate(rows []*row, n int) {
	slices.Reverse(rows[:n])
	slices.Reverse(rows[n:])
	slices.Reverse(rows)
}

// resize changes the size without reflow. Rows go first from below the row keep, then from the top; the number taken
// from the top is returned. New rows come in below.
func (g *grid) resize(cols, rows, keep int) (removed int) {
	if extra := len(g.rows) - rows; extra > 0 {
		below := min(extra, len(g.rows)-1-keep)
		removed = extra - below
		g.rows = slices.Clone(g.rows[removed : len(g.rows)-below])
	} else if extra < 0 {
		g.rows = append(g.rows, make([]*row, -extra)...)
	}
	if cols != g.cols {
		for y, r := range g.rows {
			g.rows[y] = r.resize(cols)
		}
		g.cols = cols
	}
	return removed
}
