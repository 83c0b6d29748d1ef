package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/conbroker/conbroker/consoles"
	"github.com/conbroker/conbroker/consoles/pty"
	"github.com/conbroker/conbroker/rpc/client"
	"github.com/conbroker/conbroker/rpc/protocol"
)

const (
	// keys is how many keystrokes are timed, think the pause of the person between them.
	keys  = 500
	think = 3 * time.Millisecond
	// lists is how many times session/list is timed, floods how many consoles pour out meanwhile.
	lists  = 200
	floods = 64
)

// echo measures the time from a keystroke to its echo: through a broker, in-band and by attach, against a bare terminal.
func (b *bench) echo(ctx context.Context) error {
	p, err := pty.Start(ctx, pty.Command{Argv: []string{"/bin/sh"}, Env: os.Environ(), Size: consoles.Size{Cols: 80, Rows: 24}})
	if err != nil {
		return err
	}
	defer p.Close()
	bare, err := strokes(p)
	if err != nil {
		return err
	}
	c, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	k, err := b.attached(ctx, c)
	if err != nil {
		return err
	}
	inBand, err := strokes(k)
	if err != nil {
		return err
	}
	attach, err := b.attachStrokes(ctx, c)
	if err != nil {
		return err
	}
	row("keystroke echo p50, in-band / bare pty", quantile(inBand, 0.5, time.Microsecond), quantile(bare, 0.5, time.Microsecond), "us")
	row("keystroke echo p99, in-band / bare pty", quantile(inBand, 0.99, time.Microsecond), quantile(bare, 0.99, time.Microsecond), "us")
	row("keystroke echo p50, attach / bare pty", quantile(attach, 0.5, time.Microsecond), quantile(bare, 0.5, time.Microsecond), "us")
	row("keystroke echo p99, attach / bare pty", quantile(attach, 0.99, time.Microsecond), quantile(bare, 0.99, time.Microsecond), "us")
	return nil
}

// attachStrokes times keystrokes through the attach command.
func (b *bench) attachStrokes(ctx context.Context, c *client.Client) ([]time.Duration, error) {
	opened, err := shell(ctx, c)
	if err != nil {
		return nil, err
	}
	attach := exec.CommandContext(ctx, opened.Attach[0], opened.Attach[1:]...)
	in, err := attach.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := attach.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := attach.Start(); err != nil {
		return nil, err
	}
	times, err := strokes(struct {
		io.Reader
		io.Writer
	}{out, in})
	return times, errors.Join(err, attach.Process.Kill(), ignoreKilled(attach.Wait()))
}

// strokes has the shell run cat on its raw terminal, which sends back each byte, and times them one by one.
func strokes(rw io.ReadWriter) ([]time.Duration, error) {
	if _, err := io.WriteString(rw, "stty raw -echo; printf BEGIN-%d- 4711; exec cat\r"); err != nil {
		return nil, err
	}
	buffer := make([]byte, 1)
	if err := until(rw, buffer, begin); err != nil {
		return nil, err
	}
	times := make([]time.Duration, keys)
	for i := range times {
		time.Sleep(think)
		started := time.Now()
		if _, err := rw.Write([]byte{'a'}); err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(rw, buffer); err != nil {
			return nil, err
		}
		times[i] = time.Since(started)
	}
	return times, nil
}

// listUnderFlood measures session/list on a connection that is full of console output, against the same on an idle one.
func (b *bench) listUnderFlood(ctx context.Context) error {
	c, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	idle, idleControl, err := listTimes(ctx, c)
	if err != nil {
		return err
	}
	for range floods {
		k, err := b.attached(ctx, c)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(k, "exec yes the log goes on and on\r"); err != nil {
			return err
		}
		go drain(k)
	}
	flooded, control, err := listTimes(ctx, c)
	if err != nil {
		return err
	}
	row("console/list p50, 64 floods / idle", quantile(control, 0.5, time.Millisecond), quantile(idleControl, 0.5, time.Millisecond), "ms")
	row("console/list p99, 64 floods / idle", quantile(control, 0.99, time.Millisecond), quantile(idleControl, 0.99, time.Millisecond), "ms")
	row("session/list p50, 64 floods / idle", quantile(flooded, 0.5, time.Millisecond), quantile(idle, 0.5, time.Millisecond), "ms")
	row("session/list p99, 64 floods / idle", quantile(flooded, 0.99, time.Millisecond), quantile(idle, 0.99, time.Millisecond), "ms")
	return nil
}

// listTimes times session/list, which asks the host, and console/list, which the broker answers from memory.
func listTimes(ctx context.Context, c *client.Client) (sessions, consoles []time.Duration, err error) {
	for range lists {
		started := time.Now()
		if _, err := c.SessionList(ctx, &protocol.SessionListParams{Types: []string{"QEMU"}}); err != nil {
			return nil, nil, err
		}
		sessions = append(sessions, time.Since(started))
		started = time.Now()
		if _, err := c.ConsoleList(ctx, &protocol.Empty{}); err != nil {
			return nil, nil, err
		}
		consoles = append(consoles, time.Since(started))
	}
	return sessions, consoles, nil
}

// drain reads until the connection ends.
func drain(r io.Reader) {
	_, err := io.Copy(io.Discard, r)
	_ = err // of a connection that was closed
}
