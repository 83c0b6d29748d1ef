package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/conbroker/conbroker/consoles"
	"github.com/conbroker/conbroker/consoles/attach"
)

// childSocket, when set in the environment, makes the test binary run Run on its
// standard files, as "conbroker attach" does; childMode holds words that change how.
const (
	childSocket = "TERMINAL_TEST_SOCKET"
	childMode   = "TERMINAL_TEST_MODE"
)

func TestMain(m *testing.M) {
	if socket := os.Getenv(childSocket); socket != "" {
		os.Exit(runChild(socket, os.Getenv(childMode)))
	}
	goleak.VerifyTestMain(m)
}

func runChild(socket, mode string) int {
	ctx := context.Background()
	hello := attach.Hello{Console: "c1", Client: "child", Replay: consoles.ReplayNone}
	if strings.Contains(mode, "watch") {
		hello.Mode = consoles.Read
	}
	c, err := attach.Dial(ctx, socket, hello)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 99
	}
	o := Options{Client: c, In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Dialect: DialectXterm, Escape: ']' - '@'}
	o.DetachOnEOF = strings.Contains(mode, "eof")
	if strings.Contains(mode, "panic") {
		o.Err = panicWriter{}
	}
	code, err := Run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
	}
	return code
}

// panicWriter stands for a fault in the midst of a session.
type panicWriter struct{}

func (panicWriter) Write([]byte) (int, error) { panic("fault in the midst of a session") }

// guest is the far end of a console: a stream in memory.
type guest struct {
	toHub   *io.PipeReader
	output  *io.PipeWriter // the guest prints here
	input   *io.PipeReader // what was typed arrives here
	fromHub *io.PipeWriter
	sizes   chan consoles.Size
	exit    consoles.ExitStatus
}

func newGuest() *guest {
	g := &guest{sizes: make(chan consoles.Size, 16)}
	g.toHub, g.output = io.Pipe()
	g.input, g.fromHub = io.Pipe()
	return g
}

func (g *guest) Read(p []byte) (int, error)  { return g.toHub.Read(p) }
func (g *guest) Write(p []byte) (int, error) { return g.fromHub.Write(p) }
func (g *guest) Wait() consoles.ExitStatus   { return g.exit }

func (g *guest) Resize(s consoles.Size) error {
	g.sizes <- s
	return nil
}

func (g *guest) Close() error {
	return errors.Join(g.toHub.Close(), g.output.Close(), g.fromHub.Close(), g.input.Close())
}
