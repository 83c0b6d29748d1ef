package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/spf13/cobra"

	"github.com/conbroker/conbroker/broker/internal/table"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// maxAtOnce bounds the requests that one command sends at a time.
const maxAtOnce = 16

// creating are the flags of create and open.
type creating struct {
	sessionType string
	mode        *choice
	console     *choice
	escalation  *choice
	forwarding  *choice
	stateFile   string
	timeout     patience
}

func newCreating(mode protocol.CreateMode, consoles ...string) *creating {
	modes := []string{string(mode)}
	for _, m := range []protocol.CreateMode{protocol.ModeStart, protocol.ModeConnect, protocol.ModeReuse, protocol.ModeReconnect, protocol.ModeResume} {
		if m != mode {
			modes = append(modes, string(m))
		}
	}
	return &creating{
		mode: newChoice(modes...), console: newChoice(consoles...),
		escalation: newChoice("default", "none", "sudo", "ksu"), forwarding: newChoice("default", "df", "cf"),
	}
}

// flags adds the flags that say how a machine is to be started.
func (c *creating) flags(cmd *cobra.Command) {
	c.mode.flag(cmd, "mode", "start a stopped one; connect to a running one; reuse: whichever fits; reconnect: reuse, and end its other clients; resume a paused or suspended one")
	cmd.Flags().StringVarP(&c.sessionType, "type", "t", "", "session `TYPE`, such as QEMU (default: the configured one, or all of the host)")
	mustComplete(cmd, "type", completeTypes)
	cmd.Flags().StringVar(&c.stateFile, "state-file", "", "`FILE` on the host to resume from (default: where it was saved)")
	c.escalation.flag(cmd, "escalation", "how rights are raised on the host")
	c.timeout.flag(cmd, "give up after this time")
}

// params are those of a request for one target.
func (c *creating) params(a *app, t target) (*protocol.SessionCreateParams, error) {
	address, err := t.machine()
	if err != nil {
		return nil, err
	}
	p := &protocol.SessionCreateParams{
		Host: t.host, Type: c.sessionType, Address: address, Mode: protocol.CreateMode(c.mode.value),
		StateFile: c.stateFile, Size: a.size(), Term: a.env("TERM"),
	}
	if c.console.value != "default" {
		p.Console = protocol.ConsoleKind(c.console.value)
	}
	if c.escalation.value != "default" {
		p.Escalation = protocol.Escalation(c.escalation.value)
	}
	if c.forwarding.value != "default" {
		p.Forwarding = protocol.Forwarding(c.forwarding.value)
	}
	return p, nil
}

func (a *app) createCommand() *cobra.Command {
	c := newCreating(protocol.ModeStart, "default", "none", "cli", "xterm", "gterm", "emacs", "emacsm", "emacsa", "emacsam", "vnc")
	format := newChoice(formatTable, formatJSON)
	cmd := &cobra.Command{
		Use:   "create ADDRESS[@HOST]...",
		Short: "Start machines, or connect to running ones",
		Long: `create starts a machine from its configuration file, opens its console unless --console=none, and prints the session and
the command that attaches a terminal to the console. It does not take this terminal; open does.

--console says how a frontend is to show the console; the broker opens the same one for each. Several machines are started
at the same time; one that fails does not stop the others.`,
		Example: `  conbroker create tst100
  conbroker create tst100@lab00 tst101@lab01 --console=none
  conbroker create tst100/tst100.toml --mode=reuse
  conbroker create uuid:6842caf9-1e3e-4324-9ed5-96b8b9f2c5c2 --mode=resume`,
		Args:              func(_ *cobra.Command, args []string) error { return someTargets(args) },
		ValidArgsFunction: a.completeMachines,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.create(cmd.Context(), c, format, args)
		},
	}
	c.flags(cmd)
	c.console.flag(cmd, "console", "kind of console wanted; default is the configured one")
	c.forwarding.flag(cmd, "forwarding", "where a viewer runs: df on the host, cf here")
	format.flag(cmd, "format", "how to print: table for people, json for programs")
	return cmd
}

// create starts machines and prints what became of them.
func (a *app) create(ctx context.Context, c *creating, format *choice, words []string) error {
	targets, err := parseTargets(words)
	if err != nil {
		return err
	}
	params := make([]*protocol.SessionCreateParams, len(targets))
	for i, t := range targets {
		if params[i], err = c.params(a, t); err != nil {
			return err
		}
	}
	ctx, cancel := c.timeout.bound(ctx)
	defer cancel()
	l, err := a.connect(ctx, nil)
	if err != nil {
		return a.cause(ctx, err)
	}
	results, errs := a.createAll(ctx, l, targets, params)
	err = a.printCreated(format, results)
	return errors.Join(a.tallied(ctx, targets, errs), err, l.Close())
}

// createAll sends all requests at the same time. Of results[i] and errs[i] one is set.
func (a *app) createAll(ctx context.Context, l *link, targets []target, params []*protocol.SessionCreateParams) ([]*protocol.SessionCreateResult, []error) {
	results, errs := make([]*protocol.SessionCreateResult, len(targets)), make([]error, len(targets))
	progress := a.progressLine()
	defer progress.clear()
	var wg sync.WaitGroup
	slots := make(chan struct{}, maxAtOnce)
	for i, t := range targets {
		slots <- struct{}{}
		wg.Go(func() {
			results[i], errs[i] = l.SessionCreate(progress.follow(ctx, t.word), params[i])
			<-slots
		})
	}
	wg.Wait()
	return results, errs
}

// tallied complains about the targets that failed and returns the error for the exit code.
func (a *app) tallied(ctx context.Context, targets []target, errs []error) error {
	failed := 0
	for i, err := range errs {
		if err == nil {
			continue
		}
		failed++
		a.complain(targets[i].word, a.cause(ctx, err))
	}
	return tally(failed, len(targets))
}

// printCreated prints the sessions that exist now.
func (a *app) printCreated(format *choice, results []*protocol.SessionCreateResult) error {
	done := []*protocol.SessionCreateResult{}
	var sessions []protocol.Session
	for _, r := range results {
		if r != nil {
			done = append(done, r)
			sessions = append(sessions, r.Session)
		}
	}
	if format.value == formatJSON {
		return table.JSON(a.out, done, isTerminal(a.out))
	}
	if len(sessions) == 0 {
		return nil
	}
	if err := table.Sessions(sessions).Render(a.out, a.tableOptions(nil)); err != nil {
		return err
	}
	for _, r := range done {
		if r.Console != "" {
			if _, err := fmt.Fprintf(a.out, "%s: conbroker attach %s\n", plain(r.Session.Label), r.Console); err != nil {
				return err
			}
		}
	}
	return nil
}
