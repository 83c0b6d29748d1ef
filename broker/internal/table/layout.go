package table

import "github.com/conbroker/conbroker/consoles/vt"

// defaultMin is how narrow a column may become that does not say.
const defaultMin = 4

// widths decides how wide each column is; see Options.Width.
func (t Table[R]) widths(rows [][]string, terminal int) []int {
	widths := make([]int, len(t.Columns))
	needed := make([]int, len(t.Columns))
	for i, c := range t.Columns {
		needed[i] = vt.Width(visible(c.Title))
		for _, row := range rows {
			needed[i] = max(needed[i], vt.Width(row[i]))
		}
		widths[i] = max(c.Width, needed[i])
		if t.Fixed && c.Width > 0 {
			widths[i] = c.Width
		}
	}
	if t.Fixed || terminal <= 0 {
		return widths
	}
	excess := total(widths) - terminal
	excess = shrink(widths, needed, excess)
	shrink(widths, t.floors(needed), excess)
	return widths
}

// total is the width of a whole line: the columns and the separators between them.
func total(widths []int) int {
	sum := max(len(widths)-1, 0)
	for _, w := range widths {
		sum += w
	}
	return sum
}

// floors returns how narrow each column may become.
func (t Table[R]) floors(needed []int) []int {
	floors := make([]int, len(t.Columns))
	for i, c := range t.Columns {
		floors[i] = c.Min
		if c.Min == 0 {
			floors[i] = defaultMin
		}
		floors[i] = min(floors[i], needed[i])
	}
	return floors
}

// shrink takes excess cells away, each from the widest column that is above its floor, and returns what it could not take.
func shrink(widths, floors []int, excess int) int {
	for ; excess > 0; excess-- {
		widest := -1
		for i, w := range widths {
			if w > floors[i] && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return excess
		}
		widths[widest]--
	}
	return 0
}
