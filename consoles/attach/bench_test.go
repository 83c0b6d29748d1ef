package attach

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/conbroker/conbroker/consoles"
	"github.com/conbroker/conbroker/consoles/pty"
)

// benchSize is what one round of the throughput benchmarks carries.
const benchSize = 32 << 20

// flood starts a program that prints benchSize bytes of log lines on a pty, as cat would.
func flood(b *testing.B) *pty.Process {
	b.Helper()
	const script = `stty raw; yes "$(printf '%079d' 7)" | head -c "$0"`
	p, err := pty.Start(context.Background(), pty.Command{Argv: []string{"sh", "-c", script, "33554432"}})
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// BenchmarkBarePty reads a pty in a loop: the most that any way to a console can do.
func BenchmarkBarePty(b *testing.B) {
	b.SetBytes(benchSize)
	for b.Loop() {
		p := flood(b)
		n, err := io.Copy(io.Discard, onlyReader{p})
		if err != nil || n != benchSize {
			b.Fatalf("read %d bytes: %v", n, err)
		}
		p.Wait()
		p.Close()
	}
}

// BenchmarkPtyThroughAttach carries the same through a console, the socket and a client.
func BenchmarkPtyThroughAttach(b *testing.B) {
	hub := consoles.NewHub(consoles.Options{Scrollback: benchSize + 1<<20})
	defer hub.Close()
	socket := benchServer(b, hub)
	b.SetBytes(benchSize)
	for b.Loop() {
		con, err := hub.Open(consoles.Spec{ID: "c1"}, flood(b))
		if err != nil {
			b.Fatal(err)
		}
		c, err := Dial(context.Background(), socket, Hello{Console: "c1", Replay: consoles.ReplayRaw})
		if err != nil {
			b.Fatal(err)
		}
		if n := drain(b, c); n != benchSize {
			b.Fatalf("%d bytes came", n)
		}
		c.Close()
		con.Close()
	}
}

// BenchmarkEchoThroughAttach measures one byte to a guest that echoes it and back.
func BenchmarkEchoThroughAttach(b *testing.B) {
	hub := consoles.NewHub(consoles.Options{})
	defer hub.Close()
	socket := benchServer(b, hub)
	g := newGuest()
	if _, err := hub.Open(consoles.Spec{ID: "c1"}, g); err != nil {
		b.Fatal(err)
	}
	go io.Copy(g.output, g.input)
	c, err := Dial(context.Background(), socket, Hello{Console: "c1", Replay: consoles.ReplayNone})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	for b.Loop() {
		if err := c.Input([]byte("x")); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Next(); err != nil {
			b.Fatal(err)
		}
	}
}

// onlyReader hides other methods, so that io.Copy reads with its own buffer.
type onlyReader struct{ io.Reader }

// drain reads to the exit and returns the bytes of output.
func drain(b *testing.B, c *Client) (n int64) {
	b.Helper()
	for {
		ev, err := c.Next()
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			b.Fatal(err)
		}
		if ev.Kind == Output {
			n += int64(len(ev.Data))
		}
	}
}

// benchServer serves hub on a socket until the benchmark ends.
func benchServer(b *testing.B, hub *consoles.Hub) string {
	b.Helper()
	dir, err := os.MkdirTemp("", "attach")
	if err != nil {
		b.Fatal(err)
	}
	socket := filepath.Join(dir, "a")
	l, err := net.Listen("unix", socket)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- (&Server{Hub: hub}).Serve(ctx, l) }()
	b.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			b.Error(err)
		}
		os.RemoveAll(dir)
	})
	return socket
}
