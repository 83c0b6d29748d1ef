//go:build unix

package pty_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/conbroker/conbroker/consoles"
	"github.com/conbroker/conbroker/consoles/pty"
)

// own is the role "owner" of the test binary.
func own() {
	p, err := pty.Start(context.Background(), pty.Command{Argv: []string{"sh", "-c", "while :; do sleep 1; done"}})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	fmt.Println(p.Pid())
	io.Copy(io.Discard, p)
}

// start runs argv on a pty and closes it at the end of the test.
func start(t *testing.T, env []string, argv ...string) *pty.Process {
	t.Helper()
	p, err := pty.Start(t.Context(), pty.Command{Argv: argv, Env: append(os.Environ(), env...)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// playing runs the test binary in a role.
func playing(t *testing.T, r string) *pty.Process {
	t.Helper()
	return start(t, []string{role + "=" + r}, os.Args[0])
}

// readUntil reads until the output holds want.
func readUntil(t *testing.T, r io.Reader, want string) string {
	t.Helper()
	var got []byte
	buf := make([]byte, 4096)
	for !bytes.Contains(got, []byte(want)) {
		n, err := r.Read(buf)
		got = append(got, buf[:n]...)
		if err != nil {
			t.Fatalf("read: %v; wanted %q, got %q", err, want, got)
		}
	}
	return string(got)
}

// within fails the test if fn takes longer than d.
func within(t *testing.T, d time.Duration, what string, fn func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { fn(); close(done) }()
	select {
	case <-done:
	case <-time.After(d):
		t.Fatalf("%s takes longer than %v", what, d)
	}
}

func TestNothingLostAfterExit(t *testing.T) {
	const size = 300_000
	for round := range 5 {
		p := playing(t, "print:"+strconv.Itoa(size))
		// Reading starts late: the command is blocked on a full terminal by then.
		got, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		want := bytes.ReplaceAll(pattern(size), []byte("\n"), []byte("\r\n"))
		if !bytes.Equal(got, want) {
			t.Fatalf("round %d: got %d bytes, want %d", round, len(got), len(want))
		}
		if diff := cmp.Diff(consoles.ExitStatus{Reason: "exited with status 0"}, p.Wait()); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestLastWordsAreRead(t *testing.T) {
	p := start(t, nil, "sh", "-c", "printf last; exit 3")
	waitExit(t, p.Pid())
	got, err := io.ReadAll(p)
	if err != nil || string(got) != "last" {
		t.Fatalf("got %q, %v", got, err)
	}
}

// waitExit waits until process pid has gone; it has been reaped then.
func waitExit(t *testing.T, pid int) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for syscall.Kill(pid, 0) == nil {
		if time.Now().After(deadline) {
			t.Fatalf("process %d still runs", pid)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestExitStatus(t *testing.T) {
	for _, tt := range []struct {
		script string
		want   consoles.ExitStatus
	}{
		{"exit 0", consoles.ExitStatus{Reason: "exited with status 0"}},
		{"exit 7", consoles.ExitStatus{Code: 7, Reason: "exited with status 7"}},
		{"kill -TERM $$", consoles.ExitStatus{Code: 143, Signal: "SIGTERM", Reason: "killed by SIGTERM"}},
		{"kill -KILL $$", consoles.ExitStatus{Code: 137, Signal: "SIGKILL", Reason: "killed by SIGKILL"}},
	} {
		p := start(t, nil, "sh", "-c", tt.script)
		if _, err := io.Copy(io.Discard, p); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, p.Wait()); diff != "" {
			t.Errorf("%s: %s", tt.script, diff)
		}
	}
}

func TestTerminal(t *testing.T) {
	p, err := pty.Start(t.Context(), pty.Command{
		Argv: []string{"sh", "-c", `trap 'echo "winch $(stty size)"' WINCH; echo "size $(stty size) in $(pwd) X=$X"; while :; do read l; echo "got $l"; done`},
		Dir:  "/", Env: []string{"X=1", "PATH=" + os.Getenv("PATH")}, Size: consoles.Size{Cols: 101, Rows: 33},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	readUntil(t, p, "size 33 101 in / X=1\r\n")
	if _, err := p.Write([]byte("hello\n")); err != nil {
		t.Fatal(err)
	}
	readUntil(t, p, "got hello\r\n")
	if err := p.Resize(consoles.Size{Cols: 5000, Rows: 50}); err != nil {
		t.Fatal(err)
	}
	// Some shells run the trap only after the read.
	if _, err := p.Write([]byte("more\n")); err != nil {
		t.Fatal(err)
	}
	readUntil(t, p, "winch 50 1000\r\n")
}

func TestControllingTerminal(t *testing.T) {
	p := start(t, nil, "sh", "-c", "echo to the terminal >/dev/tty; ps -o sid=,pgid= -p $$")
	got := strings.Fields(readUntil(t, p, "to the terminal\r\n"))
	rest, err := io.ReadAll(p)
	if err != nil {
		t.Fatal(err)
	}
	got = strings.Fields(strings.Join(got[3:], " ") + string(rest))
	pid := strconv.Itoa(p.Pid())
	if diff := cmp.Diff([]string{pid, pid}, got); diff != "" {
		t.Fatal(diff)
	}
}

func TestCloseUnblocksReadAndEndsProcess(t *testing.T) {
	p := start(t, nil, "sleep", "1000")
	read := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, p)
		read <- err
	}()
	within(t, 10*time.Second, "Close", func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if err := <-read; err != nil {
			t.Error(err)
		}
	})
	if diff := cmp.Diff("SIGHUP", p.Wait().Signal); diff != "" {
		t.Error(diff)
	}
	waitExit(t, p.Pid())
}

func TestCloseKillsTheDeaf(t *testing.T) {
	p := playing(t, "deaf")
	readUntil(t, p, "deaf")
	within(t, 10*time.Second, "Close", func() { p.Close() })
	if diff := cmp.Diff("SIGKILL", p.Wait().Signal); diff != "" {
		t.Error(diff)
	}
}

func TestCloseEndsForegroundJob(t *testing.T) {
	p := start(t, nil, "sh", "-c", "set -m; sh -c 'echo pid $$; trap \"\" HUP; while :; do sleep 1; done'")
	out := readUntil(t, p, "\r\n")
	pid, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(out, "pid ")))
	if err != nil {
		t.Fatal(err)
	}
	within(t, 10*time.Second, "Close", func() { p.Close() })
	// The job is not our child: it is gone or a zombie of the init process.
	deadline := time.Now().Add(10 * time.Second)
	for runs(pid) {
		if time.Now().After(deadline) {
			t.Fatalf("job %d still runs", pid)
		}
		time.Sleep(time.Millisecond)
	}
}

// runs reports whether process pid exists and is no zombie.
func runs(pid int) bool {
	out, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(out)), "Z")
}

func TestCloseUnblocksWrite(t *testing.T) {
	p := start(t, nil, "sh", "-c", "stty raw -echo; echo ready; sleep 1000")
	readUntil(t, p, "ready")
	wrote := make(chan error, 1)
	go func() {
		_, err := p.Write(make([]byte, 1<<20))
		wrote <- err
	}()
	within(t, 10*time.Second, "Close", func() {
		p.Close()
		if err := <-wrote; err == nil {
			t.Error("a write that nobody read has succeeded")
		}
	})
}

func TestGrandchildHoldsTerminal(t *testing.T) {
	p := start(t, nil, "sh", "-c", "(trap '' HUP; sleep 1000) & echo $!; exit 4")
	out := readUntil(t, p, "\r\n")
	pid, err := strconv.Atoi(strings.TrimSpace(out))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(pid, syscall.SIGKILL)
	within(t, 10*time.Second, "reading to the end", func() {
		if _, err := io.Copy(io.Discard, p); err != nil {
			t.Error(err)
		}
	})
	if diff := cmp.Diff(4, p.Wait().Code); diff != "" {
		t.Error(diff)
	}
}

func TestGrandchildFloods(t *testing.T) {
	p := start(t, nil, "sh", "-c", "trap '' HUP; yes & echo $!; exit 0")
	defer p.Close() // ends yes: its terminal is gone
	within(t, 20*time.Second, "reading to the end", func() {
		if _, err := io.Copy(io.Discard, p); err != nil {
			t.Error(err)
		}
	})
}

func TestWaitEndsProcessWithoutTerminal(t *testing.T) {
	p := start(t, nil, "sh", "-c", "exec </dev/null >/dev/null 2>&1; trap '' HUP; sleep 1000 </dev/null & wait")
	if _, err := io.Copy(io.Discard, p); err != nil {
		t.Fatal(err)
	}
	within(t, 20*time.Second, "Wait", func() {
		if got := p.Wait(); got.Signal == "" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestStartErrors(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name string
		ctx  context.Context
		cmd  pty.Command
		want string
	}{
		{"empty", t.Context(), pty.Command{}, "the command is empty"},
		{"unknown", t.Context(), pty.Command{Argv: []string{"no-such-command"}}, `start "no-such-command" on a pty:`},
		{"directory", t.Context(), pty.Command{Argv: []string{"true"}, Dir: "/no/such/dir"}, "no such file or directory"},
		{"cancelled", ended, pty.Command{Argv: []string{"true"}}, "context canceled"},
	} {
		p, err := pty.Start(tt.ctx, tt.cmd)
		if err == nil {
			p.Close()
			t.Errorf("%s: it started", tt.name)
		} else if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %q, want %q in it", tt.name, err, tt.want)
		}
	}
}

// The death of the broker ends its shells, by the hangup of their terminals.
func TestOwnerKilled(t *testing.T) {
	owner := exec.Command(os.Args[0])
	owner.Env = append(os.Environ(), role+"=owner")
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	line := readUntil(t, out, "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	owner.Wait()
	deadline := time.Now().Add(10 * time.Second)
	for runs(pid) {
		if time.Now().After(deadline) {
			t.Fatalf("shell %d has survived its owner", pid)
		}
		time.Sleep(time.Millisecond)
	}
}
