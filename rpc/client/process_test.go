package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/conbroker/conbroker/rpc"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// processMode is the environment variable that makes the test binary a broker.
const processMode = "CONBROKER_FAKE_BROKER"

// runFakeProcess is the main function of that broker.
func runFakeProcess(mode string) int {
	switch mode {
	case "die":
		fmt.Fprintln(os.Stderr, "first line")
		fmt.Fprintln(os.Stderr, "\x1b[31mno such host")
		return 3
	case "hang":
		io.Copy(io.Discard, os.Stdin)
		select {}
	}
	conn := rpc.NewConn(context.Background(), rpc.Stdio(os.Stdin, os.Stdout), rpc.Options{Handler: newFakeBroker(), Ordered: protocol.IsOrdered})
	if err := conn.Wait(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func TestStart(t *testing.T) {
	t.Setenv(processMode, "serve")
	c, err := Start(t.Context(), []string{os.Args[0]}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Server().ProtocolVersion != protocol.Version {
		t.Errorf("server: %+v", c.Server())
	}
	if err := c.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if state := c.process.cmd.ProcessState; state == nil || !state.Success() {
		t.Errorf("the process ended as %v", state)
	}
}

func TestStartOfWhatDies(t *testing.T) {
	t.Setenv(processMode, "die")
	_, err := Start(t.Context(), []string{os.Args[0]}, Options{})
	if err == nil || !strings.Contains(err.Error(), "exit status 3: it said: first line;  [31mno such host") {
		t.Errorf("start: %q", err)
	}
}

func TestStartRefuses(t *testing.T) {
	if _, err := Start(t.Context(), nil, Options{}); err == nil {
		t.Error("an empty command was started")
	}
	_, err := Start(t.Context(), []string{"no-such-broker"}, Options{})
	if !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("start: %v", err)
	}
}

func TestProcessIsKilled(t *testing.T) {
	t.Setenv(processMode, "hang")
	cmd := exec.Command(os.Args[0])
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	err := (&process{cmd: cmd, patience: time.Millisecond}).wait()
	if err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("wait: %v", err)
	}
	if cmd.ProcessState == nil {
		t.Error("the process was not waited for")
	}
}

func TestTail(t *testing.T) {
	var s tail
	fmt.Fprint(&s, strings.Repeat("x", 3*maxStderr))
	fmt.Fprint(&s, "\nlast\xff line\a\n")
	if got := s.lines(); len(got) > maxStderr+20 || !strings.HasSuffix(got, "; last line") {
		t.Errorf("%d bytes, the end is %q", len(got), got[len(got)-20:])
	}
	if got := new(tail).lines(); got != "" {
		t.Errorf("nothing said: %q", got)
	}
}
