// Package table prints the protocol's results: tables and blocks for people, MACHINE records as the original printed them, and JSON.
//
// Values come from guests and hosts and are hostile input: control characters, escape sequences, what changes the direction of text
// and what is not UTF-8 are printed so that they can be seen and do nothing.
package table

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Keep says what is kept of a value that is wider than its column.
type Keep int

// The ways to fit a value.
const (
	// KeepLeft cuts at the right end. It is the one for values that begin with what matters.
	KeepLeft Keep = iota
	// KeepRight cuts at the left end, for paths. The original's tab_gen calls it "_L".
	KeepRight
	// Wrap breaks into further lines, at most 50. The original's tab_gen calls it "_B".
	Wrap
)

// Column is one column of a table whose rows are of type R.
type Column[R any] struct {
	// Title stands above the column.
	Title string
	// Width is the column's usual width in cells; 0 is that of its content.
	Width int
	// Min is how narrow the column may become on a narrow terminal; 0 is 4. A fixed table does not look at it.
	Min int
	// Value returns the text for a row, as it came; the table makes it harmless.
	Value func(R) string
	// Keep says what is kept of a value that is too wide.
	Keep Keep
	// State marks a column of state words, which are printed in colour when that is asked for.
	State bool
}

// Table is a list with titles. Cells are joined by "|", and the second line is a rule.
type Table[R any] struct {
	Columns []Column[R]
	Rows    []R
	// Empty is printed for an empty value, such as "-".
	Empty string
	// Fixed makes each column exactly as wide as its Width, as the original did: values are cut without a mark, and neither the
	// content nor the terminal changes anything.
	Fixed bool
}

// Options say how to print.
type Options struct {
	// Width is that of the terminal in cells; 0 if the output is no terminal. Without a terminal the columns are as wide as their
	// content and nothing is cut. On a terminal they begin so, and are then narrowed to fit: first the room that no value
	// needs, then the widest column, cell by cell, down to each column's Min. What still does not fit is left to the terminal.
	Width int
	// Colour prints state words in colour, with ECMA-48 sequences.
	Colour bool
	// Sort names the columns to sort by, the first one first: the number from 1 or the title in any case, with a "-" before it for
	// the opposite order. Numbers inside values are compared as numbers. Empty keeps the order of the rows.
	Sort []string
}

// Render prints the table. An unknown column in Options.Sort is an error; other errors are those of w.
func (t Table[R]) Render(w io.Writer, o Options) error {
	rows := t.cells()
	if err := t.sort(rows, o.Sort); err != nil {
		return err
	}
	widths := t.widths(rows, o.Width)
	var b strings.Builder
	t.line(&b, t.titles(), widths, false)
	t.rule(&b, widths)
	for _, row := range rows {
		t.line(&b, row, widths, o.Colour)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// cells returns the harmless text of every cell.
func (t Table[R]) cells() [][]string {
	rows := make([][]string, len(t.Rows))
	for i, r := range t.Rows {
		rows[i] = make([]string, len(t.Columns))
		for j, c := range t.Columns {
			rows[i][j] = strings.ReplaceAll(visible(c.Value(r)), "|", `\x7c`) // a value must not look like two
			if rows[i][j] == "" {
				rows[i][j] = t.Empty
			}
		}
	}
	return rows
}

// titles returns the title of every column.
func (t Table[R]) titles() []string {
	titles := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		titles[i] = visible(c.Title)
	}
	return titles
}

// line prints one row, which takes more than one line if a value is wrapped.
func (t Table[R]) line(b *strings.Builder, row []string, widths []int, colour bool) {
	fitted := make([][]string, len(row))
	height := 1
	for i, value := range row {
		fitted[i] = fit(value, widths[i], t.Columns[i].Keep, !t.Fixed)
		height = max(height, len(fitted[i]))
	}
	for n := range height {
		parts := make([]string, len(row))
		for i := range row {
			text := ""
			if n < len(fitted[i]) {
				text = fitted[i][n]
			}
			parts[i] = pad(text, widths[i])
			if colour && t.Columns[i].State {
				parts[i] = coloured(parts[i], row[i])
			}
		}
		b.WriteString(strings.TrimRight(strings.Join(parts, "|"), " "))
		b.WriteByte('\n')
	}
}

// rule prints the line below the titles.
func (t Table[R]) rule(b *strings.Builder, widths []int) {
	parts := make([]string, len(widths))
	for i, w := range widths {
		parts[i] = strings.Repeat("-", w)
	}
	b.WriteString(strings.Join(parts, "+"))
	b.WriteByte('\n')
}

// sort orders rows by the named columns; rows that are equal in them keep their order.
func (t Table[R]) sort(rows [][]string, names []string) error {
	type order struct {
		column int
		sign   int
	}
	orders := make([]order, len(names))
	for i, name := range names {
		bare, reverse := strings.CutPrefix(name, "-")
		column, err := t.column(bare)
		if err != nil {
			return err
		}
		orders[i] = order{column, 1}
		if reverse {
			orders[i].sign = -1
		}
	}
	slices.SortStableFunc(rows, func(a, b []string) int {
		for _, o := range orders {
			if c := compareNatural(a[o.column], b[o.column]); c != 0 {
				return o.sign * c
			}
		}
		return 0
	})
	return nil
}

// column finds a column by its number from 1 or its title.
func (t Table[R]) column(name string) (int, error) {
	for i, c := range t.Columns {
		if strings.EqualFold(c.Title, name) || fmt.Sprint(i+1) == name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("sort: there is no column %q; expected a number from 1 to %d, or one of: %s",
		name, len(t.Columns), strings.Join(t.titles(), ", "))
}
