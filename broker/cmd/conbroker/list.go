package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/conbroker/conbroker/broker/internal/table"
	"github.com/conbroker/conbroker/rpc/protocol"
)

func (a *app) listCommand() *cobra.Command {
	var l listing
	var roles []string
	var consoles, hosts bool
	cmd := &cobra.Command{
		Use:   "list [HOST...]",
		Short: "What runs on hosts: machines, their clients and tunnels, the hosts themselves",
		Long: `list prints a row for each session: role S is a machine, a host or a VNC server, C a viewer or terminal, T a tunnel. Without
a HOST it asks all hosts of the configuration. A host that cannot be asked is reported on standard error, and the exit code
is then 3; it never spoils the rest.

With --consoles it prints the consoles that the broker holds instead, whose keys attach takes; with --hosts the hosts that it knows.`,
		Example: `  conbroker list
  conbroker list lab00 lab01 --type=XEN
  conbroker list --role=S --sort=label
  conbroker list --consoles
  conbroker list --format=json | jq -r '.sessions[].label'`,
		ValidArgsFunction: a.completeHosts,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case (consoles || hosts) && len(args) > 0:
				return usageError{errors.New("--consoles and --hosts go without a HOST")}
			case consoles:
				return a.listConsoles(cmd.Context(), &l)
			case hosts:
				return a.listHosts(cmd.Context(), &l)
			}
			return a.list(cmd.Context(), &l, &protocol.SessionListParams{Hosts: args, Types: l.types}, roles)
		},
	}
	l.flags(cmd, formatTable, formatMachine, formatJSON)
	l.tableFlags(cmd)
	cmd.Flags().StringSliceVar(&roles, "role", nil, "`ROLE`s to print: S, C, T (default: all)")
	cmd.Flags().BoolVar(&consoles, "consoles", false, "list consoles instead of sessions")
	cmd.Flags().BoolVar(&hosts, "hosts", false, "list hosts instead of sessions")
	cmd.MarkFlagsMutuallyExclusive("consoles", "hosts")
	mustComplete(cmd, "role", cobra.FixedCompletions([]string{"S", "C", "T"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) list(ctx context.Context, l *listing, params *protocol.SessionListParams, roles []string) error {
	for _, r := range roles {
		switch role := protocol.Role(r); role {
		case protocol.RoleServer, protocol.RoleClient, protocol.RoleTunnel:
			params.Roles = append(params.Roles, role)
		default:
			return usageError{fmt.Errorf("--role: %q is none of S, C and T", r)}
		}
	}
	result, err := ask(ctx, a, &l.timeout, func(ctx context.Context, c *link) (*protocol.SessionListResult, error) {
		return c.SessionList(ctx, params)
	})
	if err != nil {
		return err
	}
	err = printList(a, l, result, table.Sessions(result.Sessions), table.SessionRecords(result.Sessions))
	return errors.Join(err, a.hostErrors(result.Errors))
}
