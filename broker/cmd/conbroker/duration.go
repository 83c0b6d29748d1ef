package main

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

// patience is a flag that takes a time: "20s", "1m30s", or a number of seconds.
type patience struct {
	value time.Duration
	given bool
}

// String returns the time as it was given, empty if it was not.
func (p *patience) String() string {
	if !p.given {
		return ""
	}
	return p.value.String()
}

// Type is what help texts call the value.
func (p *patience) Type() string { return "TIME" }

// Set takes a time.
func (p *patience) Set(text string) error {
	d, err := time.ParseDuration(text)
	if seconds, numErr := strconv.ParseFloat(text, 64); numErr == nil && math.Abs(seconds) < 1e9 {
		d, err = time.Duration(seconds*float64(time.Second)), nil
	}
	if err != nil || d < 0 {
		return fmt.Errorf("expected a time such as 20s or 1m30s, or a number of seconds")
	}
	p.value, p.given = d, true
	return nil
}

// flag adds the time to a command as --timeout.
func (p *patience) flag(cmd *cobra.Command, usage string) { cmd.Flags().Var(p, "timeout", usage) }

// bound limits ctx, if a time was given.
func (p *patience) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if !p.given {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, p.value, fmt.Errorf("it was not done within %v", p.value))
}

// seconds is the time for the protocol, nil if none was given.
func (p *patience) seconds() *float64 {
	if !p.given {
		return nil
	}
	s := p.value.Seconds()
	return &s
}
