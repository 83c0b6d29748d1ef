// Package xlcfg reads the configuration files of xl (xl.cfg(5)), by the grammar that xl itself has (Xen 4.17, libxlu_cfg_y.y):
//
//	file:       { assignment ( newline | ";" ) | newline | ";" } [ assignment ]
//	assignment: name ( "=" | "+=" ) value
//	value:      string | number | "[" newlines [ value newlines { "," newlines value newlines } [ "," newlines ] ] "]"
//
// A value is a string or a list; numbers are strings that are read as numbers where one is wanted. Of several assignments
// to a name the last one counts. The configurations of xm, xl's predecessor, were programs in Python: what is more than
// assignments is refused.
package xlcfg

import (
	"strconv"
	"strings"

	"github.com/conbroker/conbroker/broker/internal/config"
)

// maxDepth bounds how deep lists may be nested. xl has no bound; its deepest list, vnuma, has three levels.
const maxDepth = 32

// Value is a string or a list.
type Value struct {
	// Text is the string, or the digits of a number as they were written.
	Text string
	// List are the elements of a list; IsList tells an empty list from a string.
	List   []Value
	IsList bool
	// Line is where the value begins, from 1.
	Line int
}

// File is a configuration as xl understands it.
type File struct {
	// Annotations are the lines that begin with #@#, which xl takes for comments.
	Annotations []Annotation
	settings    map[string]setting
}

// setting is the last assignment to a name. An addition holds what was added to as well.
type setting struct {
	value Value
	added bool
	line  int
}

// Parse reads a configuration; name is the file's name and is used in errors only, which are *config.Error with the line of
// the first mistake. The File is never nil: with an error it holds the assignments on lines without a mistake, enough to say
// whose configuration it is.
func Parse(data []byte, name string) (*File, error) {
	p := &parser{
		lexer: lexer{data: data, line: 1},
		file:  &File{settings: make(map[string]setting), Annotations: Annotations(data)},
	}
	p.advance()
	for p.token.kind != tokenEnd {
		p.statement()
	}
	if p.mistake == nil {
		return p.file, nil
	}
	p.mistake.File = name
	if p.python {
		p.mistake.Text += "; it looks like Python code as xm ran it, and xl reads only assignments of values: write the values themselves"
	}
	return p.file, p.mistake
}

// String returns the value of a name that is no list.
func (f *File) String(name string) (text string, ok bool) {
	s, ok := f.settings[name]
	return s.value.Text, ok && !s.value.IsList
}

// List returns the elements of a name that is a list.
func (f *File) List(name string) (elements []Value, ok bool) {
	s, ok := f.settings[name]
	return s.value.List, ok && s.value.IsList
}

// Int returns the value of a name as xl reads a number: decimal, hexadecimal after 0x, octal after 0. A value that came
// about by += is no number.
func (f *File) Int(name string) (n int64, ok bool) {
	s, ok := f.settings[name]
	if !ok || s.added || s.value.IsList {
		return 0, false
	}
	text := strings.TrimLeft(s.value.Text, " \t\n\v\f\r")
	if strings.Contains(text, "_") || strings.HasPrefix(strings.ToLower(strings.TrimLeft(text, "+-")), "0b") ||
		strings.HasPrefix(strings.ToLower(strings.TrimLeft(text, "+-")), "0o") {
		return 0, false // Go's, not strtol's
	}
	n, err := strconv.ParseInt(text, 0, 64)
	return n, err == nil
}

// Has reports whether a name is set, and in which line for the last time.
func (f *File) Has(name string) (line int, ok bool) {
	s, ok := f.settings[name]
	return s.line, ok
}

// store takes an assignment; the text of a mistake is empty if there is none.
func (f *File) store(name string, value Value, add bool, line int) (mistake string) {
	before, found := f.settings[name]
	if add && found {
		if before.value.IsList != value.IsList {
			return "+= cannot add a list to a string, or a string to a list"
		}
		value.Text = before.value.Text + value.Text
		value.List = append(before.value.List[:len(before.value.List):len(before.value.List)], value.List...)
	}
	f.settings[name] = setting{value: value, added: add, line: line}
	return ""
}

// parser builds a File from tokens.
type parser struct {
	lexer
	token   token
	file    *File
	mistake *config.Error
}

func (p *parser) advance() { p.token = p.next() }

// fail notes the first mistake and skips the rest of its line.
func (p *parser) fail(line int, text string) {
	if p.mistake == nil {
		p.mistake = &config.Error{Line: line, Text: text}
	}
	for p.token.kind != tokenNewline && p.token.kind != tokenEnd {
		p.advance()
	}
}

// unexpected fails at the token at hand.
func (p *parser) unexpected(wanted string) {
	if p.token.kind == tokenBad {
		p.fail(p.token.line, p.token.text)
		return
	}
	p.fail(p.token.line, "found "+p.token.describe()+", want "+wanted)
}

// statement takes one assignment, or the end of one.
func (p *parser) statement() {
	switch p.token.kind {
	case tokenNewline, tokenSemicolon:
		p.advance()
	case tokenIdent:
		p.assignment()
	default:
		p.unexpected("the name of a setting in lower case")
	}
}

func (p *parser) assignment() {
	name, line := p.token.text, p.token.line
	p.advance()
	add := p.token.kind == tokenAdd
	if !add && p.token.kind != tokenAssign {
		if isPythonWord(name) {
			p.python = true
		}
		p.unexpected("\"=\" or \"+=\" behind " + name)
		return
	}
	p.advance()
	value, ok := p.value(0)
	if !ok {
		return
	}
	switch p.token.kind {
	case tokenNewline, tokenSemicolon, tokenEnd:
	default:
		p.unexpected("the end of the line or \";\"")
		return
	}
	if mistake := p.file.store(name, value, add, line); mistake != "" {
		p.fail(line, mistake)
	}
}

// isPythonWord knows the words that begin a line of Python in configurations of xm.
func isPythonWord(word string) bool {
	switch word {
	case "import", "from", "def", "if", "else", "elif", "for", "while", "try", "print", "class", "return":
		return true
	}
	return false
}

func (p *parser) value(depth int) (Value, bool) {
	v := Value{Text: p.token.text, Line: p.token.line}
	switch p.token.kind {
	case tokenString, tokenNumber:
		p.advance()
		return v, true
	case tokenOpen:
		if depth == maxDepth {
			p.fail(p.token.line, "lists nested deeper than "+strconv.Itoa(maxDepth))
			return v, false
		}
		v.IsList = true
		return p.list(v, depth+1)
	}
	p.unexpected("a value: a string in quotes, a number or a list in brackets")
	return v, false
}

// list takes the elements behind an opening bracket.
func (p *parser) list(v Value, depth int) (Value, bool) {
	p.advance()
	p.newlines()
	for p.token.kind != tokenClose {
		element, ok := p.value(depth)
		if !ok {
			return v, false
		}
		v.List = append(v.List, element)
		p.newlines()
		switch p.token.kind {
		case tokenComma:
			p.advance()
			p.newlines()
		case tokenClose:
		default:
			p.unexpected("\",\" or \"]\" in the list that begins in line " + strconv.Itoa(v.Line))
			return v, false
		}
	}
	p.advance()
	return v, true
}

func (p *parser) newlines() {
	for p.token.kind == tokenNewline {
		p.advance()
	}
}
