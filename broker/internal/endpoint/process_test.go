//go:build unix

package endpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// endDaemon ends a daemon process and waits until it has given its lock back.
func endDaemon(t *testing.T, p Place, pid int, sig syscall.Signal) {
	t.Helper()
	ok(t, syscall.Kill(pid, sig))
	eventually(t, "the daemon to end", func() bool { return !isHeld(p.Lock) })
}

func starts(t *testing.T, p Place) []string {
	t.Helper()
	data, err := os.ReadFile(p.Dir + "/starts")
	ok(t, err)
	return strings.Fields(string(data))
}

func TestManyClientsStartOneDaemon(t *testing.T) {
	p := newPlace(t)
	const clients = 20
	outputs := make([]string, clients)
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			d := testDaemon("client")
			cmd := exec.Command(d.Argv[0])
			cmd.Env = d.Env
			out, err := cmd.CombinedOutput()
			outputs[i] = string(out)
			if err != nil {
				outputs[i] += err.Error()
			}
		})
	}
	all.Wait()
	pids := starts(t, p)
	if len(pids) != 1 {
		t.Errorf("%d daemons were started: %v", len(pids), pids)
	}
	for i, out := range outputs {
		if want := "hello\n" + pids[0] + "\n"; out != want {
			t.Errorf("client %d said %q, want %q", i, out, want)
		}
	}
	pid, err := strconv.Atoi(pids[0])
	ok(t, err)
	endDaemon(t, p, pid, syscall.SIGTERM)
	if _, err := os.Stat(p.Socket); err == nil {
		t.Error("the daemon left its socket")
	}
}

// connect connects from within the test, starting a real daemon if need be.
func connect(t *testing.T, p Place) *Conn {
	t.Helper()
	conn, _, err := Connect(t.Context(), p, own, func(ctx context.Context) error { return Spawn(ctx, p, testDaemon("daemon")) })
	ok(t, err)
	return conn.(*Conn)
}

func TestDaemonIsStartedAgainAfterItsDeath(t *testing.T) {
	p := newPlace(t)
	conn := connect(t, p)
	first := conn.Peer().PID
	var out bytes.Buffer
	stdin, typing := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- ForwardStdio(t.Context(), conn, stdin, &out) }()
	if _, err := io.WriteString(typing, "x"); err != nil {
		t.Fatal(err)
	}
	endDaemon(t, p, first, syscall.SIGKILL)
	var died *DiedError
	if err := <-ended; !errors.As(err, &died) || died.PID != first || strings.Contains(err.Error(), "\n") {
		t.Errorf("the daemon's death was told as %v", err)
	}
	ok(t, typing.Close())
	if _, err := os.Stat(p.Socket); err != nil {
		t.Fatalf("the test wants a stale socket: %v", err)
	}
	conn = connect(t, p)
	if second := conn.Peer().PID; second == first || len(starts(t, p)) != 2 {
		t.Errorf("connected to process %d after %d; starts: %v", second, first, starts(t, p))
	}
	pid := conn.Peer().PID
	ok(t, conn.Close())
	endDaemon(t, p, pid, syscall.SIGTERM)
}

func TestIdleDaemonEnds(t *testing.T) {
	p := newPlace(t)
	t.Setenv("CONBROKER_TEST_IDLE", "50ms")
	conn := connect(t, p)
	if _, err := io.WriteString(conn, "still here"); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 10)); err != nil {
		t.Error(err)
	}
	if !isHeld(p.Lock) {
		t.Error("the daemon ended with a client")
	}
	ok(t, conn.Close())
	eventually(t, "the idle daemon to end", func() bool { return !isHeld(p.Lock) })
}

func TestDaemonThatDoesNotStartSaysWhy(t *testing.T) {
	p := newPlace(t)
	ok(t, os.WriteFile(p.Log, bytes.Repeat([]byte("old line\n"), 200_000), 0o600))
	err := Spawn(t.Context(), p, testDaemon("broken"))
	var start *StartError
	if !errors.As(err, &start) || !strings.Contains(err.Error(), `unknown key "hots"`) || !strings.Contains(err.Error(), "exit status 7") {
		t.Errorf("%v", err)
	}
	if strings.Contains(start.Said, "old line") {
		t.Errorf("it repeats what an earlier daemon said: %q", start.Said)
	}
	info, statErr := os.Stat(p.Log)
	ok(t, statErr)
	if info.Size() > maxLog || info.Mode() != 0o600 {
		t.Errorf("the log has %d bytes, mode %v", info.Size(), info.Mode())
	}
	_, _, err = Connect(t.Context(), p, own, func(ctx context.Context) error { return Spawn(ctx, p, testDaemon("broken")) })
	if !errors.As(err, &start) {
		t.Errorf("connect: %v", err)
	}
	if err := Spawn(t.Context(), p, Daemon{Argv: []string{"/no/such/program"}}); !errors.As(err, &start) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing program: %v", err)
	}
}

func TestDaemonThatIsNeverReadyIsKilled(t *testing.T) {
	p := newPlace(t)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	stuck := testDaemon("stuck")
	stuck.Argv = append(stuck.Argv, "known by "+p.Dir)
	err := Spawn(ctx, p, stuck)
	var start *StartError
	if !errors.As(err, &start) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	out, err := exec.Command("ps", "-A", "-w", "-w", "-o", "args=").Output()
	ok(t, err)
	if strings.Contains(string(out), stuck.Argv[1]) {
		t.Error("it was left running")
	}
}

func TestRivalDaemonIsUsed(t *testing.T) {
	p := newPlace(t)
	var rival *serving
	conn, peer, err := Connect(t.Context(), p, own, func(ctx context.Context) error {
		rival = serve(t, p, Options{Hello: own}, echo) // somebody starts one by hand at this moment
		return Spawn(ctx, p, testDaemon("daemon"))
	})
	ok(t, err)
	if peer.PID != os.Getpid() {
		t.Errorf("connected to %+v", peer)
	}
	ok(t, conn.Close())
	rival.stop(t)
}

func TestReadyWithoutAStarter(t *testing.T) {
	ok(t, Ready())
	for _, value := range []string{"x", "1", "-3", "99999"} {
		t.Setenv(readyVariable, value)
		if err := Ready(); err == nil {
			t.Errorf("%s=%s was taken", readyVariable, value)
		}
		if got := os.Getenv(readyVariable); got != "" {
			t.Errorf("the variable is still %q", got)
		}
	}
}

func TestForwardStdioHalfClose(t *testing.T) {
	p := newPlace(t)
	s := serve(t, p, Options{Hello: own}, func(_ context.Context, conn net.Conn) {
		data, err := io.ReadAll(conn)
		_, _ = fmt.Fprintf(conn, "%d bytes, %v", len(data), err)
	})
	conn, _, err := Dial(t.Context(), p, own)
	ok(t, err)
	var out bytes.Buffer
	ok(t, ForwardStdio(t.Context(), conn, strings.NewReader(strings.Repeat("x", 1<<20)), &out))
	if out.String() != "1048576 bytes, <nil>" {
		t.Errorf("after the end of stdin came %q", out.String())
	}
	s.stop(t)
}

func TestForwardStdioEnds(t *testing.T) {
	p := newPlace(t)
	s := serve(t, p, Options{Hello: own}, func(ctx context.Context, conn net.Conn) {
		_, _ = io.WriteString(conn, "bye")
	})
	stdin, typing := io.Pipe()
	conn, _, err := Dial(t.Context(), p, own)
	ok(t, err)
	var out bytes.Buffer
	if err := ForwardStdio(t.Context(), conn, stdin, &out); err != nil || out.String() != "bye" {
		t.Errorf("the daemon ended the session: %q, %v", out.String(), err)
	}
	conn, _, err = Dial(t.Context(), p, own)
	ok(t, err)
	if err := ForwardStdio(t.Context(), conn, stdin, brokenWriter{}); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("the frontend went: %v", err)
	}
	s.stop(t)
	s = serve(t, p, Options{Hello: own}, echo)
	conn, _, err = Dial(t.Context(), p, own)
	ok(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := ForwardStdio(ctx, conn, stdin, &out); !errors.Is(err, context.Canceled) {
		t.Errorf("the context ended: %v", err)
	}
	ok(t, typing.Close())
	s.stop(t)
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, syscall.EPIPE }
