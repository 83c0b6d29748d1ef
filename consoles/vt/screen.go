// Package vt is the screen model of a console: it reads what a guest writes to its terminal and knows at any time what
// that terminal would show. The broker asks it for the text (Lines), and for the bytes that bring another terminal into
// the same state (Snapshot), so that a client that attaches late sees the screen as it is.
//
// The terminal is an xterm in the subset that tmux 3.3a implements, UTF-8 only. Where the two differ in what they do
// with the cursor after the last column, with origin mode and with resets, the model follows xterm; the tests name each
// such case. Nothing is ever answered: queries (DA, DSR, DECRQSS, OSC 52 ...) are read and dropped.
//
// Guest output is hostile input. Parameters are clamped, strings and combining marks are bounded, and no sequence costs
// more than work in proportion to the size of the screen.
package vt

import (
	"bytes"
	"slices"
)

const (
	minSize = 1
	maxSize = 1000
)

// A Screen is the state of one terminal: two grids of text, cursor, attributes, margins, modes and the parser. Make one
// with New. It is not safe for concurrent use; the owner locks it.
type Screen struct {
	cols, rows int
	grid       *grid
	main       *grid // the main screen while the alternate one is shown, else nil

	// col is cols when a character was written to the last column and the next one wraps (pending wrap).
	col, row    int
	pen         pen
	style       style // pen, packed
	charset     charset
	top, bottom int // scrolling margins, both included
	modes       mode
	cursorStyle uint8 // DECSCUSR 0-6
	keyLevel    uint8 // modifyOtherKeys 0-2
	tabs        tabStops
	saved       savedCursor // DECSC
	entry       altEntry

	last   rune // the character that REP repeats, 0 if none
	title  string
	titles []string // pushed by XTWINOPS 22

	parser  parser
	decoder decoder
}

// A savedCursor is what DECSC saves.
type savedCursor struct {
	col, row int
	pen      pen
	charset  charset
	origin   bool
}

// New returns a blank screen of cols by rows cells, each clamped to 1..1000. Nothing needs to be closed.
func New(cols, rows int) *Screen {
	s := &Screen{cols: clamp(cols), rows: clamp(rows), modes: defaultModes}
	s.grid = newGrid(s.cols, s.rows)
	s.bottom = s.rows - 1
	return s
}

func clamp(size int) int { return min(max(size, minSize), maxSize) }

// Write feeds guest output to the screen. Escape sequences and characters may be split over calls at any byte. It
// returns len(p) and a nil error, always.
func (s *Screen) Write(p []byte) (int, error) {
	written := len(p)
	for len(p) > 0 {
		if s.parser.state == stateGround {
			p = s.writeGround(p)
		} else {
			s.step(p[0])
			p = p[1:]
		}
	}
	return written, nil
}

// writeGround takes p up to and including the next ESC and returns the rest.
func (s *Screen) writeGround(p []byte) []byte {
	end := bytes.IndexByte(p, esc)
	if end < 0 {
		s.writeText(s.skipScrolled(p))
		return nil
	}
	s.writeText(s.skipScrolled(p[:end]))
	s.decoder.reset()
	s.parser.enterEscape()
	return p[end+1:]
}

// skipScrolled returns the part of text (which holds no ESC) that decides what the screen looks like after it. When
// the margins are those of the screen and as many line feeds follow as there are rows, all that came before has been
// scrolled away; after CR LF the column is known, and the row is the last one if as many line feeds came before, too.
// SO and SI would have to be counted, so text with them is not cut.
func (s *Screen) skipScrolled(text []byte) []byte {
	if len(text) < 4*s.rows || s.top != 0 || s.bottom != s.rows-1 {
		return text
	}
	cut := len(text)
	for range s.rows + 1 {
		if cut = bytes.LastIndexByte(text[:cut], lf); cut < 0 {
			return text
		}
	}
	if cut == 0 || text[cut-1] != cr || bytes.Count(text[:cut], []byte{lf}) < s.rows {
		return text
	}
	if bytes.IndexByte(text[:cut], so) >= 0 || bytes.IndexByte(text[:cut], si) >= 0 {
		return text
	}
	s.decoder.reset()
	s.col, s.row, s.last = 0, s.bottom, 0
	return text[cut+1:]
}

// writeText takes bytes that hold no ESC.
func (s *Screen) writeText(text []byte) {
	for i := 0; i < len(text); {
		switch b := text[i]; {
		case b >= 0x80:
			if r, ok := s.decoder.push(b); ok {
				s.printRune(r)
			}
			i++
		case b < 0x20:
			s.decoder.reset()
			s.execute(b)
			i++
		default:
			n := printable(text[i:])
			s.decoder.reset()
			s.printASCII(text[i : i+n])
			i += max(n, 1) // DEL is no character
		}
	}
}

// step feeds one byte of an escape sequence.
func (s *Screen) step(b byte) {
	switch s.parser.step(b) {
	case signalExecute:
		s.execute(b)
	case signalEscape:
		s.last = 0
		s.escape(s.parser.inter, s.parser.final)
	case signalCSI:
		s.control()
		s.last = 0
	case signalOSC:
		s.last = 0
		s.command(s.parser.text)
		s.parser.text = nil
	}
}

// Size returns the size in cells.
func (s *Screen) Size() (cols, rows int) { return s.cols, s.rows }

// Cursor returns the position of the cursor, 0-based and always inside the screen, and whether it is shown (DECTCEM).
func (s *Screen) Cursor() (col, row int, visible bool) {
	return min(s.col, s.cols-1), s.row, s.modes&modeCursorVisible != 0
}

// AltScreen says whether the alternate screen is shown.
func (s *Screen) AltScreen() bool { return s.main != nil }

// Title returns the window title that the guest set (OSC 0 or 2): valid UTF-8, at most 256 bytes, without control
// characters and without those that change the direction of text.
func (s *Screen) Title() string { return s.title }

// Unfinished returns how many of the last bytes written belong to an escape sequence or character that is not complete.
// Snapshot shows the screen without them: a client that takes up the stream after a snapshot starts that many bytes
// earlier.
func (s *Screen) Unfinished() int {
	if s.parser.state != stateGround {
		return s.parser.seen
	}
	return s.decoder.unfinished()
}

// Resize changes the size, clamped as in New. Text is not reflowed: what lies beyond the new width is lost. When rows
// must go, those below the cursor go first, then those at the top, on both screens. Margins become the whole screen
// when the number of rows changes.
func (s *Screen) Resize(cols, rows int) {
	cols, rows = clamp(cols), clamp(rows)
	if cols == s.cols && rows == s.rows {
		return
	}
	if s.main != nil {
		keep := s.row
		if s.entry.valid {
			keep = s.entry.row
		}
		s.entry.row -= s.main.resize(cols, rows, keep)
	}
	removed := s.grid.resize(cols, rows, s.row)
	if s.main == nil {
		s.entry.row -= removed
	}
	s.row -= removed
	s.saved.row -= removed
	if rows != s.rows {
		s.top, s.bottom = 0, rows-1
	}
	if cols != s.cols && s.col >= cols {
		s.col = cols - 1
	}
	s.cols, s.rows = cols, rows
	s.clampPositions()
}

// clampPositions brings cursors and tab stops inside a changed size.
func (s *Screen) clampPositions() {
	s.row = s.inRows(s.row)
	s.saved.col, s.saved.row = s.inCols(s.saved.col), s.inRows(s.saved.row)
	s.entry.col, s.entry.row = s.inCols(s.entry.col), s.inRows(s.entry.row)
	if s.tabs != nil {
		s.tabs = s.tabs.explicit(s.cols)
	}
}

func (s *Screen) inCols(col int) int { return min(max(col, 0), s.cols-1) }
func (s *Screen) inRows(row int) int { return min(max(row, 0), s.rows-1) }

// Lines returns the text shown, one string a row from the top, without trailing blanks. A wide character takes two
// cells but is one character here; combining marks follow their character.
func (s *Screen) Lines() []string {
	lines := make([]string, s.rows)
	var text []byte
	for y, r := range s.grid.rows {
		text = r.appendText(text[:0])
		lines[y] = string(bytes.TrimRight(text, " "))
	}
	return lines
}

// appendText appends the text of the cells touched.
func (r *row) appendText(dst []byte) []byte {
	if r == nil {
		return dst
	}
	dst = slices.Grow(dst, len(r.cells))
	for col, c := range r.cells {
		if c.ch&flagPad == 0 {
			dst = appendCell(dst, r, col, c)
		}
	}
	return dst
}
