package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/conbroker/conbroker/broker/internal/endpoint"
)

func (a *app) daemonCommand() *cobra.Command {
	idle := &patience{value: endpoint.DefaultIdleExit, given: true}
	replace := false
	cmd := &cobra.Command{
		Use:   "daemon [--idle-exit=TIME] [--replace]",
		Short: "The per-user daemon on its socket",
		Long: `daemon runs the broker that all your frontends share, in the foreground. There is seldom a need to: a frontend starts it
when it is absent. It ends by itself when it has had neither a client nor an open console for a while.

Each configuration file has a daemon of its own.`,
		Example: `  conbroker daemon --idle-exit=0     stay until it is ended
  conbroker daemon --replace         take the place of a running one that is idle`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.daemon(cmd.Context(), idle.value, replace)
		},
	}
	cmd.Flags().Var(idle, "idle-exit", "end after this time without clients and consoles; 0 is never")
	cmd.Flags().BoolVar(&replace, "replace", false, "end a daemon that runs, if it is idle, and take its place")
	return cmd
}

// daemon runs until ctx ends or it has been idle for long enough.
func (a *app) daemon(ctx context.Context, idleExit time.Duration, replace bool) error {
	place, err := endpoint.Find(a.env, a.config)
	if err != nil {
		return err
	}
	if replace {
		if err := endpoint.Retire(ctx, place, a.hello()); err != nil {
			return err
		}
	}
	log := slog.New(slog.NewTextHandler(a.errs, nil))
	idle := endpoint.NewIdle(idleExit)
	listener, err := endpoint.Listen(ctx, place, endpoint.Options{Hello: a.hello(), Idle: idle, Log: log})
	if err != nil {
		return err
	}
	return errors.Join(a.serveDaemon(ctx, listener, idle, log), listener.Close())
}

// serveDaemon serves clients on a listener.
func (a *app) serveDaemon(ctx context.Context, listener *endpoint.Listener, idle *endpoint.Idle, log *slog.Logger) error {
	attach, err := listener.ListenAttach(ctx)
	if err != nil {
		return err
	}
	h, err := a.host(ctx, attach, holdFor(idle), true, log)
	if err != nil {
		return err
	}
	if err := endpoint.Ready(); err != nil {
		return errors.Join(fmt.Errorf("tell that the daemon is ready: %w", err), h.close())
	}
	log.Info("daemon is ready", "socket", listener.Place().Socket, "version", a.version, "build", a.build)
	err = endpoint.Serve(ctx, listener, func(ctx context.Context, conn net.Conn) {
		if err := h.broker.Serve(ctx, conn); err != nil && !errors.Is(err, io.EOF) {
			log.Info("a client has gone", "reason", err)
		}
	})
	err = errors.Join(err, h.close())
	log.Info("daemon has ended")
	return err
}

// holdFor keeps the daemon for each open console and tunnel.
func holdFor(idle *endpoint.Idle) func() func() {
	return func() func() {
		if !idle.Acquire(endpoint.Console) {
			return func() {} // it is ending, and takes the console with it
		}
		return func() { idle.Release(endpoint.Console) }
	}
}
