//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/conbroker/conbroker/broker/internal/endpoint"
	"github.com/conbroker/conbroker/consoles"
	"github.com/conbroker/conbroker/consoles/pty"
)

// waitLimit bounds every wait of the tests.
const waitLimit = 30 * time.Second

// user is somebody with a home and a daemon of their own, at a terminal.
type user struct {
	t       *testing.T
	program string
	env     []string
	place   endpoint.Place
}

func newUser(t *testing.T) *user {
	t.Helper()
	dir, err := os.MkdirTemp("", "cb") // short, for the sockets
	if err != nil {
		t.Fatal(err)
	}
	u := &user{t: t, program: filepath.Join(dir, "conbroker")}
	copyProgram(t, u.program)
	run, home := filepath.Join(dir, "run"), filepath.Join(dir, "my home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		t.Fatal(err)
	}
	u.env = append(os.Environ(), "HOME="+home, "CONBROKER_RUNTIME_DIR="+run, "XDG_CONFIG_HOME="+home, "XDG_STATE_HOME="+home,
		"GORACE=atexit_sleep_ms=0", "TERM=xterm", "INSIDE_EMACS=", "PS1=$ ", "ENV=", "SHELL=/bin/sh", "PATH="+dir+":"+os.Getenv("PATH"))
	u.place, err = endpoint.Find(func(name string) string {
		return map[string]string{"CONBROKER_RUNTIME_DIR": run}[name]
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		u.endDaemon()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return u
}

// copyProgram makes the test binary callable by the program's name.
func copyProgram(t *testing.T, to string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if os.Link(self, to) == nil {
		return
	}
	data, err := os.ReadFile(self)
	if err == nil {
		err = os.WriteFile(to, data, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// endDaemon ends the daemon and waits until nobody answers.
func (u *user) endDaemon() {
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	peer, err := endpoint.Probe(ctx, u.place)
	if errors.Is(err, endpoint.ErrAbsent) {
		return
	}
	if err == nil {
		err = syscall.Kill(peer.PID, syscall.SIGTERM)
	}
	if err != nil {
		u.t.Errorf("end the daemon: %v", err)
		return
	}
	u.until("the daemon has ended", func() bool {
		_, err := endpoint.Probe(ctx, u.place)
		_, left := os.Stat(u.place.Attach)
		return errors.Is(err, endpoint.ErrAbsent) && errors.Is(left, os.ErrNotExist)
	})
}

// until waits for a state that no event tells.
func (u *user) until(what string, reached func() bool) {
	u.t.Helper()
	deadline := time.NewTimer(waitLimit)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !reached() {
		select {
		case <-tick.C:
		case <-deadline.C:
			u.t.Fatalf("not within %v: %s", waitLimit, what)
		}
	}
}

// run runs the program without a terminal and returns what it printed.
func (u *user) run(args ...string) string {
	u.t.Helper()
	cmd := exec.Command(u.program, args...)
	cmd.Env = u.env
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		u.t.Fatalf("conbroker %q: %v: %s", args, err, &errs)
	}
	return string(out)
}

// window is a terminal in which a shell script runs.
type window struct {
	u    *user
	p    *pty.Process
	mu   sync.Mutex
	seen bytes.Buffer
	more chan struct{}
	end  chan struct{}
}

// window opens a terminal with a script.
func (u *user) window(script string) *window {
	u.t.Helper()
	p, err := pty.Start(context.Background(), pty.Command{
		Argv: []string{"/bin/sh", "-c", script}, Env: u.env, Size: consoles.Size{Cols: 91, Rows: 27},
	})
	if err != nil {
		u.t.Fatal(err)
	}
	w := &window{u: u, p: p, more: make(chan struct{}, 1), end: make(chan struct{})}
	go w.watch()
	u.t.Cleanup(func() {
		if err := p.Close(); err != nil {
			u.t.Error(err)
		}
		<-w.end
	})
	return w
}

func (w *window) watch() {
	defer close(w.end)
	buf := make([]byte, 4096)
	for {
		n, err := w.p.Read(buf)
		w.mu.Lock()
		w.seen.Write(buf[:n])
		w.mu.Unlock()
		select {
		case w.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// wait waits until the window has shown text, and returns all that it showed.
func (w *window) wait(text string) string {
	w.u.t.Helper()
	deadline := time.NewTimer(waitLimit)
	defer deadline.Stop()
	for {
		w.mu.Lock()
		seen := w.seen.String()
		w.mu.Unlock()
		if strings.Contains(seen, text) {
			return seen
		}
		select {
		case <-w.more:
		case <-deadline.C:
			w.u.t.Fatalf("%q was not shown; the window shows %q", text, seen)
		}
	}
}

func (w *window) keys(text string) {
	w.u.t.Helper()
	if _, err := io.WriteString(w.p, text); err != nil {
		w.u.t.Fatal(err)
	}
}

// surrounded is a script that prints the state of the terminal before and after a command.
func surrounded(command string) string {
	return "trap : INT; stty -g; " + command + `; echo "code $?"; stty -g; echo "all $((1))"`
}

// restored checks that the terminal is as before, and returns all that was shown.
func (w *window) restored() string {
	w.u.t.Helper()
	seen := w.wait("all 1\r\n")
	before, _, _ := strings.Cut(seen, "\r\n")
	if strings.Count(seen, before) != 2 {
		w.u.t.Errorf("the terminal was not restored to %q: %q", before, seen)
	}
	return seen
}

func TestOpenAttachLeaveAndComeBack(t *testing.T) {
	u := newUser(t)
	first := u.window(surrounded("conbroker open @localhost"))
	first.keys("echo size $(stty size)\r")
	first.wait("size 27 91")
	if err := first.p.Resize(consoles.Size{Cols: 120, Rows: 40}); err != nil {
		t.Fatal(err)
	}
	u.until("the console has the new size", func() bool {
		return strings.Contains(u.run("call", "console/list"), `"size":{"cols":120,"rows":40}`)
	})
	first.keys("kept=$((6*7))\recho now $(stty size)\r")
	first.wait("now 40 120")
	first.keys("\x1d")
	if seen := first.restored(); !strings.Contains(seen, "[detached from localhost; it runs on]") || !strings.Contains(seen, "code 0") {
		t.Errorf("leaving shows %q", seen)
	}

	second := u.window(surrounded("conbroker attach localhost"))
	second.wait("now 40 120") // the screen as it was left
	second.keys("echo kept $kept; exit 5\r")
	second.wait("kept 42")
	if seen := second.restored(); !strings.Contains(seen, "localhost has ended") || !strings.Contains(seen, "code 5") {
		t.Errorf("the end of the shell shows %q", seen)
	}
}

func TestAttachWatchesAndTakesOver(t *testing.T) {
	u := newUser(t)
	writer := u.window(surrounded("conbroker open @localhost"))
	writer.keys("echo begun $((1+1))\r")
	writer.wait("begun 2")
	refused := u.window(surrounded("conbroker attach localhost"))
	if seen := refused.restored(); !strings.Contains(seen, "--takeover") || !strings.Contains(seen, "code 1") {
		t.Errorf("a second writer got %q", seen)
	}
	watcher := u.window(surrounded("conbroker attach --read-only localhost"))
	watcher.wait("begun 2")
	watcher.keys("echo typed by a watcher\r\x1d")
	watcher.restored()
	taker := u.window(surrounded("conbroker attach --takeover localhost"))
	writer.wait("has taken over; you are watching")
	taker.keys("echo taken $((2+2))\r")
	taker.wait("taken 4")
	seen := writer.wait("taken 4")
	if strings.Contains(seen, "typed by a watcher") {
		t.Errorf("a watcher typed: %q", seen)
	}
	writer.keys("\x1d")
	writer.restored()
	taker.keys("exit\r")
	taker.restored()
}

func TestEscapeCharacterIsConfigurable(t *testing.T) {
	u := newUser(t)
	w := u.window(surrounded("conbroker open @localhost --escape=^A"))
	w.keys("echo ready $((3+3))\r")
	w.wait("ready 6")
	w.keys("\x01")
	w.restored()

	u.env = append(u.env, "INSIDE_EMACS=28.2,term:0.96")
	emacs := u.window(surrounded("conbroker attach localhost"))
	emacs.wait("ready 6")
	emacs.keys("\x1d\x15printf '\\033]52;c;eA==\\007filtered %d\\n' $((4+4))\r")
	if seen := emacs.wait("filtered 8"); strings.Contains(seen, "\x1b]") {
		t.Errorf("the clipboard sequence was shown: %q", seen)
	}
	emacs.keys("exit\r")
	emacs.restored()
}

func TestKilledTerminalLeavesTheConsole(t *testing.T) {
	u := newUser(t)
	w := u.window("conbroker open @localhost")
	w.keys("echo alive $((5+5))\r")
	w.wait("alive 10")
	if err := w.p.Close(); err != nil { // the window is closed: SIGHUP
		t.Fatal(err)
	}
	u.until("it is detached", func() bool {
		list := u.run("call", "console/list")
		return strings.Contains(list, `"state":"open"`) && strings.Contains(list, `"attachments":0`)
	})
	again := u.window(surrounded("conbroker attach localhost"))
	again.wait("alive 10")
	again.keys("exit\r")
	again.restored()
}

func TestInterruptCancelsTheRequest(t *testing.T) {
	u := newUser(t)
	opened := u.run("call", "console/open", `{"kind":"host","host":"localhost"}`)
	_, rest, _ := strings.Cut(opened, `"console":"`)
	key, _, _ := strings.Cut(rest, `"`)
	w := u.window(surrounded("conbroker call console/expect '{\"console\":\"" + key + "\",\"pattern\":\"never\",\"timeout\":300}'"))
	u.until("the request is under way", func() bool {
		return strings.Contains(u.run("call", "broker/status"), `"client":"conbroker","inFlight":1,"queuedBytes":0,"attachments":0},{`)
	})
	w.keys("\x03")
	if seen := w.restored(); !strings.Contains(seen, "interrupted; the request was cancelled") || !strings.Contains(seen, "code 1") {
		t.Errorf("^C shows %q", seen)
	}
}

func TestProgressIsOneLineOnATerminal(t *testing.T) {
	u := newUser(t)
	w := u.window("cd \"$HOME\"; conbroker create nobody; echo; conbroker create nobody 2>errors; echo over$?; cat errors; echo all $((1))")
	seen := w.wait("all 1\r\n")
	if !strings.Contains(seen, "\r\x1b[KCreate label:nobody") || !strings.Contains(seen, "\r\x1b[Kconbroker: nobody: ") {
		t.Errorf("the progress shows %q", seen)
	}
	if before, after, _ := strings.Cut(seen, "over1"); strings.Contains(after, "\x1b[K") || strings.Count(before, "Create label:nobody") != 1 {
		t.Errorf("there is progress without a terminal: %q", seen)
	}
}

func TestSecretIsAskedWithoutEcho(t *testing.T) {
	u := newUser(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	u.env = append(u.env, "ASK="+self)
	// Standard input and output are no terminal, as in a pipe.
	w := u.window(surrounded(askVariable + `=Password: "$ASK" </dev/null >"$HOME/answer"; cat "$HOME/answer"; ` + askVariable + `=Name: "$ASK" </dev/null`))
	w.wait("anna@lab00?[2J: Password: ")
	w.keys("hunter2\r")
	w.wait("answered 7 bytes, <nil>")
	w.wait("anna@lab00?[2J: Name: ")
	w.keys("anna2\r")
	w.wait("answered 5 bytes, <nil>")
	if seen := w.restored(); strings.Contains(seen, "hunter2") || !strings.Contains(seen, "anna2") {
		t.Errorf("the window shows %q", seen)
	}
}
