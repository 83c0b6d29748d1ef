// Package host is the seam between the drivers and the place where their tools run: this computer, or another one
// behind SSH. A driver builds an argv and asks a [Host] for it; it never starts a process, opens a socket or reads a
// file of the host in any other way, so the same driver serves every transport.
package host

import (
	"context"
	"io"
	"net"

	"github.com/conbroker/conbroker/consoles"
)

// LocalName is the name under which the computer that the broker runs on is known in configuration, requests and
// records.
const LocalName = "localhost"

// Host is an execution target. Every method may be called from several goroutines; every method returns soon after ctx
// ends. Errors that come from the way to the host, rather than from the command, are *[Error] values.
type Host interface {
	// Name is the host's name as the user configured it, or [LocalName].
	Name() string
	// Run runs argv to its end and collects what it printed. A command that ran and failed is not an error of Run:
	// its exit code is in the Result. The error is non-nil when the command could not be run at all (not found:
	// errors.Is(err, [ErrNotInstalled])), when ctx ended, or when the way to the host broke.
	Run(ctx context.Context, c Command) (Result, error)
	// Start runs argv on a terminal of its own and returns that terminal. The stream outlives ctx, which bounds only
	// the start; Close ends the command.
	Start(ctx context.Context, c Command, t Terminal) (consoles.Stream, error)
	// Dial connects to an address as it is reachable from the host: network is "tcp" or "unix". The connection
	// outlives ctx; the caller closes it.
	Dial(ctx context.Context, network, address string) (net.Conn, error)
	// Close gives the way to the host back. Commands and connections still open end.
	Close() error
}

// Command is an argv to run on a host. It is never a shell line: where a shell is needed the driver writes
// "sh", "-c", script, and passes values as positional arguments.
type Command struct {
	// Argv is the program and its arguments; Argv[0] is looked up in the host's PATH.
	Argv []string
	// Dir is the working directory; empty means the user's home directory on a remote host, and the broker's own
	// on the local one.
	Dir string
	// Env is added to the environment that the host gives, as "NAME=value".
	Env []string
	// Stdin is what the command reads; nil means nothing.
	Stdin io.Reader
	// Limit bounds the bytes kept of each of stdout and stderr; 0 means [DefaultLimit]. More is read and dropped,
	// and Result.Truncated is set.
	Limit int
	// Raised asks for the rights of the host's escalation (sudo, ksu) for this command only.
	Raised bool
}

// DefaultLimit is how many bytes of a command's stdout, and as many of its stderr, are kept: 16 MiB, enough for the
// configurations of a host with thousands of machines.
const DefaultLimit = 16 << 20

// Result is what a finished command left.
type Result struct {
	Stdout, Stderr []byte
	// ExitCode is the command's exit status; 128+n when signal n ended it.
	ExitCode int
	// Truncated says that more than Command.Limit bytes came and the rest was dropped.
	Truncated bool
}

// Terminal describes the terminal a command is started on.
type Terminal struct {
	// Size is the first window size; zero means 80x24.
	Size consoles.Size
	// Term is the TERM that the command sees; empty means "xterm-256color".
	Term string
}
