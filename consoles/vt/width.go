package vt

import (
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"
)

// zwj is U+200D, the zero width joiner: the character after it joins the one before it.
const zwj = '\u200d'

// RuneWidth returns how many cells a Screen uses for r: 0, 1 or 2. Control characters (C0, DEL, C1) and combining
// marks have width 0, East Asian wide and fullwidth characters and emoji have width 2, ambiguous ones width 1. The data
// is that of the displaywidth package (UAX #11), changed where it counts for clusters and wcwidth(3) of glibc, which
// guests use, counts for characters: the vowels and finals of Hangul syllables join the character before them, and a
// flag is two regional indicators of one cell each.
func RuneWidth(r rune) int {
	switch {
	case r < 0x20 || r >= 0x7f && r < 0xa0:
		return 0
	case r < 0x300:
		return 1
	case r >= 0x1160 && r <= 0x11ff || r >= 0xd7b0 && r <= 0xd7fb:
		return 0
	case r >= 0x1f1e6 && r <= 0x1f1ff:
		return 1
	}
	return displaywidth.Rune(r)
}

// Width returns how many cells a Screen with enough room uses for s: the sum of RuneWidth, where a character that
// follows a zero width joiner adds nothing (up to maxMarks of them join). Control characters count 0; invalid UTF-8
// counts 0, as a Screen drops it.
func Width(s string) int {
	width, marks, joined := 0, 0, false
	for i, r := range s {
		if r == utf8.RuneError && s[i] != 0xef || r < 0x20 || r >= 0x7f && r < 0xa0 {
			continue
		}
		if w := RuneWidth(r); w > 0 && (!joined || r < 0x80) {
			width += w
			marks, joined = 0, false
			continue
		}
		marks++
		joined = r == zwj && width > 0 && marks < maxMarks
	}
	return width
}
