//go:build xenlab && linux

package xen

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

// TestLife takes a machine through its life on a real Xen host.
func TestLife(t *testing.T) {
	l := newLab(t)
	h := l.host(t, "acue", host.EscalationSudo)
	info, err := l.d.Probe(ctxOf(t), h)
	if err != nil || info.State != driver.ProbeEnabled || !strings.HasPrefix(info.Version, "Xen 4.17") {
		t.Fatalf("%+v, %v", info, err)
	}
	m := l.machine(t, h, "/tst100/tst100.conf")

	began := time.Now()
	s, err := l.d.Create(ctxOf(t), h, m, options(t))
	must(t, err)
	t.Logf("create: %v", time.Since(began).Round(time.Millisecond))
	t.Cleanup(func() { l.clean(t, h, "tst100") })
	if s.State != driver.StateStarting || s.Path != "/homen/acue/xen/tst-ctys/tst100/tst100.conf" {
		t.Errorf("created %+v", s)
	}
	term := l.console(t, h, s)
	must(t, l.d.Begin(ctxOf(t), h, s))
	term.expect("GUEST-UP")
	term.login("tst100")
	t.Logf("create to prompt: %v", time.Since(began).Round(time.Millisecond))
	l.checkBusy(t, h, s)
	l.checkRunning(t, h, m)
	l.checkPause(t, h, s, term)
	s = l.checkReboot(t, h, s, term)
	s = l.checkSuspend(t, h, m, s, term)
	l.checkReset(t, h, s)
	l.checkPoweroff(t, h, s)
}

// checkBusy: a second console is refused and names who has the first.
func (l *lab) checkBusy(t *testing.T, h host.Host, s driver.Session) {
	t.Helper()
	_, err := l.d.Console(ctxOf(t), h, s, host.Terminal{})
	var busy *driver.BusyError
	if !errors.As(err, &busy) || busy.Resource != "console of tst100" || !strings.Contains(busy.Holder, "user acue") {
		t.Errorf("second console: %v", err)
	}
}

// checkRunning: LIST shows the domain and domain 0, and the machine cannot be started twice.
func (l *lab) checkRunning(t *testing.T, h host.Host, m driver.Machine) {
	t.Helper()
	s, ok := l.session(t, h, "tst100")
	if !ok || s.State != driver.StateRunning || s.UUID != m.UUID || s.Path != m.Path || s.ID != m.Path || s.Accelerator != "PARA" ||
		len(s.NICs) != 1 || s.NICs[0].MAC != "00:50:56:13:11:40" || s.Hypervisor != "Xen 4.17" || s.Arch != "x86_64" {
		t.Errorf("listed %+v", s)
	}
	zero, ok := l.session(t, h, "Domain-0")
	if !ok || zero.PID != "0" || zero.State != driver.StateRunning || zero.User != "root" {
		t.Errorf("domain 0: %+v", zero)
	}
	if err := l.d.Poweroff(ctxOf(t), h, zero, 0); !errors.Is(err, driver.ErrUnsupported) {
		t.Errorf("poweroff of domain 0: %v", err)
	}
	if _, err := l.d.Create(ctxOf(t), h, m, options(t)); !errors.Is(err, driver.ErrAlreadyRunning) {
		t.Errorf("created twice: %v", err)
	}
	other := m
	other.Path = l.write(t, h, "twin.conf", `s/"tst100"/"twin"/`, m.Path)
	if _, err := l.d.Create(ctxOf(t), h, other, options(t)); !errors.Is(err, driver.ErrAlreadyRunning) || !strings.Contains(err.Error(), "same UUID") {
		t.Errorf("created with a UUID that is taken: %v", err)
	}
}

// write makes a configuration out of another one by a sed command.
func (l *lab) write(t *testing.T, h host.Host, name, edit, from string) string {
	t.Helper()
	r, err := h.Run(ctxOf(t), host.Command{Argv: []string{"sh", "-c", `mkdir -p more && sed -e "$1" "$2" >"more/$3" && printf %s "$PWD/more/$3"`,
		"sh", edit, from, name}})
	must(t, err)
	if r.ExitCode != 0 {
		t.Fatalf("%s", r.Stderr)
	}
	return string(r.Stdout)
}

func (l *lab) checkPause(t *testing.T, h host.Host, s driver.Session, term *terminal) {
	t.Helper()
	must(t, l.d.Pause(ctxOf(t), h, s))
	if now, _ := l.session(t, h, s.Label); now.State != driver.StatePaused {
		t.Errorf("paused: %+v", now)
	}
	if err := l.d.Reboot(ctxOf(t), h, s, time.Second); !errors.Is(err, driver.ErrNotRunning) {
		t.Errorf("reboot while paused: %v", err)
	}
	term.send("echo awa''ke\n")
	must(t, l.d.Unpause(ctxOf(t), h, s))
	term.expect("awake")
}

// checkReboot: the number changes, and the console goes on by itself.
func (l *lab) checkReboot(t *testing.T, h host.Host, s driver.Session, term *terminal) driver.Session {
	t.Helper()
	began := time.Now()
	must(t, l.d.Reboot(ctxOf(t), h, s, labTime))
	t.Logf("reboot: %v", time.Since(began).Round(time.Millisecond))
	term.expect("GUEST-DOWN")
	term.expect("GUEST-UP")
	term.login("tst100")
	t.Logf("reboot to prompt: %v", time.Since(began).Round(time.Millisecond))
	now, ok := l.session(t, h, s.Label)
	if !ok || now.PID == s.PID || now.State != driver.StateRunning || now.Path != s.Path {
		t.Errorf("after the reboot %+v, before %+v", now, s)
	}
	// An action on the session as it was before the reboot reaches its successor.
	must(t, l.d.Pause(ctxOf(t), h, s))
	must(t, l.d.Unpause(ctxOf(t), h, s))
	return now
}

// checkSuspend: what the guest had in memory is there after the resume.
func (l *lab) checkSuspend(t *testing.T, h host.Host, m driver.Machine, s driver.Session, term *terminal) driver.Session {
	t.Helper()
	term.send("memory=kept; echo re''ady\n")
	term.expect("ready")
	began := time.Now()
	file, err := l.d.Suspend(ctxOf(t), h, s, "")
	must(t, err)
	t.Logf("suspend to %s: %v", file, time.Since(began).Round(time.Millisecond))
	if status := term.ended(); status.Code != 0 || status.Reason != "the domain has ended" {
		t.Errorf("the console ended with %+v", status)
	}
	saved, ok := l.session(t, h, s.Label)
	if !ok || saved.State != driver.StateSuspended || saved.StateFile != file || saved.Path != m.Path || saved.UUID != m.UUID {
		t.Errorf("suspended: %+v", saved)
	}
	if _, err := l.d.Create(ctxOf(t), h, m, options(t)); !errors.Is(err, driver.ErrAlreadyRunning) {
		t.Errorf("created while suspended: %v", err)
	}
	began = time.Now()
	back, err := l.d.Resume(ctxOf(t), h, m, "", options(t))
	must(t, err)
	again := l.console(t, h, back)
	must(t, l.d.Begin(ctxOf(t), h, back))
	t.Logf("resume: %v", time.Since(began).Round(time.Millisecond))
	again.send("echo $memory\n")
	again.expect("kept")
	now, ok := l.session(t, h, s.Label)
	if !ok || now.State != driver.StateRunning || now.Path != m.Path {
		t.Errorf("resumed: %+v", now)
	}
	if _, err := l.d.Resume(ctxOf(t), h, l.machine(t, h, "tst101.conf"), "", options(t)); !errors.Is(err, driver.ErrNotRunning) {
		t.Errorf("resumed what was not saved: %v", err)
	}
	again.hangUp()
	return now
}

func shell(t *testing.T, h host.Host, script string) string {
	t.Helper()
	r, err := h.Run(ctxOf(t), host.Command{Argv: []string{"sh", "-c", script}})
	must(t, err)
	if r.ExitCode != 0 {
		t.Fatalf("%s: %s", script, r.Stderr)
	}
	return strings.TrimSpace(string(r.Stdout))
}

func (l *lab) checkReset(t *testing.T, h host.Host, s driver.Session) {
	t.Helper()
	term := l.console(t, h, s)
	began := time.Now()
	must(t, l.d.Reset(ctxOf(t), h, s))
	t.Logf("reset: %v", time.Since(began).Round(time.Millisecond))
	now, ok := l.session(t, h, s.Label)
	if !ok || now.PID == s.PID || now.State != driver.StateRunning || now.Path != s.Path {
		t.Errorf("after the reset %+v", now)
	}
	term.hangUp()
}

func (l *lab) checkPoweroff(t *testing.T, h host.Host, s driver.Session) {
	t.Helper()
	now, _ := l.session(t, h, s.Label)
	term := l.console(t, h, now)
	term.expect("tst100 login: ")
	must(t, l.d.Pause(ctxOf(t), h, now))
	began := time.Now()
	must(t, l.d.Poweroff(ctxOf(t), h, now, labTime))
	t.Logf("poweroff of a paused guest: %v", time.Since(began).Round(time.Millisecond))
	if status := term.ended(); status.Code != 0 {
		t.Errorf("the console ended with %+v", status)
	}
	term.expectEnd("GUEST-DOWN")
	if now, ok := l.session(t, h, s.Label); ok {
		t.Errorf("after poweroff %+v", now)
	}
	for name, err := range map[string]error{
		"poweroff": l.d.Poweroff(ctxOf(t), h, now, time.Second), "pause": l.d.Pause(ctxOf(t), h, now),
		"reboot": l.d.Reboot(ctxOf(t), h, now, time.Second), "reset": l.d.Reset(ctxOf(t), h, now),
	} {
		if !errors.Is(err, driver.ErrNotRunning) {
			t.Errorf("%s of a machine that is gone: %v", name, err)
		}
	}
}

// expectEnd checks what was said before the end.
func (term *terminal) expectEnd(text string) {
	term.t.Helper()
	if !strings.Contains(string(term.said), text) {
		term.t.Errorf("no %q before the end, but %q", text, term.said)
	}
}
