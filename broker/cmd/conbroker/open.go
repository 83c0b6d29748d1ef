package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/conbroker/conbroker/rpc/protocol"
)

func (a *app) openCommand() *cobra.Command {
	c := newCreating(protocol.ModeReuse, "cli")
	at := a.newAttaching()
	cmd := &cobra.Command{
		Use:   "open ADDRESS[@HOST]...",
		Short: "Work in a machine here: connect to it if it runs, else start it",
		Long: `open connects to a machine's console, after it has started the machine if that does not run, and joins this terminal to
it. ^] leaves; the machine runs on, and open comes back to the same screen. With several machines it goes on to the next
when one is left. @HOST alone opens a shell on the host.

The exit code is that of the program behind the last console, 0 after ^].`,
		Example: `  conbroker open tst100
  conbroker open tst100@lab00 --read-only
  conbroker open @lab00              a shell on the host`,
		Args:              func(_ *cobra.Command, args []string) error { return someTargets(args) },
		ValidArgsFunction: a.completeMachines,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.open(cmd.Context(), c, at, args)
		},
	}
	c.flags(cmd)
	at.flags(cmd)
	return cmd
}

// open opens and shows one console after the other.
func (a *app) open(ctx context.Context, c *creating, at *attaching, words []string) error {
	targets, err := parseTargets(words)
	if err != nil {
		return err
	}
	if _, err := at.escapeByte(); err != nil {
		return err
	}
	l, err := a.connect(ctx, nil)
	if err != nil {
		return err
	}
	failed := 0
	for _, t := range targets {
		argv, openErr := a.openConsole(ctx, l, c, t)
		if openErr != nil {
			failed++
			a.complain(t.word, openErr)
			continue
		}
		if err = a.attachArgv(ctx, at, argv); err != nil {
			if _, ended := errors.AsType[exitCode](err); !ended {
				failed++
				a.complain(t.word, err)
				err = nil
			}
		}
	}
	return errors.Join(tally(failed, len(targets)), err, l.Close())
}

// openConsole opens the console of a target and returns the command that attaches to it.
func (a *app) openConsole(ctx context.Context, l *link, c *creating, t target) ([]string, error) {
	ctx, cancel := c.timeout.bound(ctx)
	defer cancel()
	progress := a.progressLine()
	defer progress.clear()
	if t.address == nil {
		shell, err := l.ConsoleOpen(progress.follow(ctx, t.word), &protocol.ConsoleOpenParams{
			Host: t.host, Kind: protocol.OpenHost, Size: a.size(), Term: a.env("TERM"),
		})
		if err != nil {
			return nil, a.cause(ctx, err)
		}
		return shell.Attach, nil
	}
	params, err := c.params(a, t)
	if err != nil {
		return nil, err
	}
	result, err := l.SessionCreate(progress.follow(ctx, t.word), params)
	if err != nil {
		return nil, a.cause(ctx, err)
	}
	return result.Attach, nil
}

// attachArgv does what the attach command of a broker does, in this process.
func (a *app) attachArgv(ctx context.Context, at *attaching, argv []string) error {
	if len(argv) != 5 || argv[1] != "attach" || argv[2] != "--socket" {
		return fmt.Errorf("the broker's command to attach is not one of this version; it is %q", argv)
	}
	return a.attachTo(ctx, at, argv[3], argv[4])
}
