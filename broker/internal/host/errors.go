package host

import (
	"errors"
	"fmt"
	"strings"
)

// Reasons for which an action on a host fails on the way, before the command itself can fail.
// They are matched with errors.Is.
var (
	// ErrUnreachable: no connection to the host could be made, or it broke.
	ErrUnreachable = errors.New("host unreachable")
	// ErrAuthentication: the host, or its escalation, refused the credentials.
	ErrAuthentication = errors.New("authentication failed")
	// ErrPermission: the host refuses the action to this user.
	ErrPermission = errors.New("permission denied")
	// ErrNotInstalled: the program of an argv is not in the host's PATH.
	ErrNotInstalled = errors.New("not installed")
	// ErrFileNotFound: a file of the host does not exist.
	ErrFileNotFound = errors.New("no such file")
)

// Error is a failure of the way to a host or of one of its files. It says which host and which action, wraps one of the
// reasons above, and keeps the words of the tool that noticed.
type Error struct {
	// Host is the host's name.
	Host string
	// Action is what was tried, in words: "run virsh", "connect to /run/x.sock".
	Action string
	// Err is the reason; it wraps one of the Err values of this package where one fits.
	Err error
	// Advice is what the person can do about it; may be empty.
	Advice string
}

// Error returns one line: host, action, reason and, if there is one, the advice.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %s: %v", e.Host, e.Action, e.Err)
	if e.Advice != "" {
		s += " (" + e.Advice + ")"
	}
	return s
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// CommandError is a command that ran on a host and reported failure.
type CommandError struct {
	// Host is the host's name.
	Host string
	// Argv is the command as it was run. It never holds a secret.
	Argv []string
	// ExitCode is its exit status.
	ExitCode int
	// Stderr is what it said, or the end of its stdout if stderr was empty; at most 4 KiB.
	Stderr string
}

// Error returns host, command, exit status and the last line the command said.
func (e *CommandError) Error() string {
	said := strings.TrimSpace(e.Stderr)
	if i := strings.LastIndexByte(said, '\n'); i >= 0 {
		said = said[i+1:]
	}
	if said == "" {
		said = "it said nothing"
	}
	return fmt.Sprintf("%s: %s failed with exit status %d: %s", e.Host, e.Argv[0], e.ExitCode, said)
}

// Check returns nil when r is a success and a *CommandError otherwise.
func Check(h Host, c Command, r Result) error {
	if r.ExitCode == 0 {
		return nil
	}
	said := r.Stderr
	if len(strings.TrimSpace(string(said))) == 0 {
		said = r.Stdout
	}
	if len(said) > maxSaid {
		said = said[len(said)-maxSaid:]
	}
	return &CommandError{Host: h.Name(), Argv: c.Argv, ExitCode: r.ExitCode, Stderr: strings.ToValidUTF8(string(said), "\uFFFD")}
}

// maxSaid bounds what an error repeats of a command's own words.
const maxSaid = 4 << 10
