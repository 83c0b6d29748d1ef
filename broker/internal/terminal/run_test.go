//go:build unix

package terminal

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/conbroker/conbroker/consoles"
	"github.com/conbroker/conbroker/consoles/attach"
	"github.com/conbroker/conbroker/consoles/pty"
)

// patience bounds every wait of the tests.
const patience = 20 * time.Second

// bench is a guest behind an attach server.
type bench struct {
	t      *testing.T
	guest  *guest
	con    *consoles.Console
	socket string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	hub := consoles.NewHub(consoles.Options{})
	g := newGuest()
	con, err := hub.Open(consoles.Spec{ID: "c1", Label: "tst100"}, g)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "term") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, guest: g, con: con, socket: filepath.Join(dir, "a")}
	l, err := net.Listen("unix", b.socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- (&attach.Server{Hub: hub}).Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := hub.Close(); err != nil {
			t.Error(err)
		}
		os.RemoveAll(dir)
	})
	return b
}

// env is the environment of a child.
func (b *bench) env(mode string) []string {
	return append(os.Environ(), "GORACE=atexit_sleep_ms=0", childSocket+"="+b.socket, childMode+"="+mode)
}

// screen is a child on a terminal.
type screen struct {
	t    *testing.T
	p    *pty.Process
	mu   sync.Mutex
	seen bytes.Buffer
	more chan struct{}
	end  chan struct{}
}

// start runs argv, or by default a shell that runs a child and then prints the state of its terminal.
func (b *bench) start(mode string) *screen {
	b.t.Helper()
	const script = `stty -g; "$0"; echo "code $?"; stty -g; echo over`
	p, err := pty.Start(context.Background(), pty.Command{
		Argv: []string{"sh", "-c", script, os.Args[0]}, Env: b.env(mode), Size: consoles.Size{Cols: 90, Rows: 25},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	s := &screen{t: b.t, p: p, more: make(chan struct{}, 1), end: make(chan struct{})}
	go s.watch()
	b.t.Cleanup(func() {
		p.Close()
		<-s.end
	})
	return s
}

func (s *screen) watch() {
	defer close(s.end)
	buf := make([]byte, 4096)
	for {
		n, err := s.p.Read(buf)
		s.mu.Lock()
		s.seen.Write(buf[:n])
		s.mu.Unlock()
		select {
		case s.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// wait waits until the terminal has shown text, and returns everything shown.
func (s *screen) wait(text string) string {
	s.t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		s.mu.Lock()
		seen := s.seen.String()
		s.mu.Unlock()
		if strings.Contains(seen, text) {
			return seen
		}
		select {
		case <-s.more:
		case <-timer.C:
			s.t.Fatalf("%q was not shown; the terminal shows %q", text, seen)
		}
	}
}

func (s *screen) typeKeys(keys string) {
	s.t.Helper()
	if _, err := io.WriteString(s.p, keys); err != nil {
		s.t.Fatal(err)
	}
}

// restored checks that the terminal is as it was before the child ran.
func (s *screen) restored() string {
	s.t.Helper()
	seen := s.wait("over")
	before, _, _ := strings.Cut(seen, "\r\n")
	if strings.Count(seen, before) != 2 {
		s.t.Errorf("the terminal was not restored to %q: %q", before, seen)
	}
	return seen
}

// typed reads n bytes that arrive at the guest.
func (b *bench) typed(n int) string {
	b.t.Helper()
	buf := make([]byte, n)
	if _, err := io.ReadFull(b.guest.input, buf); err != nil {
		b.t.Fatal(err)
	}
	return string(buf)
}

func (b *bench) print(text string) {
	b.t.Helper()
	if _, err := io.WriteString(b.guest.output, text); err != nil {
		b.t.Fatal(err)
	}
}

func TestTerminalTypesShowsResizesAndLeaves(t *testing.T) {
	b := newBench(t)
	s := b.start("")
	if got := <-b.guest.sizes; got != (consoles.Size{Cols: 90, Rows: 25}) {
		t.Errorf("first size %v", got)
	}
	b.print("login: \x1b]52;c;eA==\a\x1b[?2004h\x1b[1mbold")
	s.wait("bold")
	s.typeKeys("root\r\x03\x1a\x11") // ^C, ^Z and ^Q go to the guest
	if got := b.typed(8); got != "root\r\x03\x1a\x11" {
		t.Errorf("the guest got %q", got)
	}
	if err := s.p.Resize(consoles.Size{Cols: 120, Rows: 40}); err != nil {
		t.Fatal(err)
	}
	if got := <-b.guest.sizes; got != (consoles.Size{Cols: 120, Rows: 40}) {
		t.Errorf("new size %v", got)
	}
	s.typeKeys("bye\x1d")
	if got := b.typed(3); got != "bye" {
		t.Errorf("before leaving the guest got %q", got)
	}
	seen := s.restored()
	for _, want := range []string{"login: \x1b[?2004h\x1b[1mbold", "\x1b[?2004l\x1b[m\r\n", "[detached from tst100; it runs on]\r\n", "code 0"} {
		if !strings.Contains(seen, want) {
			t.Errorf("the terminal does not show %q: %q", want, seen)
		}
	}
	if b.con.Info().State != consoles.StateOpen {
		t.Error("the console has ended")
	}
}

func TestTerminalEndsWithTheConsole(t *testing.T) {
	b := newBench(t)
	b.guest.exit = consoles.ExitStatus{Code: 3, Reason: "exited with status 3"}
	s := b.start("")
	<-b.guest.sizes
	b.print("last words")
	b.guest.output.Close()
	seen := s.restored()
	for _, want := range []string{"last words", "[tst100 has ended: exited with status 3]\r\n", "code 3"} {
		if !strings.Contains(seen, want) {
			t.Errorf("the terminal does not show %q: %q", want, seen)
		}
	}
}

func TestTerminalWatches(t *testing.T) {
	b := newBench(t)
	s := b.start("watch")
	<-b.guest.sizes
	b.print("hello")
	s.wait("hello")
	s.typeKeys("rm -rf /\r\x03")
	if seen := s.restored(); !strings.Contains(seen, "detached from tst100") {
		t.Errorf("^C did not leave: %q", seen)
	}
	if n := b.con.Info().BytesIn; n != 0 {
		t.Errorf("a watcher typed %d bytes", n)
	}
}

func TestTerminalIsRestoredAfterSignals(t *testing.T) {
	for name, tc := range map[string]struct {
		signal syscall.Signal
		want   string
	}{
		"SIGTERM": {syscall.SIGTERM, "code 143"},
		"SIGHUP":  {syscall.SIGHUP, "code 129"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			s := b.start("")
			<-b.guest.sizes
			b.print("ready")
			s.wait("ready")
			if err := syscall.Kill(childOf(t, s.p.Pid()), tc.signal); err != nil {
				t.Fatal(err)
			}
			if seen := s.restored(); !strings.Contains(seen, tc.want) {
				t.Errorf("%q is not in %q", tc.want, seen)
			}
		})
	}
}

func TestTerminalIsRestoredAfterAPanic(t *testing.T) {
	b := newBench(t)
	s := b.start("panic")
	<-b.guest.sizes
	b.print("ready")
	s.wait("ready")
	other, err := attach.Dial(context.Background(), b.socket, attach.Hello{Console: "c1", Client: "other", Takeover: true})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close() // the child tells its person of the takeover, and that panics
	if seen := s.restored(); !strings.Contains(seen, "fault in the midst") {
		t.Errorf("no panic: %q", seen)
	}
}

func TestTerminalStopsAndGoesOn(t *testing.T) {
	b := newBench(t)
	s := b.start("")
	<-b.guest.sizes
	b.print("ready")
	s.wait("ready")
	child := childOf(t, s.p.Pid())
	for _, sig := range []syscall.Signal{syscall.SIGTSTP, syscall.SIGCONT} {
		if err := syscall.Kill(child, sig); err != nil {
			t.Fatal(err)
		}
		waitState(t, child, map[syscall.Signal]bool{syscall.SIGTSTP: true}[sig])
	}
	b.print("again")
	s.wait("again")
	s.typeKeys("\x03")
	if got := b.typed(1); got != "\x03" {
		t.Errorf("the guest got %q", got)
	}
	s.typeKeys("\x1d")
	s.restored()
}

func TestTypingAheadOfAFrozenGuestDoesNotKeepThePerson(t *testing.T) {
	b := newBench(t)
	s := b.start("")
	<-b.guest.sizes
	b.print("ready")
	s.wait("ready")
	s.typeKeys("nobody reads this\x1d")
	if seen := s.restored(); !strings.Contains(seen, "detached") {
		t.Errorf("not left: %q", seen)
	}
}

func TestPipe(t *testing.T) {
	b := newBench(t)
	child := exec.Command(os.Args[0])
	child.Env = b.env("eof")
	child.Stdin = strings.NewReader("uname\r\x1d") // no terminal: ^] is a byte like others
	var errs bytes.Buffer
	child.Stderr = &errs
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if got := b.typed(7); got != "uname\r\x1d" {
		t.Errorf("the guest got %q", got)
	}
	if _, err := io.Copy(io.Discard, out); err != nil {
		t.Error(err)
	}
	if err := child.Wait(); err != nil || !strings.Contains(errs.String(), "[detached from tst100; it runs on]\n") {
		t.Errorf("child: %v: %s", err, &errs)
	}
}

func TestPipeShowsOutputAfterTheEndOfItsInput(t *testing.T) {
	b := newBench(t)
	child := exec.Command(os.Args[0])
	child.Env, child.Stdin = b.env(""), strings.NewReader("x")
	var out, errs bytes.Buffer
	child.Stdout, child.Stderr = &out, &errs
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	b.typed(1)
	b.print("answer\x00\xff")
	b.guest.output.Close()
	if err := child.Wait(); err != nil {
		t.Errorf("child: %v: %s", err, &errs)
	}
	if out.String() != "answer\x00\xff" || !strings.Contains(errs.String(), "[tst100 has ended]\n") {
		t.Errorf("shown %q, said %q", &out, &errs)
	}
}

func TestEscape(t *testing.T) {
	for word, want := range map[string]byte{"^]": 0x1d, "^a": 1, "^A": 1, "^\\": 0x1c, "^_": 0x1f, "none": 0} {
		if got, err := Escape(word); err != nil || got != want {
			t.Errorf("%s: %#x, %v", word, got, err)
		}
	}
	for _, word := range []string{"", "]", "^", "^1", "^]]", "^@"} {
		if _, err := Escape(word); err == nil {
			t.Errorf("%q was taken", word)
		}
	}
}
