package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/conbroker/conbroker/broker/internal/table"
)

// The ways to print a result.
const (
	formatTable   = "table"
	formatMachine = "machine"
	formatJSON    = "json"
)

// listing is what the commands that print lists have in common.
type listing struct {
	format  *choice
	titles  bool
	types   []string
	sort    []string
	timeout patience
}

// flags adds the flags; what the types are of is what the command lists.
func (l *listing) flags(cmd *cobra.Command, formats ...string) {
	l.format = newChoice(formats...)
	l.format.flag(cmd, "format", "how to print: table for people, machine for records of the original, json for programs")
	f := cmd.Flags()
	f.StringSliceVarP(&l.types, "type", "t", nil, "session `TYPE`s to look at, such as QEMU (default: all)")
	mustComplete(cmd, "type", completeTypes)
	l.timeout.flag(cmd, "give up after this time")
}

// tableFlags adds those for tables.
func (l *listing) tableFlags(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&l.sort, "sort", nil, "sort the table by these `COLUMN`s, each a title or a number; -COLUMN is the opposite order")
	cmd.Flags().BoolVar(&l.titles, "titles", false, "with --format=machine: a first line with the names of the fields")
}

// ask runs one request with the list's time limit on a conversation of its own.
func ask[R any](ctx context.Context, a *app, timeout *patience, request func(context.Context, *link) (R, error)) (result R, err error) {
	ctx, cancel := timeout.bound(ctx)
	defer cancel()
	l, err := a.connect(ctx, nil)
	if err != nil {
		return result, a.cause(ctx, err)
	}
	progress := a.progressLine()
	result, err = request(progress.follow(ctx, "list"), l)
	progress.clear()
	if err != nil {
		return result, errors.Join(a.cause(ctx, err), l.Close())
	}
	return result, l.Close()
}

// printList prints rows in the list's format; whole is the result of the protocol.
func printList[R any](a *app, l *listing, whole any, rows table.Table[R], records table.Records) error {
	switch l.format.value {
	case formatJSON:
		return table.JSON(a.out, whole, isTerminal(a.out))
	case formatMachine:
		return records.Render(a.out, table.RecordOptions{Title: l.titles})
	}
	if len(rows.Rows) == 0 && isTerminal(a.errs) {
		fmt.Fprintln(a.errs, "conbroker: there is nothing to show")
	}
	if err := rows.Render(a.out, a.tableOptions(l.sort)); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	return nil
}
