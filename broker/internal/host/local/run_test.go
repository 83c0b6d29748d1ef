//go:build unix

package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/conbroker/conbroker/broker/internal/host"
)

func shell(script string, args ...string) host.Command {
	return host.Command{Argv: append([]string{"sh", "-c", script, "sh"}, args...)}
}

func TestRunReturnsWhatTheCommandLeft(t *testing.T) {
	h := newHost(t)
	dir := t.TempDir()
	c := shell(`pwd; printf '%s|' "$@"; printf "$GREETING" >&2; cat; exit 3`, "a b", "", "it's")
	c.Dir, c.Env, c.Stdin = dir, []string{"GREETING=hello"}, strings.NewReader("typed")
	got, err := h.Run(t.Context(), c)
	want := host.Result{Stdout: []byte(dir + "\na b||it's|typed"), Stderr: []byte("hello"), ExitCode: 3}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got, err := h.Run(t.Context(), shell("kill -9 $$")); err != nil || got.ExitCode != 137 {
		t.Errorf("killed by itself: %+v, %v", got, err)
	}
}

func TestRunRefusals(t *testing.T) {
	h := newHost(t)
	dir := t.TempDir()
	writeFile(t, dir+"/data", "no program")
	tests := []struct {
		name string
		c    host.Command
		want error
	}{
		{"not in PATH", host.Command{Argv: []string{"conbroker-no-such-tool"}}, host.ErrNotInstalled},
		{"no such path", host.Command{Argv: []string{dir + "/none"}}, host.ErrNotInstalled},
		{"not executable", host.Command{Argv: []string{dir + "/data"}}, host.ErrPermission},
		{"no directory", host.Command{Argv: []string{"true"}, Dir: dir + "/none"}, host.ErrFileNotFound},
		{"empty", host.Command{}, nil},
		{"NUL", host.Command{Argv: []string{"true", "a\x00b"}}, nil},
		{"environment", host.Command{Argv: []string{"true"}, Env: []string{"nothing"}}, nil},
	}
	for _, tt := range tests {
		_, err := h.Run(t.Context(), tt.c)
		var way *host.Error
		if !errors.As(err, &way) || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestRunBoundsTheOutput(t *testing.T) {
	h := newHost(t)
	c := shell("head -c 3000000 /dev/zero; head -c 10 /dev/zero >&2")
	c.Limit = 1000
	got, err := h.Run(t.Context(), c)
	if err != nil || len(got.Stdout) != 1000 || len(got.Stderr) != 10 || !got.Truncated || got.ExitCode != 0 {
		t.Errorf("%d and %d bytes, truncated %v, status %d, %v", len(got.Stdout), len(got.Stderr), got.Truncated, got.ExitCode, err)
	}
}

func TestRunKillsTheCommandWithItsChildren(t *testing.T) {
	for _, how := range []string{"context", "close"} {
		h := New(Options{})
		pids := filepath.Join(t.TempDir(), "pids")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		go func() {
			_, err := h.Run(ctx, shell(`sh -c 'trap "" TERM HUP; echo $$ >>"$1"; sleep 1000 & echo $! >>"$1"; wait' sh "$1" & wait`, pids))
			ended <- err
		}()
		eventually(t, "two children", func() bool { return len(readPIDs(t, pids)) == 2 })
		if how == "context" {
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("ended with %v", err)
			}
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if how == "close" && <-ended == nil {
			t.Error("a closed host ran a command to its end")
		}
		for _, pid := range readPIDs(t, pids) {
			eventually(t, fmt.Sprintf("process %d to end", pid), func() bool { return !runs(pid) })
		}
		if _, err := h.Run(t.Context(), shell("true")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("run on a closed host: %v", err)
		}
	}
}

// runs reports whether a process is there and is not a zombie that init has yet to reap.
func runs(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return syscall.Kill(pid, 0) == nil && !errors.Is(err, os.ErrNotExist)
	}
	return !strings.Contains(string(stat), ") Z ")
}

func readPIDs(t *testing.T, path string) (pids []int) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, field := range strings.Fields(string(data)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

func TestRunDoesNotWaitForWhatACommandLeavesRunning(t *testing.T) {
	h := newHost(t)
	begin := time.Now()
	got, err := h.Run(t.Context(), shell("sleep 1000 & echo $!"))
	if err != nil || time.Since(begin) > deadline {
		t.Fatalf("%v after %v", err, time.Since(begin))
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(got.Stdout)))
	if err != nil {
		t.Fatal(err)
	}
	if !runs(pid) {
		t.Error("what the command left running was killed")
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}

func TestRunLeavesNoZombie(t *testing.T) {
	h := newHost(t)
	for range 20 {
		if _, err := h.Run(t.Context(), shell("exit 1")); err != nil {
			t.Fatal(err)
		}
	}
	got, err := h.Run(t.Context(), host.Command{Argv: []string{"ps", "-A", "-o", "ppid=,stat="}})
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(got.Stdout)) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == strconv.Itoa(os.Getpid()) && strings.HasPrefix(f[1], "Z") {
			t.Errorf("a zombie among the children: %s", line)
		}
	}
}

func TestRunStopsReadingWhenTheCommandDoes(t *testing.T) {
	h := newHost(t)
	c := shell("head -c 1 >/dev/null; exit 4")
	c.Stdin = strings.NewReader(strings.Repeat("x", 1<<20))
	if got, err := h.Run(t.Context(), c); err != nil || got.ExitCode != 4 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestEscalationWrapsTheCommand(t *testing.T) {
	c := host.Command{Argv: []string{"xl", "list", "a b"}, Env: []string{"A=b c"}, Raised: true}
	tests := map[host.Escalation][]string{
		host.EscalationNone: {"xl", "list", "a b"},
		host.EscalationSudo: {"sudo", "-n", "--", "/usr/bin/env", "A=b c", "/usr/sbin/xl", "list", "a b"},
		host.EscalationKsu:  {"ksu", "-q", "-e", "/usr/bin/env", "A=b c", "/usr/sbin/xl", "list", "a b"},
	}
	for e, want := range tests {
		if diff := cmp.Diff(want, e.Wrap("/usr/sbin/xl", c)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", e, diff)
		}
	}
}

func TestStartGivesATerminal(t *testing.T) {
	h := newHost(t)
	s, err := h.Start(t.Context(), shell(`tty; echo $TERM; stty size; exit 5`), host.Terminal{Term: "vt100"})
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(s)
	if err != nil || !strings.Contains(string(out), "vt100\r\n24 80\r\n") || !strings.Contains(string(out), "/dev/") {
		t.Errorf("%q, %v", out, err)
	}
	if got := s.Wait(); got.Code != 5 {
		t.Errorf("ended as %+v", got)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := h.Start(t.Context(), host.Command{Argv: []string{"conbroker-no-such-tool"}}, host.Terminal{}); !errors.Is(err, host.ErrNotInstalled) {
		t.Errorf("a missing program: %v", err)
	}
}

func TestStartRunsALoginShell(t *testing.T) {
	env := map[string]string{"SHELL": "/no/such/shell"}
	h := New(Options{Env: func(n string) string { return env[n] }})
	s, err := h.Start(t.Context(), host.Command{Env: []string{"PS1=$ "}}, host.Terminal{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(s, "echo $((40 + 2)) $0\n"); err != nil {
		t.Fatal(err)
	}
	var seen []byte
	buf := make([]byte, 4096)
	for !strings.Contains(string(seen), "42 /bin/sh") && !strings.Contains(string(seen), "42 -") {
		n, err := s.Read(buf)
		if seen = append(seen, buf[:n]...); err != nil {
			t.Fatalf("after %q: %v", seen, err)
		}
	}
	if err := h.Close(); err != nil { // ends the shell, which nobody closed
		t.Error(err)
	}
	if _, err := io.Copy(io.Discard, s); err != nil {
		t.Errorf("after the host's end: %v", err)
	}
	if _, err := h.Start(t.Context(), shell("true"), host.Terminal{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("start on a closed host: %v", err)
	}
}

func TestDial(t *testing.T) {
	h := newHost(t)
	path := filepath.Join(t.TempDir(), "s")
	for network, address := range map[string]string{"unix": path, "tcp": "127.0.0.1:0"} {
		l, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		c, err := h.Dial(t.Context(), network, l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		peer, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Error(err)
		}
		if b, err := io.ReadAll(peer); err != nil || len(b) != 0 {
			t.Errorf("after the half close: %q, %v", b, err)
		}
		for _, end := range []io.Closer{c, peer, l} {
			if err := end.Close(); err != nil {
				t.Error(err)
			}
		}
		if _, err := h.Dial(t.Context(), network, l.Addr().String()); err == nil {
			t.Error("connected to nobody")
		}
	}
	if _, err := h.Dial(t.Context(), "unix", path+"x"); !errors.Is(err, host.ErrFileNotFound) {
		t.Errorf("no such socket: %v", err)
	}
	if _, err := h.Dial(t.Context(), "udp", "127.0.0.1:1"); err == nil {
		t.Error("udp was dialled")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Dial(ctx, "tcp", "192.0.2.1:9"); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}
