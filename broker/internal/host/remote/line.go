package remote

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/conbroker/conbroker/broker/internal/host"
)

//go:embed script/run.sh
var runScript string

// order is a command as it is sent to the host.
type order struct {
	host.Command
	// mark begins the line that the command's own output follows.
	mark string
	// tty: the command has a terminal, so one mark is enough.
	tty bool
	// raise are the words before the program that give it rights; nil if none are needed.
	raise []string
}

// line writes an order as one line for the login shell. The line changes to the directory, finds the program, says
// whether that went well in a line with the mark, and becomes the program.
func (o order) line() string {
	var b strings.Builder
	for _, v := range []struct{ name, value string }{
		{"mark", o.mark}, {"tty", flag(o.tty)}, {"dir", o.Dir}, {"name", o.Argv[0]}, {"raise", strings.Join(o.raise, " ")},
	} {
		fmt.Fprintf(&b, "%s=%s\n", v.name, host.Quote([]string{v.value}))
	}
	fmt.Fprintf(&b, "set -- %s\n%s", host.Quote(o.Argv[1:]), runScript)
	env := ""
	if len(o.Env) > 0 {
		env = host.Quote(append([]string{"/usr/bin/env"}, o.Env...)) + " "
	}
	if o.raise != nil {
		fmt.Fprintf(&b, `if [ -n "$raise" ]; then exec $raise %s"$program" "$@"; fi`+"\n", env)
	}
	fmt.Fprintf(&b, `exec %s"$name" "$@"`, env)
	return anyShell(b.String())
}

func flag(set bool) string {
	if set {
		return "1"
	}
	return ""
}

// anyShell writes a POSIX script as a line that POSIX shells, fish and csh alike give to sh unchanged. Those shells differ
// inside single quotes: fish takes a backslash before a backslash or a quote away, csh a newline, and "!" recalls history
// in csh even there. These characters are written as octal numbers, which printf %b of POSIX reads.
func anyShell(script string) string {
	var b strings.Builder
	b.WriteString(`sh -c 'eval "$(printf %b "$1")"' sh '`)
	for i := range len(script) {
		switch c := script[i]; c {
		case '\\', '\'', '\n', '\r', '!':
			fmt.Fprintf(&b, `\0%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('\'')
	return b.String()
}

// killArgv ends the process group of a command that a former line started, given the number that the line told. The words
// are those that every kill takes; dash knows no -KILL before --.
func killArgv(pid string) []string {
	return []string{"sh", "-c", `group=$(ps -o pgid= -p "$1") && kill -s KILL -- "-${group##* }"`, "sh", pid}
}
