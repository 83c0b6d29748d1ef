package table

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/conbroker/conbroker/consoles/vt"
)

// maxLines bounds the lines of a wrapped value, as in the original's tab_gen.
const maxLines = 50

// visible returns s with everything that a terminal would obey, or that a reader could not see, written as "\x1b", "\n" or
// "\u202e". A mark that would sit on the separator before the cell gets a dotted circle to sit on.
func visible(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		case obeyed(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			if i == 0 && vt.RuneWidth(r) == 0 {
				b.WriteRune('\u25cc')
			}
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

// plain reports whether s is printable ASCII, as most values are.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// obeyed reports whether a terminal or a reader's eye would obey r instead of seeing it: control characters, line and paragraph
// separators, and formatting characters (category Cf) such as those that turn the direction. The joiners U+200C and U+200D,
// which scripts and emoji need, are let through.
func obeyed(r rune) bool {
	if r == '\u200c' || r == '\u200d' {
		return false
	}
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

// unit is what must not be cut apart: a character with the marks and joined characters that follow it.
type unit struct {
	text  string
	width int
}

// units takes a visible text apart.
func units(s string) []unit {
	var list []unit
	joined := false
	for _, r := range s {
		if last := len(list) - 1; last >= 0 && (joined || vt.RuneWidth(r) == 0) {
			list[last].text += string(r)
		} else {
			list = append(list, unit{text: string(r)})
		}
		joined = r == '\u200d'
	}
	for i := range list {
		list[i].width = vt.Width(list[i].text)
	}
	return list
}

// fit returns the lines that show s in a column; one line, unless it is wrapped. With mark a cut is shown by "…".
func fit(s string, width int, keep Keep, mark bool) []string {
	if vt.Width(s) <= width {
		return []string{s}
	}
	list := units(s)
	switch keep {
	case Wrap:
		return wrap(list, width)
	case KeepRight:
		slices.Reverse(list)
		kept := cut(list, width, mark)
		slices.Reverse(kept)
		return []string{join(kept)}
	}
	return []string{join(cut(list, width, mark))}
}

// cut keeps the units from the front that have room.
func cut(list []unit, width int, mark bool) []unit {
	ellipsis := unit{"…", 1}
	if mark = mark && width > 1; mark {
		width--
	}
	used, n := 0, 0
	for n < len(list) && used+list[n].width <= width {
		used += list[n].width
		n++
	}
	kept := slices.Clone(list[:n])
	if mark {
		kept = append(kept, ellipsis)
	}
	return kept
}

// wrap breaks into lines. A unit wider than a line is left out; the lines beyond maxLines are, too.
func wrap(list []unit, width int) []string {
	lines := []string{""}
	used := 0
	for _, u := range list {
		if u.width > width {
			continue
		}
		if used+u.width > width {
			if len(lines) == maxLines {
				break
			}
			lines = append(lines, "")
			used = 0
		}
		lines[len(lines)-1] += u.text
		used += u.width
	}
	return lines
}

// join puts units together.
func join(list []unit) string {
	var b strings.Builder
	for _, u := range list {
		b.WriteString(u.text)
	}
	return b.String()
}

// pad fills a text with blanks up to a width.
func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(width-vt.Width(s), 0))
}

// coloured puts the colour of a state word around a text.
func coloured(text, word string) string {
	var code string
	switch word {
	case "running", "enabled", "connected", "open":
		code = "32" // green
	case "starting", "paused", "suspended":
		code = "33" // yellow
	case "crashed", "failed":
		code = "31" // red
	case "off", "unknown", "closed", "disabled":
		code = "2" // faint
	default:
		return text
	}
	bare := strings.TrimRight(text, " ")
	return "\x1b[" + code + "m" + bare + "\x1b[0m" + text[len(bare):]
}
