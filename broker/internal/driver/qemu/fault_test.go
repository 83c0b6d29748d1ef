//go:build linux

package qemu

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/conbroker/conbroker/broker/internal/config"
	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

func kill(t *testing.T, pid string) {
	t.Helper()
	n, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(n, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func TestCreateTwiceAtOnce(t *testing.T) {
	l := newLab(t)
	m := l.bare("twin")
	const starts = 4
	outcomes := make(chan error, starts)
	for i := range starts {
		go func() {
			_, err := New(fmt.Sprintf("broker %d", i)).Create(l.ctx(), l.host, m, l.options())
			outcomes <- err
		}()
	}
	won := 0
	for range starts {
		err := <-outcomes
		switch {
		case err == nil:
			won++
		case !errors.Is(err, driver.ErrAlreadyRunning):
			t.Errorf("the loser of a start: %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d starts won", won)
	}
	if s := l.only(); s.State != driver.StateStarting {
		t.Errorf("session %+v", s)
	}
}

func TestCreateRefusals(t *testing.T) {
	l := newLab(t)
	tests := map[string]struct{ text, want string }{
		"kernel missing":      {"label='a'\nkernel='no/such'\n", ":2: kernel " + l.dir + "/no/such: no such file"},
		"kernel a directory":  {"label='a'\n\nkernel='.'\n", ":3: kernel " + l.dir + ": is a directory"},
		"initrd missing":      {"label='a'\nkernel='a.toml'\ninitrd='i'", ":3: initrd " + l.dir + "/i: no such file"},
		"second disk missing": {"label='a'\n[[drive]]\nfile='a.toml'\n[[drive]]\nfile='b'", ":5: file " + l.dir + "/b: no such file"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			l.write("a.toml", test.text)
			_, err := l.d.Create(l.ctx(), l.host, l.machine("a"), l.options())
			var mistake *config.Error
			if !errors.As(err, &mistake) || !strings.HasSuffix(err.Error(), test.want) {
				t.Errorf("error %v, want ...%s", err, test.want)
			}
		})
	}
	l.write("a.toml", "label='a'\nkernel='a.toml'\nmachine='nonsense'\naccelerator='tcg'\n")
	_, err := l.d.Create(l.ctx(), l.host, l.machine("a"), l.options())
	var command *host.CommandError
	if !errors.As(err, &command) || command.ExitCode != 1 || !strings.Contains(err.Error(), "unsupported machine type") {
		t.Errorf("a machine that QEMU does not know: %v", err)
	}
	l.nothing()
}

func TestQEMUNotInstalled(t *testing.T) {
	l := newLab(t)
	m := l.bare("nowhere")
	if info, err := l.d.Probe(l.ctx(), l.host); err != nil || info.State != driver.ProbeEnabled || !strings.Contains(info.Version, "QEMU") {
		t.Errorf("probe %+v, %v", info, err)
	}
	path := t.TempDir()
	for _, tool := range []string{"sh", "grep", "tr", "sed", "cat", "head", "mkdir", "uname", "date", "rm", "mv"} {
		for _, dir := range []string{"/bin", "/usr/bin"} {
			if _, err := os.Stat(filepath.Join(dir, tool)); err == nil {
				_ = os.Symlink(filepath.Join(dir, tool), filepath.Join(path, tool))
			}
		}
	}
	t.Setenv("PATH", path)
	_, err := l.d.Create(l.ctx(), l.host, m, l.options())
	if !errors.Is(err, host.ErrNotInstalled) || !strings.Contains(err.Error(), "apt-get install") {
		t.Errorf("error %v", err)
	}
	info, err := l.d.Probe(l.ctx(), l.host)
	if err != nil || info.State != driver.ProbeDisabled || !strings.Contains(info.Advice, "qemu-system-x86") {
		t.Errorf("probe %+v, %v", info, err)
	}
}

// TestReusedPID puts a foreign process's number into the pid file, as after a crash and many processes.
func TestReusedPID(t *testing.T) {
	l := newLab(t)
	s := l.create(l.bare("ghost"))
	kill(t, s.PID)
	env, err := host.ReadEnvironment(l.ctx(), l.host)
	l.must(err)
	l.must(os.WriteFile(places(env).pidFile(keyOf(s.Path)), []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600))
	l.nothing()
}

func TestStaleLockOfConsole(t *testing.T) {
	l := newLab(t)
	s := l.create(l.bare("locked"))
	lock := filepath.Join(s.Handle.(*run).dir, "serial.lock")
	l.must(os.WriteFile(lock, fmt.Appendf(nil, "%d xxxx a broker that died\n", time.Now().Unix()-60), 0o600))
	l.console(s).hangUp()
	if _, err := os.Stat(lock); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the lock is left: %v", err)
	}
	foreign, err := l.host.Dial(l.ctx(), "unix", serialSocket(s.Handle.(*run).dir))
	l.must(err)
	_, err = l.d.Console(l.ctx(), l.host, s, host.Terminal{})
	var busy *driver.BusyError
	if !errors.As(err, &busy) || busy.Holder != "" {
		t.Errorf("while a foreign program is connected: %v", err)
	}
	foreign.Close()
	sh := l.console(s)
	sh.hangUp()
	l.console(s)
}

// TestPoweroffOfDeafGuest has no operating system that hears the power button, then no QEMU that hears anything.
func TestPoweroffOfDeafGuest(t *testing.T) {
	l := newLab(t)
	m := l.bare("deaf")
	s := l.create(m)
	l.must(l.d.Begin(l.ctx(), l.host, s))
	if err := l.d.Init(l.ctx(), l.host, s, "0", 300*time.Millisecond); !errors.Is(err, driver.ErrTimeout) {
		t.Errorf("init 0: %v", err)
	}
	if err := l.d.Init(l.ctx(), l.host, s, "3", time.Second); !errors.Is(err, driver.ErrUnsupported) {
		t.Errorf("init 3: %v", err)
	}
	if err := l.d.Reboot(l.ctx(), l.host, s, 300*time.Millisecond); !errors.Is(err, driver.ErrTimeout) {
		t.Errorf("reboot: %v", err)
	}
	l.must(l.d.Poweroff(l.ctx(), l.host, s, 300*time.Millisecond))
	l.nothing()

	s = l.create(m)
	n, err := strconv.Atoi(s.PID)
	l.must(err)
	l.must(syscall.Kill(n, syscall.SIGSTOP))
	if listed := l.only(); listed.State != driver.StateRunning {
		t.Errorf("a QEMU that does not answer is listed as %s", listed.State)
	}
	l.must(l.d.Poweroff(l.ctx(), l.host, s, 0))
	l.nothing()
}

func TestDisplay(t *testing.T) {
	l := newLab(t)
	o := l.options()
	o.Display = true
	first, err := l.d.Create(l.ctx(), l.host, l.bare("one"), o)
	l.must(err)
	second, err := l.d.Create(l.ctx(), l.host, l.bare("two"), o)
	l.must(err)
	if first.ClientPort == second.ClientPort || first.Display != ":"+strconv.Itoa(first.ClientPort-5900) {
		t.Errorf("ports %d (%s) and %d (%s)", first.ClientPort, first.Display, second.ClientPort, second.Display)
	}
	for _, s := range []driver.Session{first, second} {
		conn, err := l.host.Dial(l.ctx(), "tcp", "127.0.0.1:"+strconv.Itoa(s.ClientPort))
		l.must(err)
		greeting := make([]byte, 4)
		if _, err := conn.Read(greeting); err != nil || string(greeting) != "RFB " {
			t.Errorf("VNC server says %q, %v", greeting, err)
		}
		conn.Close()
	}
	l.must(l.d.Poweroff(l.ctx(), l.host, first, 0))
	if s := l.only(); s.Label != "two" || s.ClientPort != second.ClientPort {
		t.Errorf("listed %+v", s)
	}
}

func TestManyListsAtOnce(t *testing.T) {
	l := newLab(t)
	l.create(l.bare("popular"))
	const lists = 16
	outcomes := make(chan error, lists)
	for range lists {
		go func() {
			sessions, err := l.d.List(l.ctx(), l.host)
			if err == nil && (len(sessions) != 1 || sessions[0].State != driver.StateStarting) {
				err = fmt.Errorf("sessions %+v", sessions)
			}
			outcomes <- err
		}()
	}
	for range lists {
		if err := <-outcomes; err != nil {
			t.Error(err)
		}
	}
}

// TestCancelledCreate cuts a start off at different moments. It may have been too late for that, but never is anything left.
func TestCancelledCreate(t *testing.T) {
	l := newLab(t)
	m := l.bare("cut")
	for delay := time.Duration(0); delay <= 80*time.Millisecond; delay += 10 * time.Millisecond {
		ctx, cancel := context.WithCancel(l.ctx())
		o := l.options()
		o.Progress = func(step string) {
			if step == "start QEMU" {
				time.AfterFunc(delay, cancel)
			}
		}
		s, err := l.d.Create(ctx, l.host, m, o)
		switch {
		case err == nil:
			l.must(l.d.Poweroff(l.ctx(), l.host, s, 0))
		case !errors.Is(err, context.Canceled):
			t.Errorf("after %v: %v", delay, err)
		}
		l.nothing()
		cancel()
	}
}
