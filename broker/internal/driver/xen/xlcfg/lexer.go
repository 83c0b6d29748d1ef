package xlcfg

import "bytes"

// tokenKind is what the lexer of libxlu tells apart.
type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenIdent
	tokenString
	tokenNumber
	tokenNewline // a comment belongs to the newline that ends it
	tokenAssign
	tokenAdd
	tokenSemicolon
	tokenOpen
	tokenClose
	tokenComma
	tokenBad
)

// token is one word of a configuration. Its text is the identifier, the digits, the string's content, or for tokenBad what
// is wrong.
type token struct {
	kind tokenKind
	text string
	line int
}

// describe names a token in a message.
func (t token) describe() string {
	switch t.kind {
	case tokenEnd:
		return "the end of the file"
	case tokenNewline:
		return "the end of the line"
	case tokenString:
		return "a string"
	case tokenIdent, tokenNumber:
		return "\"" + t.text + "\""
	}
	return map[tokenKind]string{
		tokenAssign: "\"=\"", tokenAdd: "\"+=\"", tokenSemicolon: "\";\"",
		tokenOpen: "\"[\"", tokenClose: "\"]\"", tokenComma: "\",\"",
	}[t.kind]
}

// lexer takes a configuration apart as libxlu does (Xen 4.17, libxlu_cfg_l.l), including what looks like a mistake there:
// names are lower case, a carriage return is no blank, and a comment needs a newline behind it.
type lexer struct {
	data []byte
	at   int
	line int
	// python is set when a character was met outside of strings that the language does not have, and Python does.
	python bool
}

// next returns the next token. After a tokenBad the rest of its line is skipped.
func (l *lexer) next() token {
	for l.at < len(l.data) && (l.data[l.at] == ' ' || l.data[l.at] == '\t') {
		l.at++
	}
	if l.at == len(l.data) {
		return token{kind: tokenEnd, line: l.line}
	}
	switch c := l.data[l.at]; {
	case c == '\n' || c == '#':
		return l.newline()
	case c == '"' || c == '\'':
		return l.quoted(c)
	case isLower(c):
		return l.word(tokenIdent, func(c byte) bool { return isLower(c) || isDigit(c) || c == '_' })
	case isDigit(c):
		return l.word(tokenNumber, func(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'f' || c == 'x' })
	default:
		return l.sign(c)
	}
}

func isLower(c byte) bool { return c >= 'a' && c <= 'z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// newline takes a newline with the comment before it.
func (l *lexer) newline() token {
	n := bytes.IndexByte(l.data[l.at:], '\n')
	if n < 0 {
		return l.bad("the comment at the end of the file has no newline behind it, and xl refuses that")
	}
	l.at += n + 1
	l.line++
	return token{kind: tokenNewline, line: l.line - 1}
}

func (l *lexer) word(kind tokenKind, belongs func(byte) bool) token {
	start := l.at
	for l.at < len(l.data) && belongs(l.data[l.at]) {
		l.at++
	}
	return token{kind: kind, text: string(l.data[start:l.at]), line: l.line}
}

// sign takes what is neither word nor string.
func (l *lexer) sign(c byte) token {
	kinds := map[byte]tokenKind{'=': tokenAssign, ';': tokenSemicolon, '[': tokenOpen, ']': tokenClose, ',': tokenComma}
	if kind, ok := kinds[c]; ok {
		l.at++
		return token{kind: kind, line: l.line}
	}
	if c == '+' && l.at+1 < len(l.data) && l.data[l.at+1] == '=' {
		l.at += 2
		return token{kind: tokenAdd, line: l.line}
	}
	if bytes.IndexByte([]byte("()-:.+"), c) >= 0 {
		l.python = true
	}
	switch {
	case c == '\r':
		return l.bad("a carriage return: xl wants lines that end with a newline only")
	case c < ' ' || c >= 0x7f:
		return l.bad("a character that may stand only in a string")
	}
	return l.bad("\"" + string(c) + "\" may stand only in a string")
}

// bad ends the line with a mistake.
func (l *lexer) bad(text string) token {
	t := token{kind: tokenBad, text: text, line: l.line}
	n := bytes.IndexByte(l.data[l.at:], '\n')
	if n < 0 {
		l.at = len(l.data)
	} else {
		l.at += n // the newline itself is a token of its own
	}
	return t
}

// quoted takes a string: it ends at the same quote, on the same line.
func (l *lexer) quoted(quote byte) token {
	end := l.at + 1
	for ; end < len(l.data) && l.data[end] != quote; end++ {
		if l.data[end] == '\\' {
			end++
		}
		if end >= len(l.data) || l.data[end] == '\n' {
			break
		}
	}
	if end >= len(l.data) || l.data[end] != quote {
		return l.bad("a string that does not end on its line")
	}
	body := l.data[l.at+1 : end]
	text, mistake := unescape(body)
	if mistake == "" && bytes.IndexByte(body, 0) >= 0 {
		mistake = "a NUL byte in a string"
	}
	if mistake != "" {
		return l.bad(mistake)
	}
	l.at = end + 1
	return token{kind: tokenString, text: text, line: l.line}
}
