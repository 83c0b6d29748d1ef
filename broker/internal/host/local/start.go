package local

import (
	"cmp"
	"context"
	"os"

	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/consoles"
	"github.com/conbroker/conbroker/consoles/pty"
)

// Start runs a command on a pseudo-terminal. An empty Argv is the user's login shell.
func (h *Host) Start(ctx context.Context, c host.Command, t host.Terminal) (consoles.Stream, error) {
	if len(c.Argv) == 0 {
		c.Argv = h.loginShell()
	}
	action := "start " + commandName(c.Argv)
	argv, path, err := h.resolve(c)
	if err != nil {
		return nil, h.failure(action, err)
	}
	env := append(os.Environ(), c.Env...)
	p, err := pty.Start(ctx, pty.Command{
		Argv: append([]string{path}, argv[1:]...), Dir: c.Dir, Size: t.Size,
		Env: append(env, "TERM="+cmp.Or(t.Term, "xterm-256color")),
	})
	if err != nil {
		return nil, h.failure(action, startReason(err))
	}
	s := &stream{Stream: p, host: h}
	if !h.keep(s) {
		_ = p.Close() // the host's end is the error to tell
		return nil, h.errClosed(action)
	}
	return s, nil
}

// loginShell is the user's shell, else /bin/sh, as a login shell.
func (h *Host) loginShell() []string {
	if shell := h.options.Env("SHELL"); shell != "" {
		if path, err := lookPath(shell); err == nil {
			return []string{path, "-l"}
		}
	}
	return []string{"/bin/sh", "-l"}
}

// stream is a command's terminal that the host closes when it is closed itself.
type stream struct {
	consoles.Stream
	host *Host
}

// Close ends the command.
func (s *stream) Close() error {
	s.host.forget(s)
	return s.Stream.Close()
}
