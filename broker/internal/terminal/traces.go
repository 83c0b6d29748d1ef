package terminal

import (
	"maps"
	"slices"
	"strconv"
)

// pushTitle saves the window's title and icon name on the terminal's stack, popTitle brings them back.
const (
	pushTitle = "\x1b[22;0t"
	popTitle  = "\x1b[23;0t"
)

// mode is a mode that a guest may set and reset. The private ones are those with a "?".
type mode struct {
	number  int
	private bool
}

// xtermMode reports whether a mode is let through to xterm, and whether it is on
// before anybody touches it.
func xtermMode(m mode) (normal, known bool) {
	if !m.private {
		return false, m.number == 4 || m.number == 20 // insert; newline
	}
	switch m.number {
	case 7, 8, 25: // wrap, repeat, cursor
		return true, true
	case 1, 5, 6, 12, 45, 66, 69, // keys, reverse, origin, blink, reverse wrap, keypad, margins
		9, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1016, // mouse and focus
		47, 1047, 1048, 1049, // alternate screen
		2004, 2026: // bracketed paste, synchronized output
		return false, true
	}
	return false, false
}

// etermMode is the same for term.el.
func etermMode(m mode) (normal, known bool) { return false, m == mode{number: 4} }

// traces are what a guest has changed in the terminal and not changed back.
type traces struct {
	changed     map[mode]bool // the value is the one to go back to
	colours     map[int]bool  // the commands that undo changed colours
	drawing     bool          // bold, colours and the like
	charset     bool          // G0 is not ASCII
	shifted     bool          // or G0 is not in use
	keypad      bool
	region      bool
	cursorStyle bool
	title       bool
}

func newTraces() traces {
	return traces{changed: make(map[mode]bool), colours: make(map[int]bool)}
}

// modes notes a set or reset of modes and returns those that are known.
func (t *traces) modes(c control, known func(mode) (normal, known bool)) []int {
	var passed []int
	for i := range c.params {
		m := mode{c.number(i, -1), c.prefix == '?'}
		normal, ok := known(m)
		if !ok {
			continue
		}
		passed = append(passed, m.number)
		if on := c.final == 'h'; on == normal || m.number == 1048 { // that one saves the cursor and does not last
			delete(t.changed, m)
		} else {
			t.changed[m] = normal
		}
	}
	return passed
}

// escape notes an escape sequence without intermediate bytes.
func (t *traces) escape(b byte) {
	switch b {
	case '=':
		t.keypad = true
	case '>':
		t.keypad = false
	case 'n', 'o', '|', '}', '~': // locking shifts
		t.shifted = true
	case 'c': // everything is as at the start, but the title and the colours
		*t = traces{changed: make(map[mode]bool), colours: t.colours, title: t.title}
	}
}

// control notes a control sequence.
func (t *traces) control(c control) {
	switch {
	case c.final == 'm':
		t.drawing = slices.ContainsFunc(c.params, func(p []byte) bool { return len(p) > 0 && string(p) != "0" })
	case c.final == 'r', c.final == 's' && len(c.params) > 0:
		t.region = t.region || len(c.params) > 0
	case c.final == 'q' && c.inter == ' ':
		t.cursorStyle = c.number(0, 0) != 0
	}
}

// colour notes a command that changes colours, or changes them back.
func (t *traces) colour(number int) {
	if number >= 100 {
		delete(t.colours, number)
		return
	}
	t.colours[number+100] = true
}

// Leave returns what undoes the changes that the guest made to the terminal and
// has not undone itself; nothing if there are none. The filter is then as new.
func (f *Filter) Leave() []byte {
	t := f.guest
	f.state, f.text, f.guest = ground, textState{}, newTraces()
	var out []byte
	for _, m := range t.ordered() {
		out = append(out, esc, '[')
		if m.private {
			out = append(out, '?')
		}
		out = strconv.AppendInt(out, int64(m.number), 10)
		if t.changed[m] {
			out = append(out, 'h')
		} else {
			out = append(out, 'l')
		}
	}
	for _, part := range []struct {
		is   bool
		undo string
	}{
		{t.region, "\x1b7\x1b[r\x1b8"}, // setting the region moves the cursor
		{t.charset || t.shifted, "\x0f\x1b(B"},
		{t.keypad, "\x1b>"},
		{t.cursorStyle, "\x1b[0 q"},
		{t.drawing, "\x1b[m"},
		{t.title, popTitle},
	} {
		if part.is {
			out = append(out, part.undo...)
		}
	}
	for _, number := range slices.Sorted(maps.Keys(t.colours)) {
		out = append(out, "\x1b]"+strconv.Itoa(number)+"\a"...)
	}
	return out
}

// ordered returns the changed modes, those of the alternate screen first: what
// follows then undoes the main screen.
func (t *traces) ordered() []mode {
	rank := func(m mode) int {
		if m.private && (m.number == 47 || m.number == 1047 || m.number == 1049) {
			return m.number - 10000
		}
		return m.number
	}
	return slices.SortedFunc(maps.Keys(t.changed), func(a, b mode) int { return rank(a) - rank(b) })
}
