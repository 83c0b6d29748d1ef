//go:build linux

package qemu

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

// TestProbeGuest runs the probe guest where it must come to its end: under TCG.
func TestProbeGuest(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kvmprobe.bin")
	if err := os.WriteFile(file, probeGuest, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "qemu-system-x86_64", "-accel", "tcg", "-M", "pc", "-m", "16", "-nodefaults", "-display", "none",
		"-no-reboot", "-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-kernel", file)
	cmd.Run()
	if code := cmd.ProcessState.ExitCode(); code != probeWorks {
		t.Errorf("exit status %d, want %d", code, probeWorks)
	}
}

// TestAutoAccelerator cannot know whether KVM works where it runs, but whatever is chosen is chosen in time, works, is
// said at most once and is remembered.
func TestAutoAccelerator(t *testing.T) {
	l := newLab(t)
	m := l.bare("chooser")
	l.write("chooser.toml", "label = 'chooser'\nmemory = 16\n[[drive]]\nfile = 'disk, chooser'\ninterface='ide'\n")
	began := time.Now()
	s := l.create(m)
	t.Logf("chose %s in %v, said %q", s.Accelerator, time.Since(began), l.notices)
	if s.Accelerator != accelKVM && s.Accelerator != accelTCG {
		t.Errorf("accelerator %q", s.Accelerator)
	}
	said := len(l.notices)
	if said > 1 {
		t.Errorf("said %q", l.notices)
	}
	l.must(l.d.Poweroff(l.ctx(), l.host, s, 0))
	if again := l.create(m); again.Accelerator != s.Accelerator || len(l.notices) != said {
		t.Errorf("second time: %s, said %q", again.Accelerator, l.notices)
	}
}

// stub is a QEMU that answers the probe in its own way.
func (l *lab) stub(script string) inspected {
	l.t.Helper()
	file := filepath.Join(l.dir, "stub")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		l.t.Fatal(err)
	}
	return inspected{exec: file, version: "stub " + script, kvm: kvmUsable}
}

func TestVerdicts(t *testing.T) {
	l := newLab(t)
	env, err := host.ReadEnvironment(l.ctx(), l.host)
	l.must(err)
	env.Machine = "x86_64"
	file := &machineFile{Accelerator: accelAuto, Arch: "x86_64", CPU: "max"}
	tests := map[string]struct{ script, want, notice string }{
		"works":  {"exit 85", accelKVM, ""},
		"fails":  {"echo could not set a register >&2; exit 134", accelTCG, "status 134: could not set a register"},
		"hangs":  {"exec sleep 60", accelTCG, "did not come to its end within 1.5s"},
		"resets": {"exit 0", accelTCG, "status 0"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			l.notices = nil
			found := l.stub(test.script)
			for range 2 {
				began := time.Now()
				got, err := l.d.accelerator(l.ctx(), l.host, env, file, found, l.options())
				if took := time.Since(began); err != nil || got != test.want || took > 2*time.Second {
					t.Errorf("chose %q in %v, error %v, want %q", got, took, err, test.want)
				}
			}
			said := strings.Join(l.notices, "\n")
			if !strings.Contains(said, test.notice) || (len(l.notices) == 0) != (test.notice == "") || len(l.notices) > 1 {
				t.Errorf("said %q", said)
			}
		})
	}
	for range maxVerdicts * 2 {
		remember(l.ctx(), l.host, places(env), verdict{Key: "other"})
	}
	if n := len(verdicts(l.ctx(), l.host, places(env))); n != maxVerdicts {
		t.Errorf("%d verdicts are kept", n)
	}
	checkNoProbe(t, l, env, file)
}

// checkNoProbe has no usable KVM or another architecture: nothing is started.
func checkNoProbe(t *testing.T, l *lab, env host.Environment, file *machineFile) {
	t.Helper()
	found := l.stub("exit 85")
	l.notices = nil
	for _, kvm := range []string{kvmMissing, kvmForbidden, kvmForbidden} {
		found.kvm, found.version = kvm, kvm
		if got, err := l.d.accelerator(l.ctx(), l.host, env, file, found, l.options()); got != accelTCG || err != nil {
			t.Errorf("with KVM %s: %q, %v", kvm, got, err)
		}
	}
	if len(l.notices) != 1 || !strings.Contains(l.notices[0], "adduser") {
		t.Errorf("said %q", l.notices)
	}
	found.kvm = kvmUsable
	env.Machine = "arm64"
	if got, err := l.d.accelerator(l.ctx(), l.host, env, file, found, driver.CreateOptions{}); got != accelTCG || err != nil {
		t.Errorf("on another architecture: %q, %v", got, err)
	}
}
