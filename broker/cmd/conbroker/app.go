package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/conbroker/conbroker/broker/internal/table"
)

// app is one run of the program: its standard files, its environment and the flags that every command takes.
type app struct {
	in, out, errs *os.File
	env           func(string) string
	self          string // path of this program
	version       string
	build         string

	config string // value of --config
	remote string // value of --remote

	started bool // the command line was understood, so a failure from now on is no wrong usage
}

func newApp() *app {
	a := &app{in: os.Stdin, out: os.Stdout, errs: os.Stderr, env: os.Getenv}
	a.self, _ = os.Executable() // empty if the system cannot tell; then no daemon can be started, and that says why
	a.version, a.build = builtFrom()
	return a
}

// release is the version that this source is on the way to, for builds that the toolchain has no version for.
const release = "0.1.0-dev"

// builtFrom names the program as the Go toolchain stamped it: the module's version and the commit.
func builtFrom() (version, build string) {
	version, build = release, "unknown"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version, build
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		version = v
	}
	dirty := ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			build = s.Value[:min(len(s.Value), 12)]
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "+dirty"
			}
		}
	}
	return version, build + dirty
}

// run does what args say and returns the exit code.
func run(ctx context.Context, args []string, a *app) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A reader of our output that is gone is an error of the write, not the end of the process.
	signal.Ignore(brokenPipe()...)
	root := newRoot(a)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	if code, ok := errors.AsType[exitCode](err); ok {
		return int(code)
	}
	if !a.started {
		fmt.Fprintf(a.errs, "conbroker: %s\nusage: %s\n\"%s --help\" explains it\n", plain(err.Error()), cmd.UseLine(), cmd.CommandPath())
		return exitUsage
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errInterrupted
	}
	return a.fail(err)
}

// exitCode is an error about which everything has been said.
type exitCode int

// Error makes it an error; nobody sees the text.
func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// usageError is a mistake in the command line that is found after it was taken apart.
type usageError struct{ error }

// Unwrap returns what is wrong.
func (e usageError) Unwrap() error { return e.error }

// colour says whether state words are printed in colour on f: https://no-color.org.
func (a *app) colour(f *os.File) bool {
	return a.env("NO_COLOR") == "" && a.env("TERM") != "dumb" && isTerminal(f)
}

// tableOptions are those for a table on standard output.
func (a *app) tableOptions(sort []string) table.Options { return a.tableOn(a.out, sort) }

func (a *app) tableOn(f *os.File, sort []string) table.Options {
	o := table.Options{Colour: a.colour(f), Sort: sort}
	if width, _, err := term.GetSize(int(f.Fd())); err == nil {
		o.Width = width
	}
	return o
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// configFile is the value of --config as an absolute path, for other processes; empty if it was not given.
func (a *app) configFile() (string, error) {
	if a.config == "" {
		return "", nil
	}
	path, err := filepath.Abs(a.config)
	if err != nil {
		return "", fmt.Errorf("find the configuration %s: %w", a.config, err)
	}
	return path, nil
}

// plain makes text from elsewhere fit for a terminal: control characters, which it would obey, become "?".
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}
