package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/conbroker/conbroker/broker"
	"github.com/conbroker/conbroker/broker/internal/endpoint"
	"github.com/conbroker/conbroker/rpc"
)

func (a *app) stdioCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "stdio [--remote=auto|off|unix:PATH]",
		Short: "The broker on standard input and output, for editors and programs",
		Long: `stdio speaks JSON-RPC 2.0 with the framing of the Language Server Protocol on standard input and output.

With --remote=auto, the default, it passes everything on to your daemon, which it starts if there is none: consoles and
what is known of hosts are then shared by all your editors, and outlive them. With --remote=off the broker is this process.`,
		Example: `  conbroker stdio                    what an editor runs
  conbroker stdio --remote=off       all in one process, for tests`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.remote == "off" {
				return a.stdioBroker(cmd.Context())
			}
			return a.forward(cmd.Context())
		},
	}
}

// forward passes standard input and output on to a daemon.
func (a *app) forward(ctx context.Context) error {
	stream, _, err := a.stream(ctx)
	if err != nil {
		return err
	}
	conn, ok := stream.(*endpoint.Conn)
	if !ok {
		return fmt.Errorf("--remote=%s is no daemon", a.remote)
	}
	goodbye := newFarewell(a.in)
	err = endpoint.ForwardStdio(ctx, conn, goodbye, a.out)
	if err == nil && goodbye.unclean() {
		return exitCode(exitFailed)
	}
	return err
}

// stdioBroker is a broker in this process.
func (a *app) stdioBroker(ctx context.Context) error {
	h, err := a.privateBroker(ctx)
	if err != nil {
		return err
	}
	err = h.broker.Serve(ctx, rpc.Stdio(a.in, a.out))
	if errors.Is(err, broker.ErrNoShutdown) {
		err = exitCode(exitFailed)
	}
	return errors.Join(err, h.close())
}
