//go:build linux

package qemu

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/host/local"
	"github.com/conbroker/conbroker/consoles"
)

// lab is the local host with directories of its own, whose names have blanks, and a driver.
type lab struct {
	t    *testing.T
	host host.Host
	d    *Driver
	// base holds the directories of the environment.
	base string
	// dir holds machine files.
	dir string
	// notices are what the driver told the person.
	notices []string
}

func newLab(t *testing.T) *lab {
	t.Helper()
	// Not t.TempDir: its name grows with that of the test, and sockets have short paths.
	base, err := os.MkdirTemp("", "cb lab, ")
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, d: New("tester"), base: base, dir: filepath.Join(base, "my machines")}
	for _, dir := range []string{"run", "state", "my machines"} {
		if err := os.Mkdir(filepath.Join(base, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	l.host = local.New(local.Options{Env: func(name string) string {
		switch name {
		case "XDG_RUNTIME_DIR":
			return filepath.Join(base, "run")
		case "XDG_STATE_HOME":
			return filepath.Join(base, "state")
		case "CONBROKER_RUNTIME_DIR":
			return ""
		}
		return os.Getenv(name)
	}})
	t.Cleanup(func() {
		l.clean()
		l.host.Close()
		os.RemoveAll(base)
	})
	return l
}

// clean ends what a failed test has left.
func (l *lab) clean() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	sessions, err := l.d.List(ctx, l.host)
	if err != nil {
		l.t.Error(err)
	}
	for _, s := range sessions {
		if err := l.d.Poweroff(ctx, l.host, s, 0); err != nil {
			l.t.Error(err)
		}
	}
}

func (l *lab) ctx() context.Context {
	ctx, cancel := context.WithTimeout(l.t.Context(), 40*time.Second)
	l.t.Cleanup(cancel)
	return ctx
}

func (l *lab) options() driver.CreateOptions {
	var mu sync.Mutex
	return driver.CreateOptions{
		Notice: func(text string) {
			mu.Lock()
			defer mu.Unlock()
			l.notices = append(l.notices, text)
		},
		Progress: func(string) {},
		Owner:    "tester",
	}
}

// write makes a machine file.
func (l *lab) write(name, text string) string {
	l.t.Helper()
	file := filepath.Join(l.dir, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
	return file
}

// bare is a machine that starts in an instant and does nothing.
func (l *lab) bare(label string) driver.Machine {
	l.t.Helper()
	l.write("disk, "+label, strings.Repeat("\x00", 1<<20))
	l.write(label+".toml", "label = '"+label+"'\nmemory = 16\nmachine = 'q35,i8042=off'\naccelerator = 'tcg'\n"+
		"[[drive]]\nfile = 'disk, "+label+"'\ninterface='ide'\n")
	return l.machine(label)
}

// guest is the demo guest tst100.
func (l *lab) guest() driver.Machine {
	l.t.Helper()
	if testing.Short() {
		l.t.Skip("boots a guest")
	}
	cmd := exec.CommandContext(l.ctx(), "../../../../testdata/guest/machine.sh", "tst100", l.dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		l.t.Fatalf("machine.sh: %v\n%s", err, out)
	}
	return l.machine("tst100")
}

// machine finds a machine by its label.
func (l *lab) machine(label string) driver.Machine {
	l.t.Helper()
	machines, problems, err := l.d.Enumerate(l.ctx(), l.host, []string{l.dir})
	if err != nil {
		l.t.Fatal(err)
	}
	for _, m := range machines {
		if m.Label == label {
			return m
		}
	}
	l.t.Fatalf("no machine %s; problems %v", label, problems)
	return driver.Machine{}
}

func (l *lab) create(m driver.Machine) driver.Session {
	l.t.Helper()
	s, err := l.d.Create(l.ctx(), l.host, m, l.options())
	if err != nil {
		l.t.Fatal(err)
	}
	return s
}

// must fails the test on an error of an action.
func (l *lab) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// only returns the single session that LIST shows, asked by a driver that knows nothing yet.
func (l *lab) only() driver.Session {
	l.t.Helper()
	sessions, err := New("").List(l.ctx(), l.host)
	if err != nil || len(sessions) != 1 {
		l.t.Fatalf("%d sessions %+v, error %v, want one", len(sessions), sessions, err)
	}
	return sessions[0]
}

// nothing checks that no session and no file of one is left.
func (l *lab) nothing() {
	l.t.Helper()
	sessions, err := l.d.List(l.ctx(), l.host)
	if err != nil || len(sessions) != 0 {
		l.t.Errorf("sessions %+v, error %v, want none", sessions, err)
	}
	env, err := host.ReadEnvironment(l.ctx(), l.host)
	l.must(err)
	entries, err := os.ReadDir(places(env).run)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		l.t.Error(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			l.t.Errorf("%s is left", e.Name())
		}
	}
}

// shell is the guest's console with what it said.
type shell struct {
	l *lab
	consoles.Stream
	mu   sync.Mutex
	said []byte
	more chan struct{}
	over chan struct{}
}

func (l *lab) console(s driver.Session) *shell {
	l.t.Helper()
	stream, err := l.d.Console(l.ctx(), l.host, s, host.Terminal{})
	if err != nil {
		l.t.Fatal(err)
	}
	sh := &shell{l: l, Stream: stream, more: make(chan struct{}, 1), over: make(chan struct{})}
	go sh.read()
	l.t.Cleanup(func() { sh.hangUp() })
	return sh
}

func (sh *shell) read() {
	defer close(sh.over)
	buf := make([]byte, 4096)
	for {
		n, err := sh.Read(buf)
		sh.mu.Lock()
		sh.said = append(sh.said, buf[:n]...)
		sh.mu.Unlock()
		signal(sh.more)
		if err != nil {
			return
		}
	}
}

func (sh *shell) hangUp() {
	sh.Close()
	<-sh.over
}

// expect waits for text and forgets everything up to it.
func (sh *shell) expect(text string) string {
	sh.l.t.Helper()
	ctx := sh.l.ctx()
	for {
		sh.mu.Lock()
		before, rest, found := bytes.Cut(sh.said, []byte(text))
		if found {
			sh.said = rest
		}
		said := string(sh.said)
		sh.mu.Unlock()
		if found {
			return string(before)
		}
		select {
		case <-sh.more:
		case <-ctx.Done():
			sh.l.t.Fatalf("no %q on the console, which says:\n%s", text, said)
		}
	}
}

const prompt = "root@tst100:~# "

// run types a command at the prompt and returns what it printed.
func (sh *shell) run(command string) string {
	sh.l.t.Helper()
	if _, err := sh.Write([]byte(command + "\n")); err != nil {
		sh.l.t.Fatal(err)
	}
	_, output, _ := strings.Cut(sh.expect(prompt), "\n")
	return strings.TrimSpace(output)
}
