package main

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// paragraph joins the lines of a comment.
func paragraph(text string) string {
	return strings.Join(strings.Fields(text), " ")
}

// methodDoc turns "SessionList returns what runs." into "Returns what runs."
func methodDoc(goName, text string) string {
	text = strings.TrimPrefix(paragraph(text), goName+" ")
	return upperFirst(strings.TrimPrefix(text, "is "))
}

// typeDoc turns "Size is the size of a terminal." into "The size of a terminal."
func typeDoc(goName, text string) string {
	return upperFirst(withoutVerb(strings.TrimPrefix(paragraph(text), goName+" ")))
}

// withoutVerb drops the verb that Go comments need because they begin with a name.
func withoutVerb(text string) string {
	for _, verb := range []string{"is ", "are ", "says ", "say "} {
		if rest, ok := strings.CutPrefix(text, verb); ok {
			return rest
		}
	}
	return text
}

// wordDoc turns "OpenHost: a shell on the host." into "A shell on the host."
func wordDoc(goName, text string) string {
	text = strings.TrimPrefix(paragraph(text), goName)
	return upperFirst(withoutVerb(strings.TrimLeft(text, ": ")))
}

// shareDocs gives a field without a comment the one before it that names it: "Size and Term are those of the terminal."
// Then fields are called by their names on the wire.
func (s *structType) shareDocs() {
	last := ""
	for i := range s.Fields {
		f := &s.Fields[i]
		if f.Doc != "" {
			last = f.Doc
		} else if wholeWord(f.GoName).MatchString(last) {
			f.Doc = last
		}
	}
	for i := range s.Fields {
		f := &s.Fields[i]
		f.Doc = s.wireNames(f.Doc)
		f.Doc = defaultWord.ReplaceAllString(f.Doc, "is `$1` if left out")
		if rest, ok := strings.CutPrefix(f.Doc, "`"+f.Name+"`"); ok && (rest[0] == ':' || !strings.HasPrefix(rest, " and ")) {
			f.Doc = upperFirst(withoutVerb(strings.TrimLeft(rest, ": ")))
		}
	}
	s.Doc = s.wireNames(s.Doc)
}

// defaultWord matches the word that stands for a member that is left out.
var defaultWord = regexp.MustCompile(`\bis ([\w-]+) if left out`)

// wireNames replaces the Go names of fields.
func (s *structType) wireNames(doc string) string {
	for _, f := range s.Fields {
		doc = wholeWord(f.GoName).ReplaceAllString(doc, "${1}`"+f.Name+"`")
	}
	return doc
}

// wholeWord matches a Go name in a comment, but not one that is quoted or belongs to another struct.
func wholeWord(name string) *regexp.Regexp {
	return regexp.MustCompile("(^|[^.`\"\\w])" + name + `\b`)
}

func upperFirst(s string) string { return mapFirst(s, unicode.ToUpper) }

func lowerFirst(s string) string { return mapFirst(s, unicode.ToLower) }

func mapFirst(s string, f func(rune) rune) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(f(r)) + s[n:]
}

// summary returns the first sentence.
func summary(doc string) string {
	first, _, found := strings.Cut(doc, ". ")
	if found {
		return first + "."
	}
	return first
}

// wrap breaks text into lines of at most width bytes, each behind prefix.
func wrap(text, prefix string, width int) string {
	var lines []string
	line := ""
	for _, w := range strings.Fields(text) {
		if line != "" && len(prefix)+len(line)+1+len(w) > width {
			lines = append(lines, prefix+line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += w
	}
	return strings.Join(append(lines, prefix+line), "\n")
}
