package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/conbroker/conbroker/broker/internal/endpoint"
	"github.com/conbroker/conbroker/rpc/client"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// link is a conversation with a broker. Whoever made it closes it.
type link struct {
	*client.Client
	after []func() error // what is closed after the conversation, the last one first
}

// Close ends the conversation, and the broker if that is in this process.
func (l *link) Close() error {
	err := l.Client.Close()
	for i := len(l.after) - 1; i >= 0; i-- {
		err = errors.Join(err, l.after[i]())
	}
	return err
}

// connect opens a conversation with the broker that --remote names.
func (a *app) connect(ctx context.Context, handler protocol.Client) (*link, error) {
	stream, after, err := a.stream(ctx)
	if err != nil {
		return nil, err
	}
	prompts := newPrompter(a)
	c, err := client.New(ctx, stream, client.Options{
		Name: "conbroker", Version: a.version, Handler: prompts.around(handler), Prompt: prompts.possible(),
	})
	l := &link{Client: c, after: append(after, prompts.close)}
	if err != nil {
		for i := len(l.after) - 1; i >= 0; i-- {
			err = errors.Join(err, l.after[i]())
		}
		return nil, err
	}
	prompts.answerOn(c)
	return l, nil
}

// stream returns a stream to the broker and what is to be closed after it.
func (a *app) stream(ctx context.Context) (io.ReadWriteCloser, []func() error, error) {
	path, isPath := strings.CutPrefix(a.remote, "unix:")
	switch {
	case a.remote == "auto":
		conn, err := a.dialDaemon(ctx)
		return conn, nil, err
	case a.remote == "off":
		return a.inProcess(ctx)
	case isPath && path != "":
		conn, _, err := endpoint.Dial(ctx, endpoint.Place{Socket: path}, a.hello())
		if err != nil {
			err = fmt.Errorf("connect to the broker at %s: %w", path, err)
		}
		return conn, nil, err
	}
	return nil, nil, usageError{fmt.Errorf("--remote=%s: expected auto, off or unix:PATH", a.remote)}
}

// dialDaemon connects to the daemon, and starts it if it does not run.
func (a *app) dialDaemon(ctx context.Context) (net.Conn, error) {
	place, err := endpoint.Find(a.env, a.config)
	if err != nil {
		return nil, err
	}
	argv, err := a.daemonArgv()
	if err != nil {
		return nil, err
	}
	conn, _, err := endpoint.Connect(ctx, place, a.hello(), func(ctx context.Context) error {
		return endpoint.Spawn(ctx, place, endpoint.Daemon{Argv: argv})
	})
	return conn, err
}

// daemonArgv is how this program is started as a daemon for this configuration.
func (a *app) daemonArgv() ([]string, error) {
	if a.self == "" {
		return nil, errors.New("the system does not say where this program is, so no daemon can be started; use --remote=off")
	}
	config, err := a.configFile()
	if err != nil {
		return nil, err
	}
	argv := []string{a.self, "daemon"}
	if config != "" {
		argv = append(argv, "--config", config)
	}
	return argv, nil
}

// hello introduces this program to a daemon.
func (a *app) hello() endpoint.Hello {
	major, _, _ := strings.Cut(protocol.Version, ".")
	number, err := strconv.Atoi(major)
	if err != nil {
		panic(err) // the protocol's version is a constant of this program
	}
	return endpoint.Hello{Protocol: number, Version: a.version, Build: a.build}
}
