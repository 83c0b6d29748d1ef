package xen

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

const text100 = "name = \"tst100\"\nuuid = \"" + uuid100 + "\"\ntype = \"pv\"\n"

func machine100() driver.Machine {
	return driver.Machine{Type: Type, Label: "tst100", UUID: plainUUID(uuid100), Path: conf100, ID: conf100}
}

// long100 is xl list -l for domain 4 with a VNC server.
const long100 = `[{"domid": 4, "config": {"c_info": {"type": "pv", "name": "tst100"}, "vfbs": [{"devid": 0, "vnc": {"listen": "127.0.0.1"}}]}}]`

func TestCreateLeavesTheDomainPaused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		built := tst100(4, "--p---")
		built.long = long100
		shown := built
		shown.store = "/local/domain/4/console/vnc-port = \"5901\"\n"
		f := &fakeHost{t: t, states: []state{none(), built, built, shown}, files: map[string]string{conf100: text100}}
		o := quiet()
		o.Display = true
		s, err := New("").Create(t.Context(), f, machine100(), o)
		if err != nil || s.State != driver.StateStarting || s.PID != "4" || s.ClientPort != 5901 || s.Display != ":1" || s.Path != conf100 {
			t.Fatalf("%+v, %v", s, err)
		}
		if err := New("").Begin(t.Context(), f, s); err != nil {
			t.Fatal(err)
		}
		want := []string{"create -p " + conf100 + ` vfb=["type=vnc,vnclisten=127.0.0.1,vncunused=1"]`, "unpause 4"}
		if diff := cmp.Diff(want, f.called()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestCreateRefuses(t *testing.T) {
	twin := none()
	twin.list = append(twin.list, line("twin", 7, "-b----", "1.0", uuid100))
	saved := none()
	saved.saved = []string{"/s\n{\"label\":\"tst100\",\"state\":\"/s\"}\n"}
	tests := map[string]struct {
		before state
		answer host.Result
		text   string
		reason error
		says   string
	}{
		"running":        {tst100(3, "-b----"), host.Result{}, text100, driver.ErrAlreadyRunning, "as domain 3"},
		"same UUID":      {twin, host.Result{}, text100, driver.ErrAlreadyRunning, "domain 7, twin, has the same UUID"},
		"suspended":      {saved, host.Result{}, text100, driver.ErrAlreadyRunning, "suspended in /s"},
		"lost race":      {none(), recordedFailure(t, "err_create_dup"), text100, driver.ErrAlreadyRunning, "already exists"},
		"bad kernel":     {none(), recordedFailure(t, "err_create_badkernel"), text100, nil, "no loader found: Invalid kernel"},
		"refused by xl":  {none(), recordedFailure(t, "err_create_noname"), text100, nil, conf100 + ": xl refuses it"},
		"no rights":      {none(), recordedFailure(t, "err_noperm_create"), text100, host.ErrPermission, escalationAdvice},
		"grammar":        {none(), host.Result{}, "name = \"a\nx", nil, conf100 + ":1: a string"},
		"no uuid of xl":  {none(), host.Result{}, "name = \"a\"\nuuid = \"ab\"\n", nil, conf100 + ":2: uuid is"},
		"no file at all": {none(), host.Result{}, "", host.ErrFileNotFound, "read configuration"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := &fakeHost{t: t, states: []state{tt.before}, files: map[string]string{conf100: tt.text}, answers: map[string]host.Result{"create": tt.answer}}
			if tt.text == "" {
				f.files = nil
			}
			_, err := New("").Create(t.Context(), f, machine100(), quiet())
			if err == nil || tt.reason != nil && !errors.Is(err, tt.reason) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %v %s", err, tt.reason, tt.says)
			}
		})
	}
}

// TestCreateGivenUp leaves no domain, and never touches one that was there before or has run.
func TestCreateGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fresh := state{list: []string{domain0(), line("tst100", 4, "--p---", "0.0", uuid100)}}
		ctx, cancel := context.WithCancel(t.Context())
		f := &fakeHost{t: t, states: []state{none(), fresh, fresh, none()}, files: map[string]string{conf100: text100}}
		f.answers = map[string]host.Result{"create": {ExitCode: 1, Stderr: []byte("killed")}}
		f.after = func(command string) {
			if command == "create" {
				cancel()
			}
		}
		if _, err := New("").Create(ctx, f, machine100(), quiet()); err == nil {
			t.Error("created")
		}
		if diff := cmp.Diff([]string{"create -p " + conf100, "destroy 4"}, f.called()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestSuspendAndResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New("tester")
		f := &fakeHost{t: t, states: []state{tst100(3, "-b----"), none()}}
		own := savedDir + "/" + keyOf("tst100") + ".state"
		file, err := d.Suspend(t.Context(), f, sessionOf(3), "")
		if err != nil || file != own {
			t.Fatalf("%s, %v", file, err)
		}
		text, err := (&record{Label: "tst100", UUID: plainUUID(uuid100), Config: conf100, State: own, Own: true}).encode()
		if err != nil {
			t.Fatal(err)
		}
		saved := none()
		saved.saved = []string{text}
		f.states = []state{saved, tst100(4, "--p---")}
		s, err := d.Resume(t.Context(), f, machine100(), "", quiet())
		if err != nil || s.PID != "4" {
			t.Fatalf("%+v, %v", s, err)
		}
		if err := d.Begin(t.Context(), f, s); err != nil {
			t.Fatal(err)
		}
		want := []string{"save 3 " + own, "restore -p " + own, "unpause 4", "forget " + own}
		if diff := cmp.Diff(want, f.called()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestResumeRefuses(t *testing.T) {
	d := New("")
	f := &fakeHost{t: t, states: []state{none()}, answers: map[string]host.Result{"restore": recordedFailure(t, "err_restore_nofile")}}
	if _, err := d.Resume(t.Context(), f, machine100(), "", quiet()); !errors.Is(err, driver.ErrNotRunning) {
		t.Errorf("nothing saved: %v", err)
	}
	if _, err := d.Resume(t.Context(), f, machine100(), "/none", quiet()); !errors.Is(err, driver.ErrNotRunning) || !strings.Contains(err.Error(), "/none") {
		t.Errorf("no such file: %v", err)
	}
	if _, err := d.Resume(t.Context(), f, machine100(), "a\nb", quiet()); err == nil {
		t.Error("took a newline in a path")
	}
	f.states = []state{tst100(3, "-b----")}
	if _, err := d.Resume(t.Context(), f, machine100(), "/s", quiet()); !errors.Is(err, driver.ErrAlreadyRunning) {
		t.Errorf("it runs: %v", err)
	}
}

// TestResumeOfAnotherMachine: a state file of something else leaves no domain.
func TestResumeOfAnotherMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other := none()
		other.list = append(other.list, line("other", 9, "--p---", "0.0", "11111111-1111-1111-1111-111111111111"))
		other.watchers = []string{"/var/log/xen/xl-other.log\x00" + conf100 + "\x00xl\x00restore\x00-p\x00/s\x00"}
		f := &fakeHost{t: t, states: []state{none(), other, other, none()}}
		if _, err := New("").Resume(t.Context(), f, machine100(), "/s", quiet()); err == nil || !strings.Contains(err.Error(), "not of this machine") {
			t.Errorf("%v", err)
		}
		if diff := cmp.Diff([]string{"restore -p /s", "destroy 9"}, f.called()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestSuspendFails: the reason is told, and what has become of the domain.
func TestSuspendFails(t *testing.T) {
	said := "Saving to /s new xl format (info 0x3/0x0/1046)\nxc: info: Saving domain 3, type x86 PV\nxc: progress: Frames: 1/2  50%\n" +
		"xc: error: Failed to write page data to stream (28 = No space left on device): Internal error\nlibxl: error: whatever follows\n"
	f := &fakeHost{t: t, states: []state{tst100(3, "-b----"), {list: tst100(3, "-b----").list}},
		answers: map[string]host.Result{"save": {ExitCode: 1, Stderr: []byte(said)}}}
	_, err := New("").Suspend(t.Context(), f, sessionOf(3), "/s")
	if err == nil || !strings.Contains(err.Error(), "No space left on device") || !strings.Contains(err.Error(), "no longer watches") ||
		strings.Contains(err.Error(), "Saving") {
		t.Errorf("%v", err)
	}
	// A saved state is thrown away by poweroff; a place that a person chose stays.
	for own, want := range map[bool]string{true: "forget /s", false: "forget "} {
		f := &fakeHost{t: t}
		s := driver.Session{Type: Type, Label: "tst100", State: driver.StateSuspended, Handle: &record{Label: "tst100", State: "/s", Own: own}}
		if err := New("").Poweroff(t.Context(), f, s, 0); err != nil || f.called()[0] != want {
			t.Errorf("%v, %q", err, f.called())
		}
	}
}
