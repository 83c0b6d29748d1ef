package xen

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

// TestPowerFollowsTheStates runs actions through the states that a domain passes on a real host.
func TestPowerFollowsTheStates(t *testing.T) {
	running, rebooting, off := tst100(3, "-b----"), tst100(3, "--psr-"), tst100(3, "--ps--")
	fresh, back := tst100(4, "--p---"), tst100(4, "r-----")
	unwatched := state{list: off.list}
	poweroff := func(grace time.Duration) func(*Driver, context.Context, host.Host) error {
		return func(d *Driver, ctx context.Context, h host.Host) error {
			return d.Poweroff(ctx, h, sessionOf(3), grace)
		}
	}
	reboot := func(d *Driver, ctx context.Context, h host.Host) error {
		return d.Reboot(ctx, h, sessionOf(3), time.Minute)
	}
	initTo := func(level string) func(*Driver, context.Context, host.Host) error {
		return func(d *Driver, ctx context.Context, h host.Host) error {
			return d.Init(ctx, h, sessionOf(3), level, time.Minute)
		}
	}
	reset := func(d *Driver, ctx context.Context, h host.Host) error { return d.Reset(ctx, h, sessionOf(3)) }
	tests := map[string]struct {
		act    func(*Driver, context.Context, host.Host) error
		states []state
		calls  []string
		err    error
		says   string
	}{
		"poweroff at once":                   {poweroff(0), []state{running, none()}, []string{"destroy 3"}, nil, ""},
		"poweroff, listed while it ends":     {poweroff(time.Minute), []state{running, running, off, off, none()}, []string{"shutdown -F 3"}, nil, ""},
		"poweroff, ignored":                  {poweroff(time.Second), []state{running, running, running, running, running, running, running, none()}, []string{"shutdown -F 3", "destroy 3"}, nil, ""},
		"poweroff of a paused one":           {poweroff(time.Minute), []state{tst100(3, "--p---"), none()}, []string{"unpause 3", "shutdown -F 3"}, nil, ""},
		"poweroff, not watched":              {poweroff(time.Hour), []state{running, unwatched, none()}, []string{"shutdown -F 3", "destroy 3"}, nil, ""},
		"poweroff of what is shut down":      {poweroff(time.Hour), []state{unwatched, none()}, []string{"destroy 3"}, nil, ""},
		"poweroff after a reboot":            {poweroff(0), []state{back, none()}, []string{"destroy 4"}, nil, ""},
		"poweroff of what is gone":           {poweroff(0), []state{none()}, nil, driver.ErrNotRunning, ""},
		"poweroff, never gone":               {poweroff(0), []state{running}, []string{"destroy 3"}, driver.ErrTimeout, "still exists"},
		"reboot":                             {reboot, []state{running, running, rebooting, none("tst100"), fresh, fresh, back}, []string{"reboot -F 3"}, nil, ""},
		"reboot, ignored":                    {reboot, []state{running}, []string{"reboot -F 3"}, driver.ErrTimeout, "did not reboot within"},
		"reboot, powered off":                {reboot, []state{running, off, none()}, []string{"reboot -F 3"}, driver.ErrNotRunning, "powered off instead"},
		"reboot while paused":                {reboot, []state{tst100(3, "--p---")}, nil, driver.ErrNotRunning, "paused"},
		"init 0":                             {initTo("0"), []state{running, off, none()}, []string{"shutdown -F 3"}, nil, ""},
		"init 0, not watched":                {initTo("0"), []state{running, unwatched, unwatched, none()}, []string{"shutdown -F 3", "destroy 3"}, nil, ""},
		"init 0, ignored":                    {initTo("0"), []state{running}, []string{"shutdown -F 3"}, driver.ErrTimeout, "init XEN tst100"},
		"init 6":                             {initTo("6"), []state{running, none("tst100"), back}, []string{"reboot -F 3"}, nil, ""},
		"init 6, ignored":                    {initTo("6"), []state{running}, []string{"reboot -F 3"}, driver.ErrTimeout, "init XEN tst100"},
		"init 3":                             {initTo("3"), []state{running}, nil, driver.ErrUnsupported, "open its console"},
		"reset":                              {reset, []state{running, off, none()}, []string{"destroy 3", "create " + conf100}, nil, ""},
		"reset, configuration unknown":       {reset, []state{{list: running.list}, {list: back.list}}, []string{"sysrq 3 b"}, nil, ""},
		"reset, configuration unknown, dead": {reset, []state{{list: running.list}}, []string{"sysrq 3 b"}, driver.ErrTimeout, "SysRq"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeHost{t: t, states: tt.states, files: map[string]string{conf100: "name = \"tst100\"\n"}}
				err := tt.act(New(""), t.Context(), f)
				if !errors.Is(err, tt.err) || err != nil && !strings.Contains(err.Error(), tt.says) {
					t.Errorf("%v, want %v %s", err, tt.err, tt.says)
				}
				if diff := cmp.Diff(tt.calls, f.called()); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestResetKeepsTheMachine: a configuration that is gone is noticed before the domain is.
func TestResetKeepsTheMachine(t *testing.T) {
	f := &fakeHost{t: t, states: []state{tst100(3, "-b----")}}
	if err := New("").Reset(t.Context(), f, sessionOf(3)); !errors.Is(err, host.ErrFileNotFound) || len(f.called()) != 0 {
		t.Errorf("%v, %q", err, f.called())
	}
}

// TestResetAddsWhatWasAdded: what stood on the command line of the first create stands on that of the second.
func TestResetAddsWhatWasAdded(t *testing.T) {
	s := state{list: tst100(3, "-b----").list, watchers: []string{watcher("tst100", "create", "-p", conf100, "vfb=[\"type=vnc\"]", "memory=64")}}
	f := &fakeHost{t: t, states: []state{s, none()}, files: map[string]string{conf100: ""}}
	if err := New("").Reset(t.Context(), f, sessionOf(3)); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(f.called(), "create "+conf100+` vfb=["type=vnc"] memory=64`) {
		t.Errorf("%q", f.called())
	}
}

// TestErrorsWithExitCode0 are errors all the same.
func TestErrorsWithExitCode0(t *testing.T) {
	gone := host.Result{Stderr: []byte("libxl: error: libxl_domain.c:587:libxl_domain_pause: Domain 3:Pausing domain: No such process\n")}
	f := &fakeHost{t: t, states: []state{tst100(3, "-b----")}, answers: map[string]host.Result{"pause": gone, "sysrq": recordedFailure(t, "trigger_reset")}}
	if err := New("").Pause(t.Context(), f, sessionOf(3)); !errors.Is(err, driver.ErrNotRunning) {
		t.Errorf("pause: %v", err)
	}
	f.states = []state{{list: tst100(3, "-b----").list}}
	if err := New("").Reset(t.Context(), f, sessionOf(3)); err == nil || !strings.Contains(err.Error(), "Function not implemented") {
		t.Errorf("reset: %v", err)
	}
}

// TestDomain0IsLeftAlone whatever is asked.
func TestDomain0IsLeftAlone(t *testing.T) {
	zero := driver.Session{Type: Type, Label: "Domain-0", PID: "0", State: driver.StateRunning}
	f := &fakeHost{t: t, states: []state{none()}}
	d := New("")
	_, suspendErr := d.Suspend(t.Context(), f, zero, "")
	_, consoleErr := d.Console(t.Context(), f, zero, host.Terminal{})
	for name, err := range map[string]error{
		"poweroff": d.Poweroff(t.Context(), f, zero, 0), "reset": d.Reset(t.Context(), f, zero), "reboot": d.Reboot(t.Context(), f, zero, 0),
		"pause": d.Pause(t.Context(), f, zero), "init": d.Init(t.Context(), f, zero, "0", 0), "suspend": suspendErr, "console": consoleErr,
	} {
		if !errors.Is(err, driver.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(f.called()) != 0 {
		t.Errorf("%q", f.called())
	}
}
