//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/conbroker/conbroker/broker/internal/endpoint"
)

// scriptWait bounds every wait of the tests.
const scriptWait = 30 * time.Second

// runTests runs the tests with this program as a command of scripts.
func runTests(m *testing.M) { testscript.Main(m, map[string]func(){"conbroker": main}) }

// TestScripts runs every script twice: with a broker in each process, and with the daemon.
func TestScripts(t *testing.T) {
	for name, remote := range map[string]string{"stdio": "off", "daemon": "auto"} {
		t.Run(name, func(t *testing.T) {
			testscript.Run(t, testscript.Params{
				Dir:       "testdata/script",
				Setup:     func(e *testscript.Env) error { return setUp(e, remote) },
				Cmds:      map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
				Condition: condition(remote),
			})
		})
	}
}

// setUp gives a script a home with a blank in its name and directories of its own, and sees at its end that no daemon is left.
func setUp(e *testscript.Env, remote string) error {
	run, err := os.MkdirTemp("", "cb") // short, for the sockets
	if err != nil {
		return err
	}
	home := filepath.Join(e.WorkDir, "my home")
	for _, dir := range []string{"config/conbroker", "state"} {
		if err := os.MkdirAll(filepath.Join(home, dir), 0o700); err != nil {
			return err
		}
	}
	guest, err := filepath.Abs("../../../testdata/guest/machine.sh")
	if err != nil {
		return err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	e.Vars = append(e.Vars, "HOME="+home, "REMOTE="+remote, "CONBROKER_RUNTIME_DIR="+run, "XDG_CONFIG_HOME="+home+"/config",
		"GORACE=atexit_sleep_ms=0", "XDG_STATE_HOME="+home+"/state", "CONFIG="+home+"/config/conbroker", "MACHINE_SH="+guest, "XDG_CACHE_HOME="+cache)
	e.Defer(func() {
		if err := errors.Join(endGuests(e), endDaemon(run, remote == "auto"), os.RemoveAll(run)); err != nil {
			e.T().Fatal(err)
		}
	})
	return nil
}

// endGuests stops the machines that a script has started and left running because it failed.
func endGuests(e *testscript.Env) error {
	program, err := exec.LookPath("conbroker")
	if err != nil {
		return err
	}
	// In a script about a broken configuration this one has none.
	cmd := exec.Command(program, "--remote=off", "cancel", "--all", "--timeout=0")
	cmd.Env = append(e.Vars, "XDG_CONFIG_HOME="+e.WorkDir)
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("stop what was left running: %w: %s", err, said)
	}
	return nil
}

// endDaemon ends the daemon that a script has started, and waits until it has given its place up.
func endDaemon(run string, expected bool) error {
	place, err := endpoint.Find(func(name string) string {
		if name == "CONBROKER_RUNTIME_DIR" {
			return run
		}
		return ""
	}, "")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), scriptWait)
	defer cancel()
	peer, err := endpoint.Probe(ctx, place)
	if errors.Is(err, endpoint.ErrAbsent) {
		return nil
	}
	if err != nil {
		return err
	}
	if !expected {
		err = errors.New("a daemon was started although --remote=off was given")
	}
	return errors.Join(err, syscall.Kill(peer.PID, syscall.SIGTERM), goneWithin(ctx, peer.PID))
}

// goneWithin waits for the end of a process that is no child.
func goneWithin(ctx context.Context, pid int) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for syscall.Kill(pid, 0) == nil && !zombie(pid) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("process %d does not end", pid)
		}
	}
	return nil
}

// zombie reports whether a process has ended and nobody has asked how, as with a daemon in a container without init.
func zombie(pid int) bool {
	state, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.HasPrefix(string(state), "Z")
}

// exits is the script command "exits CODE PROGRAM ARG...": the program must end with that exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// condition makes the words daemon and stdio known to scripts.
func condition(remote string) func(string) (bool, error) {
	return func(word string) (bool, error) {
		switch word {
		case "daemon":
			return remote == "auto", nil
		case "stdio":
			return remote == "off", nil
		}
		return false, fmt.Errorf("unknown condition %q", word)
	}
}
