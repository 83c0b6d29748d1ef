// Package pty runs a command on a pseudo-terminal of its own and gives it as a
// consoles.Stream.
//
// The command leads a new session and the pseudo-terminal is its controlling
// terminal. The broker need not ask the kernel to kill it when the broker dies
// (Linux' parent death signal follows a thread, not a process, and Go moves
// between threads): the broker's death closes the terminal, and the kernel then
// sends SIGHUP to the session.
//
// On Unix the pseudo-terminal comes from creack/pty. On Linux it is read
// without blocking a thread, so that a thousand idle consoles need no thousand
// threads; elsewhere reading waits in select(2). On Windows a ConPTY is used;
// that part compiles but has not been tested.
package pty

import (
	"errors"
	"fmt"

	"github.com/conbroker/conbroker/consoles"
)

// Command is what to run.
type Command struct {
	Argv []string      // program and arguments; the program is looked up in PATH
	Dir  string        // working directory; the broker's if empty
	Env  []string      // "KEY=value"; the broker's environment if nil
	Size consoles.Size // size of the terminal; 80x24 if zero
}

var _ consoles.Stream = (*Process)(nil)

// check refuses what cannot be run and fills in the default size.
func (c *Command) check() error {
	if len(c.Argv) == 0 || c.Argv[0] == "" {
		return errors.New("start a command on a pty: the command is empty")
	}
	if c.Size == (consoles.Size{}) {
		c.Size = consoles.Size{Cols: 80, Rows: 24}
	}
	c.Size = c.Size.Clamp()
	return nil
}

// startError says what could not be started.
func startError(c Command, err error) error {
	return fmt.Errorf("start %q on a pty: %w", c.Argv[0], err)
}
