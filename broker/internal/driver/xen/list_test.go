package xen

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

// recordedState is what a real host showed.
func recordedState(t *testing.T) state {
	list := strings.Split(strings.TrimSpace(recorded(t, "list_v.stdout")), "\n")[1:]
	return state{
		list: list, long: recorded(t, "list_l.stdout"),
		store:    recorded(t, "xenstore_ls_f.stdout") + "/local/domain/13/console/vnc-port = \"5903\"\n/local/domain/12/console/vnc-port = \"22\"\n",
		watchers: []string{watcher("tst100", "create", "-p", conf100), watcher("tst101", "create", "relative.conf"), watcher("other", "create", "/x")},
		saved:    []string{"/var/lib/xen/conbroker/x.state\n{\"label\":\"tst104\",\"uuid\":\"ab\",\"config\":\"/c\",\"state\":\"/var/lib/xen/conbroker/x.state\",\"own\":true}\n", "damaged"},
	}
}

func TestListTakesOneRoundTrip(t *testing.T) {
	f := &fakeHost{t: t, states: []state{recordedState(t)}}
	got, err := New("").List(t.Context(), f)
	if err != nil || f.runs != 1 {
		t.Fatalf("%d round trips, %v", f.runs, err)
	}
	common := driver.Session{Type: Type, Role: driver.RoleServer, Hypervisor: "Xen 4.17", Accelerator: "PARA", Arch: "x86_64"}
	zero, one, two, saved := common, common, common, common
	zero.Label, zero.PID, zero.State, zero.User, zero.Group, zero.Control = "Domain-0", "0", driver.StateRunning, "root", "root", true
	one.Label, one.PID, one.State, one.UUID, one.Path, one.ID = "tst100", "12", driver.StateRunning, plainUUID(uuid100), conf100, conf100
	one.NICs, one.Interface = []driver.NIC{{MAC: "00:50:56:13:11:40", Name: "vif12.0"}}, "vif12.0"
	two.Label, two.PID, two.State, two.UUID = "tst101", "13", driver.StatePaused, "6842caf91e3e43249ed596b8b9f2c5c3"
	two.Display, two.ClientPort = ":3", 5903
	saved.Label, saved.UUID, saved.State, saved.Accelerator = "tst104", "ab", driver.StateSuspended, ""
	saved.Path, saved.ID, saved.StateFile = "/c", "/c", "/var/lib/xen/conbroker/x.state"
	if diff := cmp.Diff([]driver.Session{zero, one, two, saved}, got, cmpopts.IgnoreFields(driver.Session{}, "Handle")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestListWithoutAShell: an escalation that allows only the tools is enough.
func TestListWithoutAShell(t *testing.T) {
	f := &fakeHost{t: t, states: []state{recordedState(t)}, refuse: &host.Error{Host: "lab00", Err: host.ErrPermission}}
	got, err := New("").List(t.Context(), f)
	if err != nil || len(got) != 3 || got[2].ClientPort != 5903 || got[1].Path != "" {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestStates: the letters of xl as states, among them those that a domain has only while it reboots.
func TestStates(t *testing.T) {
	tests := map[string]struct {
		watched, not driver.State
	}{
		"r-----": {driver.StateRunning, driver.StateRunning},
		"-b----": {driver.StateRunning, driver.StateRunning},
		"------": {driver.StateRunning, driver.StateRunning},
		"--p---": {driver.StatePaused, driver.StatePaused},
		"--psr-": {driver.StateStarting, driver.StateCrashed},
		"--ps--": {driver.StateCrashed, driver.StateCrashed},
		"---sc-": {driver.StateCrashed, driver.StateCrashed},
		"-----d": {driver.StateCrashed, driver.StateCrashed},
	}
	for flags, want := range tests {
		for _, watched := range []bool{true, false} {
			domains, err := parseList([]byte(listHead + line("a", 3, flags, "0.1", uuid100) + "\n"))
			if err != nil || len(domains) != 1 {
				t.Fatalf("%s: %v", flags, err)
			}
			domains[0].watched = watched
			expected := want.not
			if watched {
				expected = want.watched
			}
			if got := domains[0].state(); got != expected {
				t.Errorf("%s, watched %v: %s, want %s", flags, watched, got, expected)
			}
		}
	}
}

func TestParseListNames(t *testing.T) {
	names := []string{"a b", "12", "x 3 96 1 r----- 1.0", "(null)", strings.Repeat("n", 60), `$(id)'"`}
	text := listHead
	for i, name := range names {
		text += line(name, i+1, "-b----", "1.5", uuid100) + "\n"
	}
	domains, err := parseList([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range domains {
		if d.name != names[i] || d.id != i+1 {
			t.Errorf("%q, %d; want %q, %d", d.name, d.id, names[i], i+1)
		}
	}
	for _, bad := range []string{"", "xl: no", listHead + "nonsense\n", "Usage xl"} {
		if _, err := parseList([]byte(bad)); err == nil {
			t.Errorf("took %q for a list", bad)
		}
	}
}

func TestListFailures(t *testing.T) {
	noRights := recordedFailure(t, "err_noperm_list").Stderr
	for said, reason := range map[string]error{string(noRights): host.ErrPermission, "sh: 12: xl: not found\n": host.ErrNotInstalled} {
		_, err := readSurvey(&fakeHost{}, []host.Section{{Name: "list", Data: []byte(said)}, {Name: "failed"}})
		if !errors.Is(err, reason) {
			t.Errorf("%s: %v", said, err)
		}
	}
}

func TestInfo(t *testing.T) {
	f := &fakeHost{t: t, answers: map[string]host.Result{"info": {Stdout: []byte(recorded(t, "info.stdout"))}}}
	facts, err := New("").Info(t.Context(), f)
	if err != nil || !slices.Contains(facts, driver.Fact{Group: "Xen", Name: "xen_version", Value: "4.17.7"}) ||
		!slices.Contains(facts, driver.Fact{Group: "Xen", Name: "total_memory", Value: "4095 MiB"}) {
		t.Errorf("%v, %v", facts, err)
	}
	facts, err = New("").Show(t.Context(), f)
	if err != nil || !slices.Contains(facts, driver.Fact{Group: "Xen", Name: "free_memory", Value: "3476 MiB"}) {
		t.Errorf("%v, %v", facts, err)
	}
}

// FuzzSurvey feeds any output of the tools to the readers.
func FuzzSurvey(f *testing.F) {
	f.Add([]byte(listHead+line("a", 1, "-b----", "1.0", uuid100)), []byte("[]"), []byte("/local/domain/1/console/vnc-port = \"5900\"\n"), []byte(watcher("a", "create", "/x")))
	f.Fuzz(func(t *testing.T, list, long, store, watcher []byte) {
		s, err := readSurvey(&fakeHost{}, []host.Section{
			{Name: "list", Data: list}, {Name: "watcher", Data: watcher}, {Name: "long", Data: long}, {Name: "store", Data: store},
		})
		if err != nil {
			return
		}
		for _, d := range s.domains {
			if d.id < 0 || len(d.flags) != 6 || d.vncPort != 0 && d.vncPort < vncBase || d.config != "" && d.config[0] != '/' {
				t.Errorf("%+v", d)
			}
			_ = s.session(d)
		}
	})
}
