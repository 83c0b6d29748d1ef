package terminal

import (
	"fmt"
	"strings"
)

// Dialect says which escape sequences the terminal at hand knows.
type Dialect string

// The dialects.
const (
	// DialectXterm is that of xterm and of everything that imitates it.
	DialectXterm Dialect = "xterm"
	// DialectEterm is that of term.el, the terminal inside Emacs (read in 28.2 and 30.1).
	DialectEterm Dialect = "eterm"
	// DialectNone passes every byte as it is: for files, pipes and programs.
	DialectNone Dialect = "none"
)

// DialectAuto is the word with which ParseDialect looks at the environment.
const DialectAuto = "auto"

// ParseDialect returns the dialect that word names. The word auto chooses: none
// if the output is no terminal, eterm under term.el, xterm everywhere else.
// insideEmacs is the value of INSIDE_EMACS.
func ParseDialect(word, insideEmacs string, outIsTerminal bool) (Dialect, error) {
	switch d := Dialect(word); d {
	case DialectXterm, DialectEterm, DialectNone:
		return d, nil
	case DialectAuto, "":
	default:
		return "", fmt.Errorf("dialect %q is none of auto, xterm, eterm and none", word)
	}
	switch {
	case !outIsTerminal:
		return DialectNone, nil
	case underTermEl(insideEmacs):
		return DialectEterm, nil
	}
	return DialectXterm, nil
}

// underTermEl reports whether INSIDE_EMACS is that of term.el, such as
// "28.2,term:0.96". The value of vterm, "vterm", is not.
func underTermEl(insideEmacs string) bool {
	for _, part := range strings.Split(insideEmacs, ",") {
		if part == "term" || strings.HasPrefix(part, "term:") {
			return true
		}
	}
	return false
}
