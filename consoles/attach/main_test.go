package attach

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/conbroker/conbroker/consoles"
)

// childSocket, when set in the environment, makes the test binary a client of
// that socket that types a line and then waits to be killed.
const childSocket = "ATTACH_TEST_CHILD_SOCKET"

// patience bounds every wait of the tests.
const patience = 20 * time.Second

func TestMain(m *testing.M) {
	if socket := os.Getenv(childSocket); socket != "" {
		runChild(socket)
	}
	goleak.VerifyTestMain(m)
}

// runChild attaches, types "here\n" and reads until it is killed.
func runChild(socket string) {
	c, err := Dial(context.Background(), socket, Hello{Console: "c1", Client: "child"})
	if err != nil {
		os.Exit(3)
	}
	if err := c.Input([]byte("here\n")); err != nil {
		os.Exit(4)
	}
	for {
		if _, err := c.Next(); err != nil {
			os.Exit(5)
		}
	}
}

// guest is the far end of a console: a stream in memory.
type guest struct {
	toHub    *io.PipeReader
	output   *io.PipeWriter // the guest prints here
	input    *io.PipeReader // what was typed arrives here
	fromHub  *io.PipeWriter
	exit     consoles.ExitStatus
	resizedC chan consoles.Size
}

func newGuest() *guest {
	g := &guest{resizedC: make(chan consoles.Size, 16)}
	g.toHub, g.output = io.Pipe()
	g.input, g.fromHub = io.Pipe()
	return g
}

func (g *guest) Read(p []byte) (int, error)  { return g.toHub.Read(p) }
func (g *guest) Write(p []byte) (int, error) { return g.fromHub.Write(p) }

func (g *guest) Close() error {
	g.toHub.Close()
	g.output.Close()
	g.fromHub.Close()
	return g.input.Close()
}

func (g *guest) Resize(s consoles.Size) error {
	g.resizedC <- s
	return nil
}

func (g *guest) Wait() consoles.ExitStatus { return g.exit }

// breakGuest is a guest whose line knows a break.
type breakGuest struct {
	*guest
	broken chan struct{}
}

func (b breakGuest) Break(context.Context) error {
	b.broken <- struct{}{}
	return nil
}

// fixture is a server with one console, c1, labelled tst100.
type fixture struct {
	t      *testing.T
	hub    *consoles.Hub
	con    *consoles.Console
	guest  *guest
	socket string
}

func newFixture(t *testing.T, o consoles.Options) *fixture {
	t.Helper()
	g := newGuest()
	return serve(t, o, g, g)
}

// serve starts a server with console c1 on s.
func serve(t *testing.T, o consoles.Options, g *guest, s consoles.Stream) *fixture {
	t.Helper()
	hub := consoles.NewHub(o)
	con, err := hub.Open(consoles.Spec{ID: "c1", Label: "tst100"}, s)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "attach") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, hub: hub, con: con, guest: g, socket: filepath.Join(dir, "a")}
	l, err := net.Listen("unix", f.socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- (&Server{Hub: hub}).Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
		if err := hub.Close(); err != nil {
			t.Errorf("close hub: %v", err)
		}
		os.RemoveAll(dir)
	})
	return f
}

// dial attaches, or fails the test.
func (f *fixture) dial(h Hello) *Client {
	f.t.Helper()
	c, err := f.tryDial(h)
	if err != nil {
		f.t.Fatalf("attach: %v", err)
	}
	f.t.Cleanup(func() { c.Close() })
	return c
}

func (f *fixture) tryDial(h Hello) (*Client, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if h.Console == "" {
		h.Console = "c1"
	}
	c, err := Dial(ctx, f.socket, h)
	if err == nil {
		err = c.conn.SetReadDeadline(time.Now().Add(patience))
	}
	return c, err
}

// print makes the guest print s.
func (f *fixture) print(s string) {
	f.t.Helper()
	if _, err := io.WriteString(f.guest.output, s); err != nil {
		f.t.Fatalf("guest prints: %v", err)
	}
}

// typed reads what was typed into the guest, n bytes.
func (f *fixture) typed(n int) string {
	f.t.Helper()
	buf := make([]byte, n)
	if _, err := io.ReadFull(f.guest.input, buf); err != nil {
		f.t.Fatalf("guest reads: %v", err)
	}
	return string(buf)
}

// until polls cond, which has no event to wait for, up to a deadline.
func (f *fixture) until(what string, cond func() bool) {
	f.t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		if time.Now().After(deadline) {
			f.t.Fatalf("%s: not within %v", what, patience)
		}
		<-tick.C
	}
}

// next returns the next event of that kind and drops the others.
func next(t *testing.T, c *Client, kind EventKind) Event {
	t.Helper()
	for {
		ev, err := c.Next()
		if err != nil {
			t.Fatalf("waiting for %s: %v", kind, err)
		}
		if ev.Kind == kind {
			return ev
		}
	}
}

// readOutput collects n bytes of the stream.
func readOutput(t *testing.T, c *Client, n int) string {
	t.Helper()
	var got []byte
	for len(got) < n {
		got = append(got, next(t, c, Output).Data...)
	}
	return string(got)
}
