package vt

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxTitle  = 256 // bytes
	maxTitles = 8   // on the stack
)

// command carries out an OSC: 0 and 2 set the title, all others do nothing.
func (s *Screen) command(text []byte) {
	number, rest, found := strings.Cut(string(text), ";")
	if found && (number == "0" || number == "2") {
		s.title = cleanTitle(rest)
	}
}

// cleanTitle makes a string that is safe to show in one line: no controls, no line separators, no bidirectional
// overrides (which could make a title read as something else), valid UTF-8, at most maxTitle bytes.
func cleanTitle(text string) string {
	var clean strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && text[i] != 0xef:
		case unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp):
		case clean.Len()+utf8.RuneLen(r) > maxTitle:
			return clean.String()
		default:
			clean.WriteRune(r)
		}
	}
	return clean.String()
}

// windowOperation is XTWINOPS, of which only the stack of titles (22 and 23 with 0 or 2) is kept.
func (s *Screen) windowOperation(operation, which int) {
	if which != 0 && which != 2 {
		return
	}
	switch n := len(s.titles); {
	case operation == 22 && n < maxTitles:
		s.titles = append(s.titles, s.title)
	case operation == 23 && n > 0:
		s.title, s.titles = s.titles[n-1], s.titles[:n-1]
	}
}
