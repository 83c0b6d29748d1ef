package config

import (
	"strings"

	"github.com/BurntSushi/toml"
)

// peek returns the next byte, 0 at the end.
func (w *keyWalk) peek() byte {
	if w.at >= len(w.text) {
		return 0
	}
	return w.text[w.at]
}

// blanks passes over blanks, and with lines also over line ends and comments.
func (w *keyWalk) blanks(lines bool) {
	for w.at < len(w.text) {
		switch c := w.text[w.at]; {
		case c == ' ' || c == '\t' || c == '\r':
			w.at++
		case lines && c == '\n':
			w.line++
			w.at++
		case lines && c == '#':
			w.comment()
		case lines && strings.HasPrefix(w.text[w.at:], byteOrderMark):
			w.at += len(byteOrderMark)
		default:
			return
		}
	}
}

// comment passes over the rest of the line.
func (w *keyWalk) comment() {
	end := strings.IndexByte(w.text[w.at:], '\n')
	if end < 0 {
		end = len(w.text) - w.at
	}
	w.at += end
}

// byteOrderMark may stand before a document; toml v1.6.0 passes over it.
const byteOrderMark = "\ufeff"

// str passes over a string of one line or of several.
func (w *keyWalk) str(quote byte) {
	if strings.HasPrefix(w.text[w.at:], strings.Repeat(string(quote), 3)) {
		w.multiline(quote)
		return
	}
	w.quoted(quote)
}

// quoted reads a string of one line and returns its content.
func (w *keyWalk) quoted(quote byte) string {
	start := w.at
	for w.at++; w.at < len(w.text) && w.text[w.at] != quote && w.text[w.at] != '\n'; w.at++ {
		if quote == '"' && w.text[w.at] == '\\' {
			w.at++
		}
	}
	if w.at >= len(w.text) {
		w.at = len(w.text)
		return w.text[start+1:]
	}
	if w.text[w.at] == quote {
		w.at++
	}
	return unquote(w.text[start:w.at])
}

// unquote returns what a TOML string of one line says. The toml package itself reads it, so that escapes mean the same.
func unquote(s string) string {
	if s[0] == '"' && strings.ContainsRune(s, '\\') {
		var one struct{ V string }
		if _, err := toml.Decode("V = "+s, &one); err == nil {
			return one.V
		}
	}
	return strings.Trim(s, s[:1])
}

// multiline passes over a string in three quotes, which may hold up to two more quotes at its end.
func (w *keyWalk) multiline(quote byte) {
	for w.at += 3; w.at < len(w.text); w.at++ {
		switch c := w.text[w.at]; {
		case c == '\n':
			w.line++
		case c == '\\' && quote == '"':
			w.at++
			if w.peek() == '\n' {
				w.line++
			}
		case c == quote && strings.HasPrefix(w.text[w.at:], strings.Repeat(string(quote), 3)):
			for w.peek() == quote {
				w.at++
			}
			return
		}
	}
}
