package vt

import "slices"

const tabWidth = 8

// tabStops are the tab stops of a screen by column; nil means the default, one in every eight columns but the first.
type tabStops []bool

func (t tabStops) at(col int) bool {
	if t == nil || col >= len(t) {
		return col > 0 && col%tabWidth == 0
	}
	return t[col]
}

// set makes or removes the stop at col.
func (t *tabStops) set(col, cols int, on bool) {
	if t.at(col) != on {
		*t = t.explicit(cols)
		(*t)[col] = on
	}
}

// clear removes all stops.
func (t *tabStops) clear(cols int) { *t = make(tabStops, cols) }

// explicit returns the stops as a slice of one entry a column.
func (t tabStops) explicit(cols int) tabStops {
	full := slices.Clone(t[:min(len(t), cols)])
	for len(full) < cols {
		full = append(full, t.at(len(full)))
	}
	return full
}

// next returns the column after n stops to the right of col; the last column is always one.
func (t tabStops) next(col, n, cols int) int {
	for ; n > 0 && col < cols-1; n-- {
		for col++; col < cols-1 && !t.at(col); col++ {
		}
	}
	return col
}

// previous returns the column after n stops to the left of col; the first column is always one.
func (t tabStops) previous(col, n int) int {
	for ; n > 0 && col > 0; n-- {
		for col--; col > 0 && !t.at(col); col-- {
		}
	}
	return col
}
