package config

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Bounds of a document's shape. The toml package (v1.6.0) takes time that grows with the third power of a key's depth: 8 KiB of "a.a.a..."
// cost 7 s. Machine files may come from a host that is not trusted, so the shape is checked before it sees them.
const (
	maxNesting  = 8 // arrays and inline tables in each other
	maxKeyParts = 8 // parts of one dotted key
)

// checkShape refuses a document that is not UTF-8 or exceeds the bounds. It need be right only as far as the document is valid TOML: the
// toml package stops at the first mistake.
func checkShape(data []byte, file string) error {
	if i := invalidByte(data); i >= 0 {
		line := 1 + strings.Count(string(data[:i]), "\n")
		return &Error{File: file, Line: line, Text: "it is not valid UTF-8; expected a TOML text file"}
	}
	w := keyWalk{text: string(data), line: 1}
	depth, parts := 0, 1
	for w.at < len(w.text) {
		line := w.line
		switch c := w.token(); c {
		case '[', '{':
			depth, parts = depth+1, 1
		case ']', '}':
			depth = max(depth-1, 0)
		case '.':
			parts++
		case '\n', '=', ',':
			parts = 1
		}
		if depth > maxNesting {
			return &Error{File: file, Line: line, Text: fmt.Sprintf("brackets are nested more than %d deep", maxNesting)}
		}
		if parts > maxKeyParts {
			return &Error{File: file, Line: line, Text: fmt.Sprintf("a key has more than %d parts", maxKeyParts)}
		}
	}
	return nil
}

// invalidByte returns the place of the first byte that is not UTF-8, or -1.
func invalidByte(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// token passes over one character, string or comment and returns its first byte.
func (w *keyWalk) token() byte {
	c := w.peek()
	switch {
	case c == '"' || c == '\'':
		w.str(c)
	case c == '#':
		w.comment()
	case c == '\n':
		w.line++
		w.at++
	default:
		w.at++
	}
	return c
}
