package config

import (
	"strings"

	"github.com/BurntSushi/toml"
)

// keyLines says on which line each key of a TOML document is written first. The toml package gives positions for mistakes of
// syntax only (v1.6.0, MetaData.Undecoded returns bare keys), so the document is walked once more.
type keyLines map[string]int

// line returns the line of a key, or of the nearest table around it that is written, or 0.
func (k keyLines) line(key ...string) int {
	for n := len(key); n > 0; n-- {
		if line, ok := k[toml.Key(key[:n]).String()]; ok {
			return line
		}
	}
	return 0
}

// findKeys walks a document that the toml package has accepted. Of one that it has not, the answer is incomplete.
func findKeys(data []byte) keyLines {
	w := keyWalk{text: string(data), line: 1, found: keyLines{}}
	w.document()
	return w.found
}

// keyWalk reads the keys of a document and passes over its values.
type keyWalk struct {
	text  string
	at    int
	line  int
	found keyLines
}

// document reads expressions to the end: table headers and key/value pairs.
func (w *keyWalk) document() {
	var table toml.Key
	for w.blanks(true); w.at < len(w.text); w.blanks(true) {
		before := w.at
		if w.peek() == '[' {
			table = w.header()
		} else {
			w.pair(table)
		}
		if w.at == before { // what toml accepts always moves on
			return
		}
	}
}

// header reads "[table]" or "[[array]]".
func (w *keyWalk) header() toml.Key {
	for w.peek() == '[' {
		w.at++
	}
	line := w.line
	table := w.key()
	w.note(table, line)
	for w.peek() == ']' {
		w.at++
	}
	return table
}

// pair reads "key = value" inside a table.
func (w *keyWalk) pair(table toml.Key) {
	line := w.line
	key := append(append(toml.Key{}, table...), w.key()...)
	for n := len(table) + 1; n <= len(key); n++ {
		w.note(key[:n], line)
	}
	w.blanks(false)
	if w.peek() == '=' {
		w.at++
		w.blanks(false)
		w.value(key)
	}
}

// note remembers the first line of a key.
func (w *keyWalk) note(key toml.Key, line int) {
	name := key.String()
	if _, known := w.found[name]; !known {
		w.found[name] = line
	}
}

// key reads a dotted key of bare and quoted parts.
func (w *keyWalk) key() toml.Key {
	var key toml.Key
	for {
		w.blanks(false)
		switch c := w.peek(); c {
		case '"', '\'':
			key = append(key, w.quoted(c))
		default:
			start := w.at
			for w.at < len(w.text) && !strings.ContainsRune(" \t\r\n.=[]{},#", rune(w.text[w.at])) {
				w.at++
			}
			key = append(key, w.text[start:w.at])
		}
		w.blanks(false)
		if w.peek() != '.' {
			return key
		}
		w.at++
	}
}

// value passes over a value; the keys of inline tables in it are noted below key.
func (w *keyWalk) value(key toml.Key) {
	switch c := w.peek(); c {
	case '"', '\'':
		w.str(c)
	case '[':
		w.list(']', func() { w.value(key) })
	case '{':
		w.list('}', func() { w.pair(key) })
	default:
		for w.at < len(w.text) && !strings.ContainsRune(",]}#\n", rune(w.text[w.at])) {
			w.at++
		}
	}
}

// list passes over an array or an inline table whose elements item reads.
func (w *keyWalk) list(end byte, item func()) {
	w.at++
	for w.blanks(true); w.at < len(w.text) && w.peek() != end; w.blanks(true) {
		before := w.at
		item()
		w.blanks(true)
		if w.peek() == ',' {
			w.at++
		}
		if w.at == before {
			return
		}
	}
	if w.at < len(w.text) {
		w.at++
	}
}
