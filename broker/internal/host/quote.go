package host

import "strings"

// Quote writes argv as one line for a POSIX shell that splits it into the same arguments again. It is the only place
// where arguments are quoted. Words that no POSIX shell reads in another way stay as they are; all others go into single
// quotes. A NUL byte cannot be part of an argument on any system and is left for [Host.Run] to refuse.
func Quote(argv []string) string {
	var b strings.Builder
	for i, arg := range argv {
		if i > 0 {
			b.WriteByte(' ')
		}
		if isPlainWord(arg) {
			b.WriteString(arg)
			continue
		}
		b.WriteByte('\'')
		b.WriteString(strings.ReplaceAll(arg, `'`, `'\''`))
		b.WriteByte('\'')
	}
	return b.String()
}

// isPlainWord reports whether every POSIX shell reads word as itself, wherever it stands in a command.
func isPlainWord(word string) bool {
	if word == "" || isReservedWord(word) {
		return false
	}
	return strings.IndexFunc(word, func(r rune) bool { return !isPlainRune(r) }) < 0
}

// isPlainRune leaves out "=", which makes an assignment of a first word, and "~" and "%", which begin expansions.
func isPlainRune(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return true
	}
	return strings.ContainsRune("_./:@+,-", r)
}

// isReservedWord knows the reserved words of POSIX (XCU 2.4) and those that common shells add.
func isReservedWord(word string) bool {
	switch word {
	case "if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while", "until", "for", "in",
		"function", "select", "time", "coproc", "namespace":
		return true
	}
	return false
}
