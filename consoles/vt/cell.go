package vt

// A colour is the default colour (0), a palette entry, or red, green and blue, in 26 bits: the kind in bits 24-25, the
// value below. Bits 26-31 are free for the attributes of a packed style.
type colour uint32

const (
	colourPalette colour = 1 << 24
	colourRGB     colour = 2 << 24
	colourKind    colour = 3 << 24
	colourMask    colour = 1<<26 - 1
)

func rgb(r, g, b int) colour {
	return colourRGB | colour(r)<<16 | colour(g)<<8 | colour(b)
}

// An attr is a set of SGR attributes; the underline style (SGR 4:0 to 4:5) is a number in its top bits.
type attr uint16

const (
	attrBold attr = 1 << iota
	attrDim
	attrItalic
	attrBlink
	attrInverse
	attrHidden
	attrStrike
	attrOverline

	attrUnderlineShift      = 8
	attrUnderline      attr = 7 << attrUnderlineShift
)

func (a attr) underline() int { return int(a >> attrUnderlineShift) }

func (a attr) withUnderline(style int) attr {
	return a&^attrUnderline | attr(style)<<attrUnderlineShift
}

// A pen is what SGR has selected, one field for each thing.
type pen struct {
	fg, bg, ul colour
	attr       attr
}

// A style is a packed pen: three colours with the attributes spread over their free bits, so that a cell is 16 bytes
// and styles compare with ==.
type style struct{ fg, bg, ul colour }

const styleBits = 26

func (p pen) pack() style {
	return style{
		fg: p.fg | colour(p.attr&0x3f)<<styleBits,
		bg: p.bg | colour(p.attr>>6&3)<<styleBits,
		ul: p.ul | colour(p.attr>>attrUnderlineShift)<<styleBits,
	}
}

func (s style) unpack() pen {
	a := attr(s.fg>>styleBits) | attr(s.bg>>styleBits)<<6 | attr(s.ul>>styleBits)<<attrUnderlineShift
	return pen{fg: s.fg & colourMask, bg: s.bg & colourMask, ul: s.ul & colourMask, attr: a}
}

// A cell is one character position: a rune with flags, and its style.
type cell struct {
	ch uint32
	style
}

const (
	runeMask uint32 = 1<<21 - 1
	// flagWide marks the left half of a wide character; the cell to its right has flagPad.
	flagWide uint32 = 1 << 21
	flagPad  uint32 = 1 << 22
	// flagMarks says that the row holds combining marks for this column.
	flagMarks uint32 = 1 << 23
)

// blank is the cell of a cleared screen.
func blank(bg colour) cell { return cell{' ', style{bg: bg}} }

func (c cell) rune() rune { return rune(c.ch & runeMask) }
