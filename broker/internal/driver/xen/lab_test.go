//go:build xenlab && linux

package xen

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/host/openssh"
	"github.com/conbroker/conbroker/broker/internal/host/remote"
	"github.com/conbroker/conbroker/broker/internal/host/sshconfig"
	"github.com/conbroker/conbroker/broker/internal/prompt"
	"github.com/conbroker/conbroker/consoles"
)

// labTime bounds each action in the lab, where an emulated processor does the work.
const labTime = 2 * time.Minute

// lab is a host of testdata/xenlab of the test's own.
type lab struct {
	t *testing.T
	// dir holds the files of the running host.
	dir string
	d   *Driver
}

// newLab boots lab00. Without one the test fails: it was asked for.
func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, dir: t.TempDir(), d: New("tester")}
	script := func(name string, args ...string) ([]byte, error) {
		cmd := exec.Command(filepath.Join("../../../../testdata/xenlab", name), args...)
		cmd.Env = append(os.Environ(), "CONBROKER_XENLAB_RUN="+l.dir)
		return cmd.CombinedOutput()
	}
	out, err := script("boot.sh", "lab00", freePort(t))
	if err != nil {
		t.Fatalf("boot.sh: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		if out, err := script("stop.sh"); err != nil {
			t.Errorf("stop.sh: %v\n%s", err, out)
		}
	})
	return l
}

func freePort(t *testing.T) string {
	t.Helper()
	n, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	return strconv.Itoa(n.Addr().(*net.TCPAddr).Port)
}

// host connects as a user.
func (l *lab) host(t *testing.T, user string, how host.Escalation) host.Host {
	t.Helper()
	config := filepath.Join(t.TempDir(), "ssh_config")
	text := "Match all\n\tUser " + user + "\nInclude " + filepath.Join(l.dir, "lab00", "ssh_config") + "\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run, err := os.MkdirTemp("/tmp", "cb")
	if err != nil {
		t.Fatal(err)
	}
	h := openssh.New(openssh.Options{
		Name: "lab00", Escalation: how, Config: &sshconfig.Reader{File: config}, Prompts: prompt.NewRegistry(),
		Gate: remote.NewGate(), Askpass: self,
		Env: func(name string) string {
			if name == "CONBROKER_RUNTIME_DIR" {
				return run + "/run"
			}
			return os.Getenv(name)
		},
	})
	t.Cleanup(func() {
		h.Close()
		os.RemoveAll(run)
	})
	return h
}

func ctxOf(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), labTime)
	t.Cleanup(cancel)
	return ctx
}

func options(t *testing.T) driver.CreateOptions {
	return driver.CreateOptions{Notice: func(s string) { t.Log("notice:", s) }, Progress: func(string) {}, Owner: "tester"}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// machine finds the only machine whose path ends in a text.
func (l *lab) machine(t *testing.T, h host.Host, end string) driver.Machine {
	t.Helper()
	machines, problems, err := l.d.Enumerate(ctxOf(t), h, []string{"xen"})
	must(t, err)
	for _, m := range machines {
		if strings.HasSuffix(m.Path, end) {
			return m
		}
	}
	t.Fatalf("no machine %s; problems %v", end, problems)
	return driver.Machine{}
}

// start creates a machine and lets it run.
func (l *lab) start(t *testing.T, h host.Host, m driver.Machine, o driver.CreateOptions) driver.Session {
	t.Helper()
	began := time.Now()
	s, err := l.d.Create(ctxOf(t), h, m, o)
	must(t, err)
	t.Logf("create %s: %v", m.Label, time.Since(began).Round(time.Millisecond))
	t.Cleanup(func() { l.clean(t, h, m.Label) })
	must(t, l.d.Begin(ctxOf(t), h, s))
	return s
}

// clean ends what a test has left of a machine.
func (l *lab) clean(t *testing.T, h host.Host, label string) {
	ctx, cancel := context.WithTimeout(context.Background(), labTime)
	defer cancel()
	sessions, err := l.d.List(ctx, h)
	if err != nil {
		t.Error(err)
	}
	for _, s := range sessions {
		if s.Label == label {
			if err := l.d.Poweroff(ctx, h, s, 0); err != nil {
				t.Error(err)
			}
		}
	}
}

// session returns what LIST shows of a label, asked by a driver that knows nothing yet.
func (l *lab) session(t *testing.T, h host.Host, label string) (driver.Session, bool) {
	t.Helper()
	began := time.Now()
	sessions, err := New("").List(ctxOf(t), h)
	must(t, err)
	t.Logf("list: %v", time.Since(began).Round(time.Millisecond))
	for _, s := range sessions {
		if s.Label == label {
			return s, true
		}
	}
	return driver.Session{}, false
}

// terminal is a guest's console with what it said.
type terminal struct {
	t *testing.T
	consoles.Stream
	mu   sync.Mutex
	said []byte
	more chan struct{}
	over chan struct{}
}

func (l *lab) console(t *testing.T, h host.Host, s driver.Session) *terminal {
	t.Helper()
	began := time.Now()
	stream, err := l.d.Console(ctxOf(t), h, s, host.Terminal{Term: "vt100"})
	must(t, err)
	t.Logf("console %s: %v", s.Label, time.Since(began).Round(time.Millisecond))
	term := &terminal{t: t, Stream: stream, more: make(chan struct{}, 1), over: make(chan struct{})}
	go term.read()
	t.Cleanup(term.hangUp)
	return term
}

func (term *terminal) read() {
	defer close(term.over)
	buf := make([]byte, 4096)
	for {
		n, err := term.Read(buf)
		term.mu.Lock()
		term.said = append(term.said, buf[:n]...)
		term.mu.Unlock()
		select {
		case term.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (term *terminal) hangUp() {
	term.Close()
	<-term.over
}

// expect waits for text and forgets everything up to it.
func (term *terminal) expect(text string) string {
	term.t.Helper()
	ctx := ctxOf(term.t)
	for {
		term.mu.Lock()
		before, rest, found := bytes.Cut(term.said, []byte(text))
		if found {
			term.said = rest
		}
		said := string(term.said)
		term.mu.Unlock()
		if found {
			return string(before)
		}
		select {
		case <-term.more:
		case <-term.over:
			term.t.Fatalf("the console ended (%+v) before %q; it said:\n%s", term.Wait(), text, said)
		case <-ctx.Done():
			term.t.Fatalf("no %q on the console, which says:\n%s", text, said)
		}
	}
}

func (term *terminal) send(text string) {
	term.t.Helper()
	if _, err := term.Write([]byte(text)); err != nil {
		term.t.Fatal(err)
	}
}

// login logs in and waits for the prompt.
func (term *terminal) login(label string) {
	term.t.Helper()
	term.expect(label + " login: ")
	term.send("root\n")
	term.expect("Password: ")
	term.send("rootpw\n")
	term.expect("# ")
}

// ended waits for the end of the stream.
func (term *terminal) ended() consoles.ExitStatus {
	term.t.Helper()
	select {
	case <-term.over:
	case <-ctxOf(term.t).Done():
		term.t.Fatal("the console did not end")
	}
	return term.Wait()
}
