// Bench measures what conbroker adds to the parts that it is made of: each figure stands beside a peer measured in the same run,
// and the ratio is what counts. It drives the real program, through the protocol and through the attach command.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/conbroker/conbroker/rpc/client"
	"github.com/conbroker/conbroker/rpc/protocol"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: bench CONBROKER")
		os.Exit(2)
	}
	if err := run(ctx, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one run: the program under test and a directory of its own for its sockets and state.
type bench struct {
	conbroker string
	dir       string
}

// run prints one line per figure.
func run(ctx context.Context, conbroker string) error {
	conbroker, err := filepath.Abs(conbroker)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "cbb")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{conbroker: conbroker, dir: dir}
	for name, value := range map[string]string{
		"CONBROKER_RUNTIME_DIR": filepath.Join(dir, "run"), "XDG_STATE_HOME": filepath.Join(dir, "state"),
		"XDG_CONFIG_HOME": filepath.Join(dir, "config"), "SHELL": "/bin/sh", "ENV": "", "PS1": "$ ",
	} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	fmt.Printf("%s/%s, %d processors, %s\n\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	fmt.Printf("%-44s %14s %14s %8s\n", "", "conbroker", "peer", "ratio")
	for _, measure := range []func(context.Context) error{b.throughput, b.echo, b.listUnderFlood, b.idle, b.start} {
		if err := measure(ctx); err != nil {
			return err
		}
	}
	return nil
}

// row prints a figure, its peer and their ratio.
func row(name string, ours, peer float64, unit string) {
	fmt.Printf("%-44s %9.1f %-4s %9.1f %-4s %8.2f\n", name, ours, unit, peer, unit, ours/peer)
}

// open starts a broker of its own and connects to it.
func (b *bench) open(ctx context.Context) (*client.Client, error) {
	return client.Start(ctx, []string{b.conbroker, "stdio", "--remote=off"}, client.Options{Name: "bench"})
}

// shell opens a shell on this host as a console.
func shell(ctx context.Context, c *client.Client) (*protocol.ConsoleOpenResult, error) {
	return c.ConsoleOpen(ctx, &protocol.ConsoleOpenParams{Kind: protocol.OpenHost, Size: &protocol.Size{Cols: 80, Rows: 24}})
}

// quantile returns the q-th part of sorted durations, in the unit given.
func quantile(durations []time.Duration, q float64, unit time.Duration) float64 {
	slices.Sort(durations)
	return float64(durations[int(q*float64(len(durations)-1))]) / float64(unit)
}
