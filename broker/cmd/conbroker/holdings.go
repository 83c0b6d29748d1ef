package main

import (
	"context"
	"errors"

	"github.com/conbroker/conbroker/broker/internal/table"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// listConsoles prints the consoles that the broker holds, and those that ended not long ago.
func (a *app) listConsoles(ctx context.Context, l *listing) error {
	result, err := ask(ctx, a, &l.timeout, func(ctx context.Context, c *link) (*protocol.ConsoleListResult, error) {
		return c.ConsoleList(ctx, &protocol.Empty{})
	})
	if err != nil {
		return err
	}
	return printWithoutRecords(a, l, result, table.Consoles(result.Consoles))
}

// listHosts prints the configured hosts and what each turns out to have.
func (a *app) listHosts(ctx context.Context, l *listing) error {
	result, err := ask(ctx, a, &l.timeout, func(ctx context.Context, c *link) (*protocol.HostListResult, error) {
		return c.HostList(ctx, &protocol.HostListParams{Probe: true})
	})
	if err != nil {
		return err
	}
	return printWithoutRecords(a, l, result, table.Hosts(result.Hosts))
}

// printWithoutRecords is printList for what the original had no records for.
func printWithoutRecords[R any](a *app, l *listing, whole any, rows table.Table[R]) error {
	if l.format.value == formatMachine {
		return usageError{errors.New("--format=machine is for sessions; use json here")}
	}
	return printList(a, l, whole, rows, table.Records{})
}
