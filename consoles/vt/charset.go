package vt

// A charset says which set is in G0 and G1, and which of the two is in use (SO, SI).
type charset struct {
	graphics [2]bool // DEC special graphics (line drawing) instead of ASCII
	shifted  bool    // G1 is in use
}

func (c charset) drawing() bool {
	if c.shifted {
		return c.graphics[1]
	}
	return c.graphics[0]
}

// designate handles ESC ( and ESC ) with a final byte. A set that is neither line drawing nor ASCII counts as ASCII,
// so that an unknown one never leaves a screen of line drawing.
func (c *charset) designate(inter, final byte) {
	c.graphics[inter-'('] = final == '0'
}

// specialGraphics is the DEC special graphics set, 0x5f to 0x7e (VT220 Programmer Reference, table 2-4; glyphs as xterm
// shows them).
var specialGraphics = [...]rune{
	' ', '◆', '▒', '␉', '␌', '␍', '␊', '°', '±', '␤', '␋', '┘', '┐', '┌', '└', '┼',
	'⎺', '⎻', '─', '⎼', '⎽', '├', '┤', '┴', '┬', '│', '≤', '≥', 'π', '≠', '£', '·',
}

// glyph returns the character that byte b of a line drawing set stands for.
func glyph(b byte) rune {
	if b < 0x5f || b > 0x7e {
		return rune(b)
	}
	return specialGraphics[b-0x5f]
}
