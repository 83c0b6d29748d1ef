package qemu

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/driver/qemu/qmp"
	"github.com/conbroker/conbroker/broker/internal/host"
)

const (
	// commandTime bounds a QMP command with its connection; others may have to be waited for.
	commandTime = 10 * time.Second
	// redialTime is for how long a socket that refuses is tried again: QEMU's queue of connections has one place.
	redialTime  = 2 * time.Second
	redialPause = 20 * time.Millisecond
	// greetingTime tells an events socket that is free from one that serves somebody else.
	greetingTime = 300 * time.Millisecond
)

// command runs use on a QMP connection to r. A machine that is gone is ErrNotRunning.
func command(ctx context.Context, h host.Host, r *run, use func(context.Context, *qmp.Monitor) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, commandTime,
		fmt.Errorf("QEMU did not answer within %v: %w", commandTime, driver.ErrTimeout))
	defer cancel()
	m, err := openCommand(ctx, h, r)
	if err != nil {
		return withCause(ctx, err)
	}
	defer m.Close()
	return withCause(ctx, use(ctx, m))
}

// execute runs one QMP command whose answer says nothing.
func execute(ctx context.Context, h host.Host, r *run, name string, args any) error {
	return command(ctx, h, r, func(ctx context.Context, m *qmp.Monitor) error {
		return m.Execute(ctx, name, args, nil)
	})
}

// withCause tells why the context ended, if that is why err came about.
func withCause(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
		return err
	}
	return context.Cause(ctx)
}

// openCommand connects to the command socket. QEMU serves one client at a time; the greeting comes when it is our turn.
func openCommand(ctx context.Context, h host.Host, r *run) (*qmp.Monitor, error) {
	if r.dir == "" {
		return nil, fmt.Errorf("it is suspended: %w", driver.ErrNotRunning)
	}
	until := time.Now().Add(redialTime)
	for {
		conn, err := h.Dial(ctx, "unix", commandSocket(r.dir))
		if err == nil {
			return qmp.Open(ctx, conn)
		}
		if isGone(err) || time.Now().After(until) {
			return nil, fmt.Errorf("%w: %w", driver.ErrNotRunning, err)
		}
		if err := pause(ctx, redialPause); err != nil {
			return nil, err
		}
	}
}

// isGone reports whether a connection failed because nobody listens: QEMU has ended.
func isGone(err error) bool {
	return errors.Is(err, host.ErrFileNotFound) || errors.Is(err, syscall.ECONNREFUSED)
}

// pause is the interval between two looks at a state; it ends early with ctx.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// listen connects to a free events socket of r; the caller closes the monitor.
func listen(ctx context.Context, h host.Host, r *run) (*qmp.Monitor, error) {
	if r.dir == "" {
		return nil, fmt.Errorf("it is suspended: %w", driver.ErrNotRunning)
	}
	var last error
	for i := range eventSockets {
		m, err := listenAt(ctx, h, eventsSocket(r.dir, i))
		if err == nil {
			return m, nil
		}
		if isGone(err) {
			return nil, fmt.Errorf("%w: %w", driver.ErrNotRunning, err)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		last = err
	}
	return nil, errors.Join(&driver.BusyError{Resource: "each events socket of " + r.Label}, last)
}

func listenAt(ctx context.Context, h host.Host, socket string) (*qmp.Monitor, error) {
	ctx, cancel := context.WithTimeout(ctx, greetingTime)
	defer cancel()
	conn, err := h.Dial(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	return qmp.Open(ctx, conn)
}
