package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"github.com/conbroker/conbroker/broker"
	"github.com/conbroker/conbroker/broker/internal/config"
	"github.com/conbroker/conbroker/broker/internal/endpoint"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/inventory"
	"github.com/conbroker/conbroker/broker/internal/prompt"
	"github.com/conbroker/conbroker/consoles/attach"
)

// hosting is how a broker lives in a process.
type hosting struct {
	broker *broker.Broker
	cancel context.CancelFunc
	served chan error // the end of the attach server
}

// host makes a broker whose consoles are reached at the attach listener, which it owns from then on.
func (a *app) host(ctx context.Context, listener net.Listener, hold func() func(), persistent bool, log *slog.Logger) (*hosting, error) {
	o, err := a.brokerOptions()
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	o.Hold, o.Persistent, o.Logger = hold, persistent, log
	o.Attach = func(console string) []string { return attachArgv(a.self, listener.Addr().String(), console) }
	b, err := broker.New(o)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	h := &hosting{broker: b, cancel: cancel, served: make(chan error, 1)}
	server := &attach.Server{Hub: b.Hub(), Logger: log}
	go func() { h.served <- server.Serve(ctx, listener) }()
	return h, nil
}

// close ends the broker. Guests run on.
func (h *hosting) close() error {
	err := h.broker.Close() // clients of consoles are told of the end before their connections go
	h.cancel()
	return errors.Join(err, <-h.served)
}

// brokerOptions are those that do not depend on how the broker lives.
func (a *app) brokerOptions() (broker.Options, error) {
	path, err := a.configFile()
	if err != nil {
		return broker.Options{}, err
	}
	state, err := a.stateDir()
	if err != nil {
		return broker.Options{}, err
	}
	prompts := prompt.NewRegistry()
	return broker.Options{
		Config: config.NewSource(path), Drivers: drivers(), Prompts: prompts, OpenHost: newWays(a, prompts).open,
		Inventory: inventory.Open(filepath.Join(state, "inventory")), RecordDir: filepath.Join(state, "recordings"),
		Version: a.version, Build: a.build,
	}, nil
}

// stateDir is where the inventory and recordings are kept.
func (a *app) stateDir() (string, error) {
	home, err := os.UserHomeDir()
	if err != nil && a.env("XDG_STATE_HOME") == "" {
		return "", fmt.Errorf("find the directory for what is remembered: %w", err)
	}
	return host.StateDir(a.env, home), nil
}

// attachArgv is the command that attaches a terminal to a console.
func attachArgv(self, socket, console string) []string {
	return []string{self, "attach", "--socket", socket, console}
}

// inProcess is a broker in this process, and a stream to it.
func (a *app) inProcess(ctx context.Context) (io.ReadWriteCloser, []func() error, error) {
	h, err := a.privateBroker(ctx)
	if err != nil {
		return nil, nil, err
	}
	ours, theirs := net.Pipe()
	served := make(chan struct{})
	go func() {
		defer close(served)
		// How a conversation with ourselves ended tells nobody anything.
		_ = h.broker.Serve(context.WithoutCancel(ctx), theirs)
	}()
	end := func() error {
		<-served
		return h.close()
	}
	return ours, []func() error{end}, nil
}

// privateBroker is a broker that ends with this process.
func (a *app) privateBroker(ctx context.Context) (*hosting, error) {
	place, err := endpoint.Find(a.env, a.config)
	if err != nil {
		return nil, err
	}
	listener, err := endpoint.ListenPrivate(ctx, place)
	if err != nil {
		return nil, err
	}
	return a.host(ctx, listener, nil, false, slog.New(slog.DiscardHandler))
}
