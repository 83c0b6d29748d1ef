package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/conbroker/conbroker/consoles"
	"github.com/conbroker/conbroker/consoles/pty"
	"github.com/conbroker/conbroker/rpc/client"
	"github.com/conbroker/conbroker/rpc/protocol"
)

const (
	// volume is what flows in one measurement, in bytes; rounds is how often it is taken, the best counts.
	volume = 64 << 20
	rounds = 3
)

// begin and end enclose the volume. The shell computes them, so that the echo of the command holds neither.
const (
	begin = "BEGIN-4711-"
	end   = "END-4711-"
)

// throughput measures the way of bytes from a console's terminal to a reader: by the attach command and in-band, against reading
// the terminal directly.
func (b *bench) throughput(ctx context.Context) error {
	file := filepath.Join(b.dir, "volume")
	line := "the quick brown fox jumps over the lazy dog, and the log goes on and on... \r\n"
	if err := os.WriteFile(file, bytes.Repeat([]byte(line), volume/len(line)), 0o600); err != nil {
		return err
	}
	command := fmt.Sprintf("stty raw -echo; printf BEGIN-%%d- 4711; cat %s; printf END-%%d- 4711\r", file)
	var bare, attach, inBand float64
	for range rounds {
		for _, m := range []struct {
			best *float64
			run  func(context.Context, string) (float64, error)
		}{{&bare, b.bareBytes}, {&attach, b.attachBytes}, {&inBand, b.inBandBytes}} {
			rate, err := m.run(ctx, command)
			if err != nil {
				return err
			}
			*m.best = max(*m.best, rate)
		}
	}
	row("bytes through attach / bare pty", attach, bare, "MB/s")
	row("bytes in-band (base64) / bare pty", inBand, bare, "MB/s")
	return nil
}

// bareBytes reads the volume from a shell on a pty.
func (b *bench) bareBytes(ctx context.Context, command string) (float64, error) {
	p, err := pty.Start(ctx, pty.Command{Argv: []string{"/bin/sh"}, Env: os.Environ(), Size: consoles.Size{Cols: 80, Rows: 24}})
	if err != nil {
		return 0, err
	}
	defer p.Close()
	if _, err := io.WriteString(p, command); err != nil {
		return 0, err
	}
	return rate(p)
}

// attachBytes reads it from "conbroker attach".
func (b *bench) attachBytes(ctx context.Context, command string) (float64, error) {
	c, err := b.open(ctx)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	opened, err := shell(ctx, c)
	if err != nil {
		return 0, err
	}
	attach := exec.CommandContext(ctx, opened.Attach[0], opened.Attach[1:]...)
	in, err := attach.StdinPipe()
	if err != nil {
		return 0, err
	}
	out, err := attach.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := attach.Start(); err != nil {
		return 0, err
	}
	if _, err := io.WriteString(in, command); err != nil {
		return 0, err
	}
	result, err := rate(out)
	return result, errors.Join(err, attach.Process.Kill(), ignoreKilled(attach.Wait()))
}

// ignoreKilled drops the error of a process that was killed on purpose.
func ignoreKilled(err error) error {
	if _, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil
	}
	return err
}

// inBandBytes reads it as console/output.
func (b *bench) inBandBytes(ctx context.Context, command string) (float64, error) {
	c, err := b.open(ctx)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	k, err := b.attached(ctx, c)
	if err != nil {
		return 0, err
	}
	if _, err := io.WriteString(k, command); err != nil {
		return 0, err
	}
	return rate(k)
}

// attached opens a shell and attaches to it in-band.
func (b *bench) attached(ctx context.Context, c *client.Client) (*client.Console, error) {
	opened, err := shell(ctx, c)
	if err != nil {
		return nil, err
	}
	return c.Attach(ctx, protocol.ConsoleAttachParams{Console: opened.Console, Window: 1 << 20, Replay: protocol.ReplayNone})
}

// rate reads from begin to end and returns MB (10^6 bytes) per second. A byte that is missing is an error.
func rate(r io.Reader) (float64, error) {
	buffer := make([]byte, 256<<10)
	if err := until(r, buffer, begin); err != nil {
		return 0, err
	}
	started := time.Now()
	total, tail := 0, []byte{}
	for {
		n, err := r.Read(buffer)
		total += n
		tail = append(tail, buffer[:n]...)
		if i := bytes.Index(tail, []byte(end)); i >= 0 {
			total -= len(tail) - i
			break
		}
		tail = tail[max(0, len(tail)-len(end)):]
		if err != nil {
			return 0, fmt.Errorf("after %d bytes: %w", total, err)
		}
	}
	line := 78
	if want := volume / line * line; total < want-line || total > want+line {
		return 0, fmt.Errorf("%d bytes came, want about %d", total, want)
	}
	return float64(total) / 1e6 / time.Since(started).Seconds(), nil
}

// until reads one byte at a time up to and including a text.
func until(r io.Reader, buffer []byte, text string) error {
	var seen []byte
	for !bytes.HasSuffix(seen, []byte(text)) {
		n, err := r.Read(buffer[:1])
		if err != nil {
			return err
		}
		seen = append(seen, buffer[:n]...)
	}
	return nil
}
