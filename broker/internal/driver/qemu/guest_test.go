//go:build linux

package qemu

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

// TestGuestFromCreateToPoweroff goes through a machine's life once.
func TestGuestFromCreateToPoweroff(t *testing.T) {
	l := newLab(t)
	m := l.guest()
	if m.UUID != "6842caf91e3e43249ed596b8b9f2c5c2" || m.NICs[0].MAC != "00:50:56:13:11:40" || m.NICs[0].IP != "192.168.1.220" {
		t.Errorf("machine %+v", m)
	}
	began := time.Now()
	s := l.create(m)
	created := time.Since(began)
	if s.State != driver.StateStarting || l.only().State != driver.StateStarting {
		t.Errorf("state %s, listed %s, want starting", s.State, l.only().State)
	}
	sh := l.console(s)
	l.must(l.d.Begin(l.ctx(), l.host, s))
	if first := sh.expect(prompt); !strings.Contains(first, "conbroker demo guest") {
		t.Errorf("the first words of the guest are lost: %q", first)
	}
	t.Logf("create took %v, prompt after %v", created, time.Since(began))
	if out := sh.run("uname -n; ip -4 addr show lo | grep -c inet"); !strings.HasPrefix(out, "tst100") {
		t.Errorf("the guest says %q", out)
	}
	checkListed(t, l.only(), m)
	checkBusyConsole(t, l, s)
	checkPause(t, l, s)

	l.must(l.d.Reboot(l.ctx(), l.host, s, 20*time.Second))
	sh.expect("The system is going down for reboot")
	sh.expect("conbroker demo guest")
	sh.expect(prompt)
	l.must(l.d.Reset(l.ctx(), l.host, s))
	if again := sh.expect(prompt); strings.Contains(again, "going down") {
		t.Error("a reset asked the guest")
	}

	began = time.Now()
	l.must(l.d.Poweroff(l.ctx(), l.host, l.only(), 20*time.Second))
	t.Logf("poweroff took %v", time.Since(began))
	sh.expect("Requesting system poweroff")
	<-sh.over
	l.nothing()
}

func checkListed(t *testing.T, s driver.Session, m driver.Machine) {
	t.Helper()
	if s.Label != "tst100" || s.UUID != m.UUID || s.ID != m.Path || s.State != driver.StateRunning || s.PID == "" ||
		s.Role != driver.RoleServer || s.NICs[0] != m.NICs[0] || s.Arch != "x86_64" || s.Accelerator == "" {
		t.Errorf("listed as %+v", s)
	}
}

func checkBusyConsole(t *testing.T, l *lab, s driver.Session) {
	t.Helper()
	_, err := New("other").Console(l.ctx(), l.host, s, host.Terminal{})
	var busy *driver.BusyError
	if !errors.As(err, &busy) || busy.Holder != "tester" || !strings.Contains(err.Error(), "console of tst100 is in use by tester") {
		t.Errorf("second console: %v", err)
	}
}

func checkPause(t *testing.T, l *lab, s driver.Session) {
	t.Helper()
	l.must(l.d.Pause(l.ctx(), l.host, s))
	if state := l.only().State; state != driver.StatePaused {
		t.Errorf("state %s, want paused", state)
	}
	err := l.d.Reboot(l.ctx(), l.host, s, time.Second)
	if !errors.Is(err, driver.ErrNotRunning) {
		t.Errorf("reboot of a paused guest: %v", err)
	}
	l.must(l.d.Unpause(l.ctx(), l.host, s))
	if state := l.only().State; state != driver.StateRunning {
		t.Errorf("state %s, want running", state)
	}
}

// TestSuspendAndResume also shows what a new driver value finds, and that the state file is used up by Begin.
func TestSuspendAndResume(t *testing.T) {
	l := newLab(t)
	m := l.guest()
	s := l.create(m)
	sh := l.console(s)
	l.must(l.d.Begin(l.ctx(), l.host, s))
	sh.expect(prompt)
	sh.run("echo precious >/tmp/kept")

	failingSuspend(t, l, s)
	sh.run("true")

	began := time.Now()
	file, err := l.d.Suspend(l.ctx(), l.host, s, "")
	l.must(err)
	t.Logf("suspend took %v", time.Since(began))
	<-sh.over
	info, err := os.Stat(file)
	l.must(err)
	if info.Mode().Perm() != 0o600 || info.Size() < 1<<20 {
		t.Errorf("state file has mode %v and %d bytes", info.Mode(), info.Size())
	}
	suspended := l.only()
	if suspended.State != driver.StateSuspended || suspended.StateFile != file || suspended.ID != m.ID || suspended.PID != "" {
		t.Errorf("listed as %+v", suspended)
	}
	if _, err := l.d.Create(l.ctx(), l.host, m, l.options()); !errors.Is(err, driver.ErrAlreadyRunning) {
		t.Errorf("create of a suspended machine: %v", err)
	}
	if err := l.d.Pause(l.ctx(), l.host, suspended); !errors.Is(err, driver.ErrNotRunning) {
		t.Errorf("pause of a suspended machine: %v", err)
	}

	began = time.Now()
	s, err = l.d.Resume(l.ctx(), l.host, m, "", l.options())
	l.must(err)
	sh = l.console(s)
	l.must(l.d.Begin(l.ctx(), l.host, s))
	if out := sh.run("\ncat /tmp/kept"); !strings.Contains(out+sh.run("cat /tmp/kept"), "precious") {
		t.Errorf("after resume the guest says %q", out)
	}
	t.Logf("resume took %v", time.Since(began))
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the state file is left: %v", err)
	}
	if _, err := l.d.Resume(l.ctx(), l.host, m, "", l.options()); !errors.Is(err, driver.ErrNotRunning) {
		t.Errorf("resume without a state: %v", err)
	}
	own := filepath.Join(l.dir, "my state's")
	s = l.only()
	if got, err := l.d.Suspend(l.ctx(), l.host, s, own); err != nil || got != own {
		t.Fatalf("suspend to %s: %q, %v", own, got, err)
	}
	l.must(l.d.Poweroff(l.ctx(), l.host, l.only(), 0))
	if _, err := os.Stat(own); err != nil {
		t.Errorf("a state file of the person's was removed: %v", err)
	}
	damagedState(t, l, m, own)
	l.nothing()
}

// damagedState shows that a state file that ends early is an error with QEMU's words.
func damagedState(t *testing.T, l *lab, m driver.Machine, file string) {
	t.Helper()
	l.must(os.Truncate(file, 1<<20))
	_, err := l.d.Resume(l.ctx(), l.host, m, file, l.options())
	if err == nil || !strings.Contains(err.Error(), "load of migration failed") {
		t.Errorf("resume from a damaged state: %v", err)
	}
	_, err = l.d.Resume(l.ctx(), l.host, m, file+".missing", l.options())
	if !errors.Is(err, driver.ErrNotRunning) || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("resume from a missing state: %v", err)
	}
}

// TestGuestThatDies kills QEMU behind the driver's back.
func TestGuestThatDies(t *testing.T) {
	l := newLab(t)
	m := l.bare("doomed")
	changed, err := l.d.Watch(t.Context(), l.host)
	l.must(err)
	s := l.create(m)
	<-changed
	sh := l.console(s)
	l.must(l.d.Begin(l.ctx(), l.host, s))
	<-changed
	kill(t, s.PID)
	<-sh.over
	for range changed {
		if sessions, err := l.d.List(l.ctx(), l.host); err == nil && len(sessions) == 0 {
			break
		}
	}
	l.nothing()
	if err := l.d.Pause(l.ctx(), l.host, s); !errors.Is(err, driver.ErrNotRunning) {
		t.Errorf("pause of a dead machine: %v", err)
	}
	s = l.create(m) // the stale pid file is no obstacle
	l.must(l.d.Poweroff(l.ctx(), l.host, s, 0))
	l.nothing()
}

// TestPlainHost takes every optional ability away from the host, as on one behind SSH: the same work is done by scripts.
func TestPlainHost(t *testing.T) {
	l := newLab(t)
	t.Setenv("XDG_RUNTIME_DIR", filepath.Join(l.base, "run"))
	t.Setenv("XDG_STATE_HOME", filepath.Join(l.base, "state"))
	l.host = struct{ host.Host }{l.host}
	m := l.bare("plain")
	s := l.create(m)
	ctx, cancel := context.WithCancel(l.ctx())
	changed, err := l.d.Watch(ctx, l.host)
	l.must(err)
	l.console(s).hangUp()
	l.must(l.d.Begin(l.ctx(), l.host, s))
	<-changed
	file, err := l.d.Suspend(l.ctx(), l.host, s, "")
	l.must(err)
	if listed := l.only(); listed.StateFile != file {
		t.Errorf("listed %+v", listed)
	}
	s, err = l.d.Resume(l.ctx(), l.host, m, "", l.options())
	l.must(err)
	s.Handle = nil // as if it came from a record
	l.must(l.d.Unpause(l.ctx(), l.host, s))
	if listed := l.only(); listed.State != driver.StateRunning {
		t.Errorf("listed %+v", listed)
	}
	l.must(l.d.Poweroff(l.ctx(), l.host, s, 0))
	l.nothing()
	cancel()
	for range changed { // until it is closed
	}
}
