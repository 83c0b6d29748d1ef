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

// cancelling are the flags of cancel.
type cancelling struct {
	params  protocol.SessionCancelParams // what is the same for all targets
	method  *choice
	timeout patience
	format  *choice
}

func (a *app) cancelCommand() *cobra.Command {
	c := &cancelling{method: newChoice("poweroff", "reset", "reboot", "pause", "suspend", "init"), format: newChoice(formatTable, formatJSON)}
	cmd := &cobra.Command{
		Use:   "cancel ADDRESS[@HOST]... | cancel --all [HOST...]",
		Short: "Power off machines, or reset, reboot, pause or suspend them",
		Long: `cancel ends machines or interrupts them. --method says how:

  poweroff   ask the guest to power off, wait for up to --timeout, then stop it; --timeout=0 stops it at once
  reset      the reset button; it runs again afterwards
  reboot     the guest reboots itself
  pause      stop its processors and keep its memory
  suspend    save it to a state file and free its memory
  init       change the UNIX init level in the guest to --level

A paused or suspended machine goes on with "create --mode=resume". An address that fits more than one machine cancels none
and lists them. Machines inside of a machine are cancelled first, unless --force.`,
		Example: `  conbroker cancel tst100
  conbroker cancel tst100@lab00 --timeout=0
  conbroker cancel tst100 --method=suspend --state-file=/var/tmp/tst100.state
  conbroker cancel --all lab00 --type=XEN`,
		Args: func(_ *cobra.Command, args []string) error {
			if c.params.All || c.params.Self {
				return nil
			}
			return someTargets(args)
		},
		ValidArgsFunction: a.completeMachines,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.cancel(cmd.Context(), c, args)
		},
	}
	c.flags(cmd)
	return cmd
}

func (c *cancelling) flags(cmd *cobra.Command) {
	c.method.flag(cmd, "method", "how to cancel")
	c.timeout.flag(cmd, "how long to wait for the guest before force is used (default 20s)")
	f, p := cmd.Flags(), &c.params
	f.StringVarP(&p.Type, "type", "t", "", "session `TYPE`, such as QEMU (default: all types of the host)")
	mustComplete(cmd, "type", completeTypes)
	f.StringVar(&p.Level, "level", "", "init `LEVEL`, with --method=init")
	mustComplete(cmd, "level", cobra.FixedCompletions([]string{"0", "1", "3", "5", "6"}, cobra.ShellCompDirectiveNoFileComp))
	f.StringVar(&p.StateFile, "state-file", "", "`FILE` on the host to save to, with --method=suspend (default: the broker chooses)")
	f.BoolVar(&p.Force, "force", false, "leave machines inside alone, and do not ask the guest")
	f.BoolVar(&p.All, "all", false, "all machines of each HOST, or of this one; never the host itself")
	f.BoolVar(&p.Self, "self", false, "the host itself too, last")
	f.StringVar(&p.Confirm, "confirm", "", "with --self: the `NAME` of the host, to show that it is meant")
	c.format.flag(cmd, "format", "how to print: table for people, json for programs")
}

// cancel sends a request for each target and prints what became of the sessions.
func (a *app) cancel(ctx context.Context, c *cancelling, words []string) error {
	targets, err := c.targets(words)
	if err != nil {
		return err
	}
	l, err := a.connect(ctx, nil)
	if err != nil {
		return err
	}
	results, errs := a.cancelAll(ctx, l, c, targets)
	outcomes, outcomeErr := []protocol.CancelOutcome{}, error(nil)
	for _, r := range results {
		if r != nil {
			outcomes = append(outcomes, r.Results...)
		}
	}
	if c.format.value == formatJSON {
		err = table.JSON(a.out, outcomes, isTerminal(a.out))
	} else {
		err = a.printOutcomes(outcomes)
	}
	if len(outcomes) > 0 {
		outcomeErr = a.failedOutcomes(outcomes)
	}
	return errors.Join(worse(a.tallied(ctx, targets, errs), outcomeErr), err, l.Close())
}

// targets reads the words: machines, or hosts with --all or --self.
func (c *cancelling) targets(words []string) ([]target, error) {
	if !c.params.All && !c.params.Self {
		return parseTargets(words)
	}
	if len(words) == 0 {
		return []target{{word: "this host"}}, nil
	}
	targets := make([]target, len(words))
	for i, word := range words {
		targets[i] = target{word: word, host: word}
	}
	return targets, nil
}

// cancelAll sends all requests at the same time. Of results[i] and errs[i] one is set.
func (a *app) cancelAll(ctx context.Context, l *link, c *cancelling, targets []target) ([]*protocol.SessionCancelResult, []error) {
	results, errs := make([]*protocol.SessionCancelResult, len(targets)), make([]error, len(targets))
	progress := a.progressLine()
	defer progress.clear()
	var wg sync.WaitGroup
	slots := make(chan struct{}, maxAtOnce)
	for i, t := range targets {
		params := c.params
		params.Host, params.Address, params.Timeout = t.host, t.address, c.timeout.seconds()
		params.Method = protocol.CancelMethod(c.method.value)
		slots <- struct{}{}
		wg.Go(func() {
			results[i], errs[i] = l.SessionCancel(progress.follow(ctx, t.word), &params)
			<-slots
		})
	}
	wg.Wait()
	return results, errs
}

// printOutcomes prints a table of what became of sessions.
func (a *app) printOutcomes(outcomes []protocol.CancelOutcome) error {
	if len(outcomes) == 0 {
		return nil
	}
	type row = protocol.CancelOutcome
	return table.Table[row]{
		Columns: []table.Column[row]{
			{Title: "label", Min: 20, Value: func(r row) string { return r.Session.Label }},
			{Title: "type", Min: 7, Value: func(r row) string { return r.Session.Type }},
			{Title: "host", Min: 8, Value: func(r row) string { return r.Session.Host }},
			{Title: "was", Min: 9, Value: func(r row) string { return string(r.Session.State) }},
			{Title: "is", Min: 9, State: true, Value: func(r row) string { return string(r.State) }},
			{Title: "saved in", Min: 8, Keep: table.KeepRight, Value: func(r row) string { return r.StateFile }},
		},
		Rows: outcomes, Empty: "-",
	}.Render(a.out, a.tableOptions(nil))
}

// failedOutcomes complains about the sessions that failed.
func (a *app) failedOutcomes(outcomes []protocol.CancelOutcome) error {
	failed := 0
	for _, o := range outcomes {
		if o.Error != nil {
			failed++
			a.complain(fmt.Sprintf("%s on %s", o.Session.Label, o.Session.Host), o.Error)
		}
	}
	return tally(failed, len(outcomes))
}

// worse is the exit code for two parts of one command: if only one of them failed as a whole, the command failed in part.
func worse(a, b error) error {
	switch {
	case a == nil:
		return b
	case b == nil || errors.Is(a, b):
		return a
	}
	return exitCode(exitPartial)
}
