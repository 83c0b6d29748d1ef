package vt

// sgr applies CSI ... m to a pen. Colours may come as 38;5;n, 38;2;r;g;b, 38:5:n, 38:2:r:g:b or 38:2:space:r:g:b.
func (p *pen) sgr(ps *parser) {
	if ps.count == 0 {
		*p = pen{}
	}
	for i := 0; i < ps.count; {
		end := i + 1
		for end < ps.count && ps.subs>>end&1 != 0 {
			end++
		}
		switch n := ps.arg(i, 0); {
		case end > i+1:
			p.sgrColon(ps.params[i:end])
		case n == 38 || n == 48 || n == 58:
			end += p.sgrColour(n, ps, end)
		default:
			p.sgrSimple(n)
		}
		i = end
	}
}

// sgrColour applies 38, 48 or 58 with the parameters from i on and returns how many of them it used.
func (p *pen) sgrColour(which int, ps *parser, i int) int {
	switch ps.arg(i, missing) {
	case 5:
		p.setPalette(which, ps.arg(i+1, missing))
		return 2
	case 2:
		if p.setRGB(which, ps.arg(i+1, missing), ps.arg(i+2, missing), ps.arg(i+3, missing)) {
			return 4
		}
	}
	return 1
}

// sgrColon applies one parameter with sub-parameters: an underline style or a colour.
func (p *pen) sgrColon(params []int16) {
	which := int(params[0])
	switch {
	case which == 4:
		if len(params) == 2 && params[1] >= 0 && params[1] <= 5 {
			p.attr = p.attr.withUnderline(int(params[1]))
		}
	case which != 38 && which != 48 && which != 58 || len(params) < 3:
	case params[1] == 5:
		p.setPalette(which, int(params[2]))
	case params[1] == 2 && len(params) == 5:
		p.setRGB(which, int(params[2]), int(params[3]), int(params[4]))
	case params[1] == 2 && len(params) >= 6:
		p.setRGB(which, int(params[3]), int(params[4]), int(params[5]))
	}
}

// setPalette selects a palette entry; one that does not exist means the default colour, as in tmux.
func (p *pen) setPalette(which, n int) {
	switch {
	case n >= 0 && n <= 255:
		p.set(which, colourPalette|colour(n))
	case which != 58:
		p.set(which, 0)
	}
}

func (p *pen) setRGB(which, r, g, b int) bool {
	if min(r, g, b) < 0 || max(r, g, b) > 255 {
		return false
	}
	p.set(which, rgb(r, g, b))
	return true
}

func (p *pen) set(which int, c colour) {
	switch which {
	case 38:
		p.fg = c
	case 48:
		p.bg = c
	case 58:
		p.ul = c
	}
}

// sgrSimple applies a parameter that stands alone.
func (p *pen) sgrSimple(n int) {
	switch {
	case n == 0:
		*p = pen{}
	case n <= 9:
		p.sgrOn(n)
	case n >= 21 && n <= 29:
		p.sgrOff(n)
	case n >= 30 && n <= 37:
		p.fg = colourPalette | colour(n-30)
	case n >= 40 && n <= 47:
		p.bg = colourPalette | colour(n-40)
	case n >= 90 && n <= 97:
		p.fg = colourPalette | colour(n-90+8)
	case n >= 100 && n <= 107:
		p.bg = colourPalette | colour(n-100+8)
	case n == 39:
		p.fg = 0
	case n == 49:
		p.bg = 0
	case n == 53:
		p.attr |= attrOverline
	case n == 55:
		p.attr &^= attrOverline
	case n == 59:
		p.ul = 0
	}
}

// sgrBits are the attributes of SGR 1 to 9; 4, the underline, is a style of its own.
var sgrBits = [10]attr{
	1: attrBold, 2: attrDim, 3: attrItalic, 5: attrBlink, 6: attrBlink, 7: attrInverse, 8: attrHidden, 9: attrStrike,
}

func (p *pen) sgrOn(n int) {
	if n == 4 {
		p.attr = p.attr.withUnderline(1)
	}
	p.attr |= sgrBits[n]
}

func (p *pen) sgrOff(n int) {
	switch n {
	case 21:
		p.attr = p.attr.withUnderline(2)
	case 22:
		p.attr &^= attrBold | attrDim
	case 24:
		p.attr &^= attrUnderline
	default:
		p.attr &^= sgrBits[n-20]
	}
}
