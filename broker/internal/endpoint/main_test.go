//go:build unix

package endpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// deadline is how long a test waits for what must happen.
const deadline = 30 * time.Second

// roleVariable makes the test binary play a part in a test with real processes.
const roleVariable = "CONBROKER_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "":
		goleak.VerifyTestMain(m)
	case "daemon":
		os.Exit(status(playDaemon()))
	case "client":
		os.Exit(status(playClient()))
	case "broken":
		fmt.Fprintln(os.Stderr, "first line\nconfig.toml:3: unknown key \"hots\"")
		os.Exit(7)
	case "stuck":
		select {}
	}
}

func status(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// playDaemon is a daemon whose sessions send back what they get. It notes its start in the file "starts" and takes
// its idle time from the environment.
func playDaemon() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	p, err := Find(os.Getenv, "")
	if err != nil {
		return err
	}
	after, err := time.ParseDuration(os.Getenv("CONBROKER_TEST_IDLE"))
	if err != nil {
		return err
	}
	l, err := Listen(ctx, p, Options{Hello: own, Idle: NewIdle(after)})
	if err != nil {
		return err
	}
	starts, err := os.OpenFile(filepath.Join(p.Dir, "starts"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(starts, os.Getpid())
	if err = errors.Join(err, starts.Close(), Ready()); err != nil {
		return err
	}
	return errors.Join(Serve(ctx, l, echo), l.Close())
}

// echo sends back what it gets until the client or the daemon is done.
func echo(ctx context.Context, conn net.Conn) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	_, _ = io.Copy(conn, conn) // ends with either side
}

// playClient connects, starting the daemon if need be, has its words sent back, and prints the daemon's process.
func playClient() error {
	p, err := Find(os.Getenv, "")
	if err != nil {
		return err
	}
	conn, peer, err := Connect(context.Background(), p, own, func(ctx context.Context) error {
		return Spawn(ctx, p, testDaemon("daemon"))
	})
	if err != nil {
		return err
	}
	if err := ForwardStdio(context.Background(), conn, strings.NewReader("hello\n"), os.Stdout); err != nil {
		return err
	}
	_, err = fmt.Println(peer.PID)
	return err
}

// own introduces the tests' programs.
var own = Hello{Protocol: 1, Version: "1.2.3", Build: "abc def"}

// testDaemon is the test binary in another role.
func testDaemon(role string) Daemon {
	env := os.Environ()
	env = append(env, roleVariable+"="+role)
	if os.Getenv("CONBROKER_TEST_IDLE") == "" {
		env = append(env, "CONBROKER_TEST_IDLE=1m")
	}
	return Daemon{Argv: []string{os.Args[0]}, Env: env}
}

// newPlace is a place of the test's own, in a directory with a blank.
func newPlace(t *testing.T) Place {
	t.Helper()
	base, err := os.MkdirTemp("/tmp", "cb")
	ok(t, err)
	t.Cleanup(func() { ok(t, os.RemoveAll(base)) })
	t.Setenv("CONBROKER_RUNTIME_DIR", base+"/my run")
	p, err := Find(os.Getenv, "")
	ok(t, err)
	return p
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(deadline)
	for !holds() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// serving is a daemon inside the test.
type serving struct {
	l      *Listener
	cancel context.CancelFunc
	ended  chan error
}

// serve runs a daemon at the place; stop ends it.
func serve(t *testing.T, p Place, o Options, handle func(context.Context, net.Conn)) *serving {
	t.Helper()
	l, err := Listen(t.Context(), p, o)
	ok(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	s := &serving{l: l, cancel: cancel, ended: make(chan error, 1)}
	go func() { s.ended <- errors.Join(Serve(ctx, l, handle), l.Close()) }()
	return s
}

func (s *serving) stop(t *testing.T) {
	t.Helper()
	s.cancel()
	s.wait(t)
}

func (s *serving) wait(t *testing.T) {
	t.Helper()
	select {
	case err := <-s.ended:
		ok(t, err)
	case <-time.After(deadline):
		t.Fatal("the daemon does not end")
	}
	s.cancel()
}
