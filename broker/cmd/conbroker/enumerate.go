package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/conbroker/conbroker/broker/internal/table"
	"github.com/conbroker/conbroker/rpc/protocol"
)

func (a *app) enumerateCommand() *cobra.Command {
	var l listing
	var bases []string
	cache := newChoice(string(protocol.CacheOn), string(protocol.CacheOff), string(protocol.CacheOnly))
	cmd := &cobra.Command{
		Use:     "enumerate [HOST...]",
		Aliases: []string{"enum"},
		Short:   "Which machines are configured on hosts, running or not",
		Long: `enumerate prints a row for each machine that a configuration file describes. Without a HOST it asks all hosts of the
configuration. Files that cannot be read are reported on standard error, with the line of the mistake.

What was found is remembered. --cache=only answers from memory without touching a host, --cache=off never does, and
--cache=on, the default, answers from memory for a host that cannot be reached.`,
		Example: `  conbroker enumerate
  conbroker enumerate lab00 --base=xen --base=/etc/ctys.d
  conbroker enumerate --cache=only --format=machine`,
		ValidArgsFunction: a.completeHosts,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.enumerate(cmd.Context(), &l, &protocol.MachineEnumerateParams{
				Hosts: args, Types: l.types, BasePaths: bases, Cache: protocol.CacheUse(cache.value),
			})
		},
	}
	l.flags(cmd, formatTable, formatMachine, formatJSON)
	l.tableFlags(cmd)
	cmd.Flags().StringSliceVarP(&bases, "base", "b", nil, "`DIR`ectories to search instead of the configured ones; relative ones from the home directory there")
	cache.flag(cmd, "cache", "whether what is remembered may answer")
	return cmd
}

func (a *app) enumerate(ctx context.Context, l *listing, params *protocol.MachineEnumerateParams) error {
	result, err := ask(ctx, a, &l.timeout, func(ctx context.Context, c *link) (*protocol.MachineEnumerateResult, error) {
		return c.MachineEnumerate(ctx, params)
	})
	if err != nil {
		return err
	}
	err = printList(a, l, result, table.Machines(result.Machines), table.MachineRecords(result.Machines))
	for _, p := range result.Problems {
		place := p.File
		if p.Line > 0 {
			place = fmt.Sprintf("%s:%d", p.File, p.Line)
		}
		a.complain("", fmt.Errorf("%s: %s: %s", p.Host, place, p.Message))
	}
	return errors.Join(err, a.hostErrors(result.Errors))
}
