//go:build unix

package hosttest

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

// Run checks what every Host does alike. open makes a new host of the same kind each time; it must lead to this computer and
// this user, because files are compared.
func Run(t *testing.T, open func() host.Host) {
	for _, test := range []struct {
		name string
		f    func(t *testing.T, h host.Host)
	}{
		{"Result", testResult}, {"Arguments", testArguments}, {"Refusals", testRefusals}, {"Limit", testLimit},
		{"LargeOutput", testLargeOutput}, {"Stdin", testStdin}, {"Parallel", testParallel}, {"ContextKills", testContextKills},
		{"LeavesRunning", testLeavesRunning}, {"Terminal", testTerminal}, {"TerminalSize", testTerminalSize},
		{"TerminalClose", testTerminalClose}, {"TerminalRefusals", testTerminalRefusals}, {"LoginShell", testLoginShell},
		{"Dial", testDial}, {"Files", testFiles}, {"Scan", testScan}, {"Environment", testEnvironment},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := open()
			t.Cleanup(func() {
				if err := h.Close(); err != nil {
					t.Errorf("close the host: %v", err)
				}
			})
			test.f(t, h)
		})
	}
	t.Run("Close", func(t *testing.T) { testClose(t, open()) })
}

// Shell is a command that runs a script with parameters.
func Shell(script string, args ...string) host.Command {
	return host.Command{Argv: append([]string{"sh", "-c", script, "sh"}, args...)}
}

func testResult(t *testing.T, h host.Host) {
	dir := t.TempDir()
	c := Shell(`pwd; printf '%s|' "$@"; printf "$GREETING" >&2; cat; exit 3`, "a b", "", "it's")
	c.Dir, c.Env, c.Stdin = dir, []string{"GREETING=hello it's"}, strings.NewReader("typed")
	got, err := h.Run(t.Context(), c)
	want := host.Result{Stdout: []byte(dir + "\na b||it's|typed"), Stderr: []byte("hello it's"), ExitCode: 3}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got, err := h.Run(t.Context(), Shell("kill -9 $$")); err != nil || got.ExitCode != 137 {
		t.Errorf("killed by itself: %+v, %v", got, err)
	}
	if got, err := h.Run(t.Context(), Shell("cat")); err != nil || got.ExitCode != 0 || len(got.Stdout) != 0 {
		t.Errorf("without input: %+v, %v", got, err)
	}
}

func testArguments(t *testing.T, h host.Host) {
	args := []string{
		"", " ", "a  b", "\n", "a\nb\n", "\t", "\r", `\`, `\\`, `\n`, `'`, `"`, "`id`", "$(id)", "$HOME", "!", "a!b", "!!", "*", "?", "[a]", "~",
		"{a,b}", "-n", "--", ";", "&", "|", "<x", ">x", "#", "%s", `\0101`, "\x01\x7f", "äöü€", "\xff\xfe", "(", ")", "=", "^", "trailing\\",
		strings.Repeat("long ", 3000), `'\''`, `\'`, `a'b\c"d`,
	}
	got, err := h.Run(t.Context(), Shell(`for a; do printf '%s\0' "$a"; done`, args...))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(args, strings.Split(strings.TrimSuffix(string(got.Stdout), "\x00"), "\x00")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", got.Stderr, diff)
	}
}

func testRefusals(t *testing.T, h host.Host) {
	dir := t.TempDir()
	must(t, os.WriteFile(dir+"/data", []byte("no program"), 0o644))
	tests := []struct {
		name string
		c    host.Command
		want error
	}{
		{"not in PATH", host.Command{Argv: []string{"conbroker-no-such-tool"}}, host.ErrNotInstalled},
		{"no such path", host.Command{Argv: []string{dir + "/none"}}, host.ErrNotInstalled},
		{"not executable", host.Command{Argv: []string{dir + "/data"}}, host.ErrPermission},
		{"no directory", host.Command{Argv: []string{"true"}, Dir: dir + "/none"}, host.ErrFileNotFound},
		{"a file as directory", host.Command{Argv: []string{"true"}, Dir: dir + "/data"}, nil},
		{"empty", host.Command{}, nil},
		{"NUL", host.Command{Argv: []string{"true", "a\x00b"}}, nil},
		{"environment", host.Command{Argv: []string{"true"}, Env: []string{"nothing"}}, nil},
	}
	for _, tt := range tests {
		_, err := h.Run(t.Context(), tt.c)
		var way *host.Error
		if !errors.As(err, &way) || way.Host != h.Name() || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	if got, err := h.Run(t.Context(), Shell("exit 127")); err != nil || got.ExitCode != 127 {
		t.Errorf("a command that ends with 127: %+v, %v", got, err)
	}
}

func testLimit(t *testing.T, h host.Host) {
	c := Shell("head -c 3000000 /dev/zero; head -c 10 /dev/zero >&2")
	c.Limit = 1000
	got, err := h.Run(t.Context(), c)
	if err != nil || len(got.Stdout) != 1000 || len(got.Stderr) != 10 || !got.Truncated || got.ExitCode != 0 {
		t.Errorf("%d and %d bytes, truncated %v, status %d, %v", len(got.Stdout), len(got.Stderr), got.Truncated, got.ExitCode, err)
	}
}

func testLargeOutput(t *testing.T, h host.Host) {
	const lines = 300000
	got, err := h.Run(t.Context(), Shell(fmt.Sprintf(`i=1; seq -w 1 %d; seq -w 1 1000 >&2; exit 9`, lines)))
	if err != nil || got.ExitCode != 9 || got.Truncated {
		t.Fatalf("status %d, truncated %v, %v", got.ExitCode, got.Truncated, err)
	}
	if n := strings.Count(string(got.Stdout), "\n"); n != lines || !strings.HasSuffix(string(got.Stdout), "\n300000\n") {
		t.Errorf("%d lines", n)
	}
	if n := strings.Count(string(got.Stderr), "\n"); n != 1000 {
		t.Errorf("%d lines of errors", n)
	}
}

func testStdin(t *testing.T, h host.Host) {
	c := Shell("head -c 1 >/dev/null; exit 4")
	c.Stdin = strings.NewReader(strings.Repeat("x", 8<<20))
	if got, err := h.Run(t.Context(), c); err != nil || got.ExitCode != 4 {
		t.Errorf("a command that reads a part: %+v, %v", got, err)
	}
	text := strings.Repeat("0123456789abcdef", 200000)
	c = Shell("cat")
	c.Stdin = strings.NewReader(text)
	if got, err := h.Run(t.Context(), c); err != nil || string(got.Stdout) != text {
		t.Errorf("%d of %d bytes came back, %v", len(got.Stdout), len(text), err)
	}
}

func testParallel(t *testing.T, h host.Host) {
	const n = 30
	results := make(chan string, n)
	for i := range n {
		go func() {
			got, err := h.Run(t.Context(), Shell(`printf %s "$1"`, strconv.Itoa(i)))
			results <- fmt.Sprint(string(got.Stdout), err)
		}()
	}
	seen := make(map[string]bool)
	for range n {
		seen[<-results] = true
	}
	for i := range n {
		if !seen[fmt.Sprint(i, nil)] && !seen[strconv.Itoa(i)+"<nil>"] {
			t.Errorf("command %d is missing in %v", i, seen)
		}
	}
}

func testContextKills(t *testing.T, h host.Host) {
	pids := filepath.Join(t.TempDir(), "pids")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := h.Run(ctx, Shell(`sh -c 'trap "" TERM HUP; echo $$ >>"$1"; sleep 1000 & echo $! >>"$1"; wait' sh "$1" & wait`, pids))
		ended <- err
	}()
	Eventually(t, "two children", func() bool { return len(readPids(t, pids)) == 2 })
	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(Deadline):
		t.Fatal("the end of the context did not end the command")
	}
	for _, pid := range readPids(t, pids) {
		Eventually(t, fmt.Sprintf("process %d to end", pid), func() bool { return !Runs(pid) })
	}
	if _, err := h.Run(ctx, Shell("true")); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}

func testLeavesRunning(t *testing.T, h host.Host) {
	begin := time.Now()
	got, err := h.Run(t.Context(), Shell("sleep 1000 & echo $!"))
	if err != nil || time.Since(begin) > Deadline {
		t.Fatalf("%v after %v", err, time.Since(begin))
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(got.Stdout)))
	must(t, err)
	if !Runs(pid) {
		t.Error("what the command left running was killed")
	}
	must(t, syscall.Kill(pid, syscall.SIGKILL))
}

func testFiles(t *testing.T, h host.Host) {
	dir := t.TempDir()
	path := dir + "/it's a file"
	content := "x\x00\nsection data\nend\n\xff"
	must(t, host.WriteFile(t.Context(), h, path, []byte(content), 0o640))
	if got, err := host.ReadFile(t.Context(), h, path, 0); err != nil || string(got) != content {
		t.Errorf("%q, %v", got, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := host.ReadFile(t.Context(), h, dir+"/none", 0); !errors.Is(err, host.ErrFileNotFound) {
		t.Errorf("no such file: %v", err)
	}
	must(t, host.Remove(t.Context(), h, path, dir+"/none"))
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("removed: %v", err)
	}
}

func testScan(t *testing.T, h host.Host) {
	dir := t.TempDir()
	must(t, os.MkdirAll(dir+"/a b/$(id)", 0o755))
	must(t, os.WriteFile(dir+"/a b/$(id)/x!y.toml", []byte("one"), 0o644))
	must(t, os.WriteFile(dir+"/a b/two\nlines.toml", []byte("two"), 0o644))
	files, problems, err := host.Scan(t.Context(), h, host.ScanOptions{Roots: []string{dir}, Suffixes: []string{".toml"}})
	want := []host.File{{Path: dir + "/a b/$(id)/x!y.toml", Data: []byte("one")}, {Path: dir + "/a b/two\nlines.toml", Data: []byte("two")}}
	if diff := cmp.Diff(want, files); diff != "" || err != nil || len(problems) != 0 {
		t.Errorf("%v, %v (-want +got):\n%s", err, problems, diff)
	}
}

func testEnvironment(t *testing.T, h host.Host) {
	e, err := host.ReadEnvironment(t.Context(), h)
	if err != nil || e.UID != os.Getuid() || e.Home == "" || e.BootID == "" || e.System == "" {
		t.Errorf("%+v, %v", e, err)
	}
}

func testClose(t *testing.T, h host.Host) {
	s, err := h.Start(t.Context(), Shell(`echo ready; exec sleep 1000`), host.Terminal{})
	must(t, err)
	Expect(t, s, "ready")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	c, err := h.Dial(t.Context(), "tcp", l.Addr().String())
	must(t, err)
	pids := filepath.Join(t.TempDir(), "pids")
	ran := make(chan error, 1)
	go func() {
		_, err := h.Run(t.Context(), Shell(`echo $$ >"$1"; exec sleep 1000`, pids))
		ran <- err
	}()
	Eventually(t, "the command to run", func() bool { return len(readPids(t, pids)) == 1 })
	must(t, h.Close())
	if err := <-ran; err == nil {
		t.Error("a closed host ran a command to its end")
	}
	Eventually(t, "the command to end", func() bool { return !Runs(readPids(t, pids)[0]) })
	if _, err := io.Copy(io.Discard, s); err != nil {
		t.Errorf("the terminal after the host's end: %v", err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the connection goes on")
	}
	_, runErr := h.Run(t.Context(), Shell("true"))
	_, startErr := h.Start(t.Context(), Shell("true"), host.Terminal{})
	for what, err := range map[string]error{"run": runErr, "start": startErr} {
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s on a closed host: %v", what, err)
		}
	}
	if err := errors.Join(s.Close(), h.Close()); err != nil {
		t.Errorf("closed again: %v", err)
	}
}

// Runs reports whether a process is there and is not a zombie that has yet to be reaped.
func Runs(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return syscall.Kill(pid, 0) == nil && !errors.Is(err, os.ErrNotExist)
	}
	return !strings.Contains(string(stat), ") Z ")
}

func readPids(t *testing.T, path string) (pids []int) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, field := range strings.Fields(string(data)) {
		pid, err := strconv.Atoi(field)
		must(t, err)
		pids = append(pids, pid)
	}
	return pids
}
