package xlcfg

import "strings"

// Annotation is a line #@#KEY = "value", or a line #@#MAGICID-WORD whose key is "MAGICID-WORD" and whose value is empty.
type Annotation struct {
	// Key is in upper case.
	Key string
	// Value is without its quotes.
	Value string
	// Line counts from 1.
	Line int
}

const annotationMark = "#@#"

// Annotations returns the annotations of a text, whatever its grammar is.
func Annotations(data []byte) []Annotation {
	var all []Annotation
	line := 0
	for text := range strings.SplitSeq(string(data), "\n") {
		line++
		text, ok := strings.CutPrefix(strings.TrimSpace(text), annotationMark)
		if !ok {
			continue
		}
		key, value, _ := strings.Cut(text, "=")
		key = strings.ToUpper(strings.TrimSpace(key))
		if key != "" {
			all = append(all, Annotation{Key: key, Value: unquote(strings.TrimSpace(value)), Line: line})
		}
	}
	return all
}

// unquote takes a value out of its quotes; what follows the closing quote is a remark.
func unquote(value string) string {
	if value == "" || value[0] != '"' && value[0] != '\'' {
		return value
	}
	inner := value[1:]
	if end := strings.IndexByte(inner, value[0]); end >= 0 {
		return inner[:end]
	}
	return inner
}

// Annotation returns the first value of a key that is not empty.
func (f *File) Annotation(key string) string {
	for _, a := range f.Annotations {
		if a.Key == key && a.Value != "" {
			return a.Value
		}
	}
	return ""
}
