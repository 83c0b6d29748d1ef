package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"time"

	"github.com/conbroker/conbroker/rpc/protocol"
)

const (
	// idleConsoles is how many consoles stand idle when memory is measured.
	idleConsoles = 1000
	// starts is how many starts are timed.
	starts = 20
)

// idle measures memory and goroutines per idle console. The peer is the least that a Go program needs for one: a goroutine that reads
// into a buffer of its own, 10.3 KiB.
func (b *bench) idle(ctx context.Context) error {
	const floor = 10.3
	c, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	before, err := c.BrokerStatus(ctx, &protocol.Empty{})
	if err != nil {
		return err
	}
	base, err := memory(before.PID)
	if err != nil {
		return err
	}
	for i := range idleConsoles {
		if _, err := shell(ctx, c); err != nil {
			return fmt.Errorf("idle console %d: %w", i+1, err)
		}
	}
	after, err := c.BrokerStatus(ctx, &protocol.Empty{})
	if err != nil {
		return err
	}
	full, err := memory(after.PID)
	if err != nil {
		return err
	}
	row("memory per idle console / floor", float64(full-base)/idleConsoles, floor, "KiB")
	row("goroutines per idle console / floor", float64(after.Goroutines-before.Goroutines)/idleConsoles, 1, "")
	return nil
}

// memory returns the proportional set size of a process in KiB.
func memory(pid int) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	pss := regexp.MustCompile(`(?m)^Pss:\s+(\d+) kB$`).FindSubmatch(text)
	if pss == nil {
		return 0, fmt.Errorf("smaps_rollup of %d has no Pss", pid)
	}
	return strconv.Atoi(string(pss[1]))
}

// start measures the time from exec to the answer to initialize, against that from exec to exit of the smallest command there is.
func (b *bench) start(ctx context.Context) error {
	var ours, peer []time.Duration
	for range starts {
		started := time.Now()
		c, err := b.open(ctx)
		if err != nil {
			return err
		}
		ours = append(ours, time.Since(started))
		if err := c.Close(); err != nil {
			return err
		}
		started = time.Now()
		if err := exec.CommandContext(ctx, "true").Run(); err != nil {
			return err
		}
		peer = append(peer, time.Since(started))
	}
	row("exec to initialize answered / exec of true", quantile(ours, 0.5, time.Millisecond), quantile(peer, 0.5, time.Millisecond), "ms")
	return nil
}
