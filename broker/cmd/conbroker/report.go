package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/conbroker/conbroker/broker/internal/table"
	"github.com/conbroker/conbroker/rpc/protocol"
)

func (a *app) showCommand() *cobra.Command {
	return a.reportCommand(&cobra.Command{
		Use:   "show [HOST...]",
		Short: "What changes on hosts: load, memory, what runs",
		Long: `show prints what is going on on each host: load, memory, uptime, and how many sessions of each type run. Without a HOST it
asks this one.`,
		Example: `  conbroker show
  conbroker show lab00 lab01
  conbroker show --format=json`,
	}, func(ctx context.Context, c *link, p *protocol.HostReportParams) (*protocol.HostReportResult, error) {
		return c.HostShow(ctx, p)
	})
}

func (a *app) infoCommand() *cobra.Command {
	return a.reportCommand(&cobra.Command{
		Use:   "info [HOST...]",
		Short: "What does not change on hosts: system, processors, tools, session types",
		Long: `info prints what each host is and has: its system, processors, memory and tools, and which session types can be used
there, with the reason and the remedy for those that cannot. Without a HOST it asks this one.`,
		Example: `  conbroker info
  conbroker info lab00 --type=XEN
  conbroker info --format=json`,
	}, func(ctx context.Context, c *link, p *protocol.HostReportParams) (*protocol.HostReportResult, error) {
		return c.HostInfo(ctx, p)
	})
}

// reportCommand completes the command of a report on hosts.
func (a *app) reportCommand(cmd *cobra.Command, get func(context.Context, *link, *protocol.HostReportParams) (*protocol.HostReportResult, error)) *cobra.Command {
	var l listing
	cmd.ValidArgsFunction = a.completeHosts
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		params := &protocol.HostReportParams{Hosts: args, Types: l.types}
		result, err := ask(cmd.Context(), a, &l.timeout, func(ctx context.Context, c *link) (*protocol.HostReportResult, error) {
			return get(ctx, c, params)
		})
		if err != nil {
			return err
		}
		if l.format.value == formatJSON {
			err = table.JSON(a.out, result, isTerminal(a.out))
		} else {
			err = table.Reports(result.Reports).Render(a.out, a.tableOptions(nil))
		}
		return errors.Join(err, a.hostErrors(result.Errors))
	}
	l.flags(cmd, formatTable, formatJSON)
	return cmd
}
