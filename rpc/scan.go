package rpc

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// scanner checks one JSON text (RFC 8259) in a single pass and without
// recursion, so that neither depth nor length of hostile input can exhaust the
// stack. It accepts what encoding/json accepts, except that the text must be
// valid UTF-8. It decodes nothing: values are handed out as spans of data.
type scanner struct {
	data    []byte
	open    []byte // closing brackets that are still due, innermost last
	deepest int    // the greatest nesting depth seen below the value scanned
}

var errTruncated = errors.New("unexpected end of JSON input")

func syntaxError(at int, want string) error {
	return fmt.Errorf("at byte %d: want %s", at, want)
}

// validUTF8 reports the first byte that is not part of a valid UTF-8 sequence.
func (s *scanner) validUTF8() error {
	if utf8.Valid(s.data) {
		return nil
	}
	i := 0
	for i < len(s.data) {
		r, n := utf8.DecodeRune(s.data[i:])
		if r == utf8.RuneError && n <= 1 {
			break
		}
		i += n
	}
	return fmt.Errorf("at byte %d: not valid UTF-8", i)
}

// space returns the index of the first byte at or after i that is no blank.
func (s *scanner) space(i int) int {
	for i < len(s.data) {
		switch s.data[i] {
		case ' ', '\t', '\n', '\r':
			i++
		default:
			return i
		}
	}
	return i
}

// value scans the value that starts at i and returns the index behind it.
func (s *scanner) value(i int) (int, error) {
	s.open = s.open[:0]
	for {
		next, opened, err := s.token(s.space(i))
		if err != nil {
			return 0, err
		}
		i = next
		if opened {
			continue
		}
		var done bool
		if i, done, err = s.afterValue(i); err != nil || done {
			return i, err
		}
	}
}

// token scans a scalar, an empty container, or the beginning of a container up
// to where its first value starts; opened says that such a value must follow.
func (s *scanner) token(i int) (next int, opened bool, err error) {
	if i >= len(s.data) {
		return 0, false, errTruncated
	}
	switch c := s.data[i]; {
	case c == '{':
		return s.enter(i+1, '}')
	case c == '[':
		return s.enter(i+1, ']')
	case c == '"':
		next, err = s.str(i)
	case c == '-' || isDigit(c):
		next, err = s.number(i)
	default:
		next, err = s.literal(i)
	}
	return next, false, err
}

// enter scans what follows an opening bracket.
func (s *scanner) enter(i int, closing byte) (next int, opened bool, err error) {
	s.deepest = max(s.deepest, len(s.open)+1)
	i = s.space(i)
	if i < len(s.data) && s.data[i] == closing {
		return i + 1, false, nil
	}
	s.open = append(s.open, closing)
	if closing == '}' {
		i, err = s.key(i)
	}
	return i, true, err
}

// key scans a member name and its colon.
func (s *scanner) key(i int) (int, error) {
	if i >= len(s.data) {
		return 0, errTruncated
	}
	if s.data[i] != '"' {
		return 0, syntaxError(i, "a member name")
	}
	i, err := s.str(i)
	if err != nil {
		return 0, err
	}
	return s.colon(s.space(i))
}

func (s *scanner) colon(i int) (int, error) {
	if i >= len(s.data) {
		return 0, errTruncated
	}
	if s.data[i] != ':' {
		return 0, syntaxError(i, "':'")
	}
	return i + 1, nil
}

// afterValue scans closing brackets up to a comma behind which the next value
// follows, or to the end of the outermost value.
func (s *scanner) afterValue(i int) (next int, done bool, err error) {
	for len(s.open) > 0 {
		i = s.space(i)
		if i >= len(s.data) {
			return 0, false, errTruncated
		}
		closing := s.open[len(s.open)-1]
		switch s.data[i] {
		case closing:
			s.open = s.open[:len(s.open)-1]
			i++
		case ',':
			if closing == '}' {
				next, err = s.key(s.space(i + 1))
				return next, false, err
			}
			return i + 1, false, nil
		default:
			return 0, false, syntaxError(i, "',' or '"+string(closing)+"'")
		}
	}
	return i, true, nil
}

// str scans a string from its opening quote.
func (s *scanner) str(i int) (int, error) {
	for i++; i < len(s.data); i++ {
		switch c := s.data[i]; {
		case c == '"':
			return i + 1, nil
		case c < ' ':
			return 0, syntaxError(i, "a control character in a string to be escaped")
		case c == '\\':
			n, err := s.escape(i + 1)
			if err != nil {
				return 0, err
			}
			i += n
		}
	}
	return 0, errTruncated
}

// escape scans what follows a backslash and returns its length.
func (s *scanner) escape(i int) (int, error) {
	if i >= len(s.data) {
		return 0, errTruncated
	}
	switch s.data[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 1, nil
	case 'u':
	default:
		return 0, syntaxError(i, "a valid escape")
	}
	if i+4 >= len(s.data) {
		return 0, errTruncated
	}
	for _, c := range s.data[i+1 : i+5] {
		if !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
			return 0, syntaxError(i, "four hexadecimal digits")
		}
	}
	return 5, nil
}

// number scans a number: -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
func (s *scanner) number(i int) (int, error) {
	if s.data[i] == '-' {
		i++
	}
	first := i
	i, err := s.digits(i)
	if err != nil {
		return 0, err
	}
	if s.data[first] == '0' && i > first+1 {
		return 0, syntaxError(first, "a number without leading zeros")
	}
	if i < len(s.data) && s.data[i] == '.' {
		if i, err = s.digits(i + 1); err != nil {
			return 0, err
		}
	}
	if i < len(s.data) && s.data[i]|0x20 == 'e' {
		i++
		if i < len(s.data) && (s.data[i] == '+' || s.data[i] == '-') {
			i++
		}
		return s.digits(i)
	}
	return i, nil
}

// digits scans at least one decimal digit.
func (s *scanner) digits(i int) (int, error) {
	first := i
	for i < len(s.data) && isDigit(s.data[i]) {
		i++
	}
	if i == first {
		return 0, syntaxError(i, "a digit")
	}
	return i, nil
}

func (s *scanner) literal(i int) (int, error) {
	for _, word := range [...]string{"true", "false", "null"} {
		if len(s.data)-i >= len(word) && string(s.data[i:i+len(word)]) == word {
			return i + len(word), nil
		}
	}
	return 0, syntaxError(i, "a value")
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// object scans the object that starts at i, passes the text of each member's
// name and value to visit, and returns the index behind the object.
func (s *scanner) object(i int, visit func(name, value []byte)) (int, error) {
	i = s.space(i + 1)
	if i < len(s.data) && s.data[i] == '}' {
		return i + 1, nil
	}
	for more := true; more; {
		var err error
		if i, err = s.member(i, visit); err != nil {
			return 0, err
		}
		if i, more, err = s.comma(s.space(i)); err != nil {
			return 0, err
		}
	}
	return i, nil
}

func (s *scanner) member(i int, visit func(name, value []byte)) (int, error) {
	afterColon, err := s.key(i)
	if err != nil {
		return 0, err
	}
	nameEnd, err := s.str(i)
	if err != nil {
		return 0, err
	}
	first := s.space(afterColon)
	end, err := s.value(first)
	if err != nil {
		return 0, err
	}
	visit(s.data[i:nameEnd], s.data[first:end])
	return end, nil
}

// comma scans the comma between two members, or the end of the object.
func (s *scanner) comma(i int) (next int, more bool, err error) {
	if i >= len(s.data) {
		return 0, false, errTruncated
	}
	switch s.data[i] {
	case ',':
		return s.space(i + 1), true, nil
	case '}':
		return i + 1, false, nil
	}
	return 0, false, syntaxError(i, "',' or '}'")
}
