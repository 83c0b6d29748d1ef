package config

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// Error is a mistake in a file that a person wrote.
type Error struct {
	// File is the file's path; Line counts from 1 and is 0 if the mistake has no line of its own.
	File string
	Line int
	// Text says what is wrong and what would be right.
	Text string
}

// Error returns "file:line: text".
func (e *Error) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text)
	}
	return e.File + ": " + e.Text
}

// Decode reads a TOML document (v1.0) into the struct that into points to. Keys that the struct does not know, and values
// of the wrong type, are an *Error with the line. The name file is used in errors only. Arrays and inline tables may be nested
// 8 deep and a dotted key may have 8 parts, so that a hostile document costs little time.
func Decode(data []byte, file string, into any) error {
	_, err := decode(data, file, into)
	return err
}

// decode is Decode and returns the lines of the keys as well.
func decode(data []byte, file string, into any) (keyLines, error) {
	if err := checkShape(data, file); err != nil {
		return nil, err
	}
	meta, err := toml.Decode(string(data), into)
	if err != nil {
		return nil, decodeError(err, file)
	}
	lines := findKeys(data)
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		key := unknown[0]
		return nil, &Error{File: file, Line: lines.line(key...), Text: fmt.Sprintf("unknown key %q", strings.Join(key, "."))}
	}
	return lines, nil
}

// decodeError turns the toml package's error into one of ours, keeping the position.
func decodeError(err error, file string) error {
	var parse toml.ParseError
	if errors.As(err, &parse) {
		text := parse.Message
		if text == "" {
			text = parse.Error()
		}
		return &Error{File: file, Line: parse.Position.Line, Text: text}
	}
	text := strings.TrimPrefix(err.Error(), "toml: ")
	line, key := 0, ""
	if m := regexp.MustCompile(`(?s)^(?:line (\d+) )?\(last key "(.*?)"\): (.*)$`).FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1]) // without a line: 0
		key, text = m[2], m[3]
	}
	text = plainMismatch(text)
	if key != "" {
		text = fmt.Sprintf("key %q: %s", key, text)
	}
	return &Error{File: file, Line: line, Text: text}
}

// plainMismatch says in TOML's words what the toml package (v1.6.0) says in those of Go's types.
func plainMismatch(text string) string {
	m := regexp.MustCompile(`^incompatible types: TOML value has type (\S+); destination has type (\S+)$`).FindStringSubmatch(text)
	if m != nil {
		return fmt.Sprintf("expected %s, found %s", kindOfType(m[2]), kindOfType(m[1]))
	}
	m = regexp.MustCompile(`^type mismatch for \S+: expected table but found (\S+)$`).FindStringSubmatch(text)
	if m != nil {
		return "expected a table, found " + kindOfType(m[1])
	}
	return text
}

// kindOf names the TOML type of a decoded value.
func kindOf(value any) string {
	if _, ok := value.(time.Time); ok {
		return "a date"
	}
	return kindOfType(fmt.Sprintf("%T", value))
}

// kindOfType names the TOML type that the toml package decodes as a Go type.
func kindOfType(name string) string {
	switch strings.ReplaceAll(name, "interface {}", "any") {
	case "string":
		return "a text in quotes"
	case "int64", "integer", "int":
		return "a whole number"
	case "float64", "float":
		return "a number"
	case "bool", "boolean":
		return "true or false"
	case "map[string]any", "map":
		return "a table"
	case "[]any", "[]map[string]any", "slice", "array":
		return "a list in brackets"
	case "time.Time":
		return "a date"
	}
	return name
}
