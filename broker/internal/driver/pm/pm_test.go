//go:build unix

package pm

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/host/local"
	"github.com/conbroker/conbroker/consoles"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeHost answers from a table and notes what it was asked. No test may order the real host to power off.
type fakeHost struct {
	answers func(c host.Command) (host.Result, error)
	asked   []host.Command
}

func (f *fakeHost) Name() string { return "lab00" }

func (f *fakeHost) Run(_ context.Context, c host.Command) (host.Result, error) {
	f.asked = append(f.asked, c)
	return f.answers(c)
}

func (f *fakeHost) Start(context.Context, host.Command, host.Terminal) (consoles.Stream, error) {
	return nil, &host.Error{Host: "lab00", Action: "start", Err: host.ErrUnreachable}
}

func (f *fakeHost) Dial(context.Context, string, string) (net.Conn, error) {
	return nil, &host.Error{Host: "lab00", Action: "dial", Err: host.ErrUnreachable}
}

func (f *fakeHost) Close() error { return nil }

// sectionHost answers every script with the same sections.
func sectionHost(sections ...host.Section) *fakeHost {
	return &fakeHost{answers: func(c host.Command) (host.Result, error) {
		mark, err := io.ReadAll(c.Stdin)
		if err != nil {
			return host.Result{}, err
		}
		var out strings.Builder
		for _, s := range append(sections, host.Section{Name: "end"}) {
			out.WriteString(strings.TrimSpace(string(mark)) + s.Name + "\n" + string(s.Data))
		}
		return host.Result{Stdout: []byte(out.String())}, nil
	}}
}

func section(name, data string) host.Section { return host.Section{Name: name, Data: []byte(data)} }

func realHost(t *testing.T) *local.Host {
	t.Helper()
	h := local.New(local.Options{})
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Errorf("close the host: %v", err)
		}
	})
	return h
}

func TestListOfThisHost(t *testing.T) {
	h := realHost(t)
	d := Driver{Conf: filepath.Join(t.TempDir(), "pm.conf")}
	info, err := d.Probe(t.Context(), h)
	if err != nil || info.State != driver.ProbeEnabled || d.Type() != "PM" {
		t.Errorf("%+v, %v", info, err)
	}
	sessions, err := d.List(t.Context(), h)
	if err != nil || len(sessions) != 1 {
		t.Fatalf("%+v, %v", sessions, err)
	}
	s := sessions[0]
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	short, _, _ := strings.Cut(name, ".")
	if s.Label != short || s.Role != driver.RoleServer || s.State != driver.StateRunning || s.ID != "" || s.PID != "" || s.Arch == "" {
		t.Errorf("%+v", s)
	}
	if !strings.HasPrefix(s.TCP, short) {
		t.Errorf("name %q, interfaces %+v", s.TCP, s.NICs)
	}
	machines, problems, err := d.Enumerate(t.Context(), h, nil)
	if len(machines)+len(problems) != 0 || err != nil {
		t.Errorf("without pm.conf: %+v, %v, %v", machines, problems, err)
	}
}

func TestEnumerateReadsTheHostsDescription(t *testing.T) {
	h := realHost(t)
	d := Driver{Conf: filepath.Join(t.TempDir(), "pm.conf")}
	text := "#!/bin/sh\n# LABEL=comment\n#@#LABEL = \"lab00\"\nLABEL=second\n#@#UUID=\"11111111-2222-3333-4444-55555555AAAA\"\n" +
		"#@#MAC0 = \"00:50:56:13:11:33\"\n#@#IP0 = \"lab00.soho.\"\n#@#MAC1=00-50-56-13-11-34\nIP1='192.168.1.71'\n" +
		"#@#SERNO = \"20081231235959\"\n#@#VRAM=8192\n#@#VCPU = \"4\"\n#@#OTHER=\"\x00\x1b\"\n=\nnonsense\n"
	if err := os.WriteFile(d.Conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	machines, problems, err := d.Enumerate(t.Context(), h, nil)
	if err != nil || len(problems) != 0 || len(machines) != 1 {
		t.Fatalf("%+v, %v, %v", machines, problems, err)
	}
	want := driver.Machine{
		Type: "PM", Label: "lab00", ID: d.Conf, Path: d.Conf, UUID: "1111111122223333444455555555aaaa", Serial: "20081231235959",
		NICs: []driver.NIC{
			{MAC: "00:50:56:13:11:33", IP: "lab00.soho."}, {MAC: "00:50:56:13:11:34", IP: "192.168.1.71"},
		},
		Category: "PM", Memory: 8192, VCPUs: 4, Arch: machines[0].Arch,
	}
	if diff := cmp.Diff(want, machines[0]); diff != "" || want.Arch == "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	sessions, err := d.List(t.Context(), h)
	if err != nil || len(sessions) != 1 || sessions[0].ID != d.Conf || sessions[0].Path != d.Conf {
		t.Errorf("%+v, %v", sessions, err)
	}
}

func TestEnumerateReportsWhatIsWrong(t *testing.T) {
	for text, words := range map[string]string{
		"\n#@#UUID=\"nonsense\"\n":                      "line 2: UUID",
		"#@#MAC0=\"00:11\"":                             "line 1: MAC0",
		"#@#IP3=\"a b\"":                                "IP3",
		"#@#LABEL=\"a/b\"":                              "LABEL",
		"#@#LABEL=\"" + strings.Repeat("x", 100) + "\"": "LABEL",
		"#@#VCPU=many":                                  "VCPU",
	} {
		h := sectionHost(section("node", "lab00\n"), section("conf", text))
		machines, problems, err := Driver{}.Enumerate(t.Context(), h, nil)
		if err != nil || len(machines) != 0 || len(problems) != 1 || problems[0].Path != ConfPath || !strings.Contains(problems[0].Err.Error(), words) {
			t.Errorf("%q: %+v, %+v, %v", text, machines, problems, err)
		}
	}
	_, problems, err := Driver{}.Enumerate(t.Context(), sectionHost(section("locked", "")), nil)
	if err != nil || len(problems) != 1 || !errors.Is(problems[0].Err, host.ErrPermission) {
		t.Errorf("unreadable: %v, %v", problems, err)
	}
}

func TestListOfALinuxHost(t *testing.T) {
	h := sectionHost(
		section("node", "lab00\n"), section("name", "lab00.soho\n"), section("arch", "x86_64\n"),
		section("uuid", "4C4C4544-0042-3510-8054-B7C04F4B5931\n"),
		section("link", "br0\n00:1a:4b:00:00:09\nvirtual\n"), section("link", "eth0\n00:1a:4b:00:00:01\ndevice\n"),
		section("link", "eth1\n00:1a:4b:00:00:02\ndevice\n"), section("link", "lo\n00:00:00:00:00:00\nvirtual\n"),
		section("addresses", "1: lo    inet 127.0.0.1/8 scope host lo\n2: br0    inet 10.0.0.9/24 brd\n3: eth1    inet 10.0.0.2/24 x\n"+
			"3: eth1    inet 10.0.0.3/24 x\n4: bad    inet nonsense x\n"),
	)
	sessions, err := Driver{}.List(t.Context(), h)
	want := []driver.Session{{
		Type: "PM", Label: "lab00", UUID: "4c4c4544004235108054b7c04f4b5931", State: driver.StateRunning, Role: driver.RoleServer,
		Arch: "x86_64", TCP: "lab00.soho.", NICs: []driver.NIC{{MAC: "00:1a:4b:00:00:02", IP: "10.0.0.2", Name: "eth1"}},
	}}
	if diff := cmp.Diff(want, sessions); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if len(h.asked) != 1 {
		t.Errorf("%d round trips", len(h.asked))
	}
}

func TestListOfAMacAndOfASilentHost(t *testing.T) {
	h := sectionHost(section("node", "mac.home\n"), section("name", "\n"), section("ifconfig",
		"lo0: flags=8049<UP>\n\tinet 127.0.0.1 netmask\nutun0: flags\n\tinet 10.9.9.9\nen0: flags=8863<UP>\n\tether a4:83:e7:00:00:01\n\tinet 192.168.1.5 netmask\n"))
	sessions, err := Driver{}.List(t.Context(), h)
	want := []driver.NIC{{MAC: "a4:83:e7:00:00:01", IP: "192.168.1.5", Name: "en0"}}
	if err != nil || len(sessions) != 1 || sessions[0].TCP != "mac.home." || sessions[0].Label != "mac" || !cmp.Equal(want, sessions[0].NICs) {
		t.Errorf("%+v, %v", sessions, err)
	}
	sessions, err = Driver{}.List(t.Context(), sectionHost())
	if err != nil || len(sessions) != 1 || sessions[0].Label != host.LocalName {
		t.Errorf("a host that says nothing: %+v, %v", sessions, err)
	}
}

func TestConsoleIsALoginShellInTheHomeDirectory(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home of anna")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, shell := range []string{"/bin/sh", "/no/such/shell", ""} {
		t.Setenv("HOME", home)
		t.Setenv("SHELL", shell)
		s, err := Driver{}.Console(t.Context(), realHost(t), driver.Session{}, host.Terminal{Size: consoles.Size{Cols: 132, Rows: 50}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(s, "echo \"<$PWD:$TERM:$((6*7)):$(stty size)>\"; exit 6\n"); err != nil {
			t.Fatal(err)
		}
		out, err := io.ReadAll(s)
		if want := "<" + home + ":xterm-256color:42:50 132>"; err != nil || !strings.Contains(string(out), want) {
			t.Errorf("SHELL=%s: %q, %v", shell, out, err)
		}
		if got := s.Wait(); got.Code != 6 {
			t.Errorf("ended as %+v", got)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := (Driver{}).Console(t.Context(), sectionHost(), driver.Session{}, host.Terminal{}); !errors.Is(err, host.ErrUnreachable) {
		t.Errorf("an unreachable host: %v", err)
	}
}

func TestPowerOrders(t *testing.T) {
	d, session := Driver{}, driver.Session{Type: Type, Label: "lab00"}
	actions := map[string]func(h host.Host) error{
		"poweroff": func(h host.Host) error { return d.Poweroff(t.Context(), h, session, time.Second) },
		"reset":    func(h host.Host) error { return d.Reset(t.Context(), h, session) },
		"reboot":   func(h host.Host) error { return d.Reboot(t.Context(), h, session, time.Second) },
	}
	first := map[string]string{"poweroff": "systemctl poweroff", "reset": "systemctl reboot --force", "reboot": "systemctl reboot"}
	second := map[string]string{"poweroff": "shutdown -h now", "reset": "reboot -f", "reboot": "shutdown -r now"}
	notInstalled := &host.Error{Host: "lab00", Action: "run", Err: host.ErrNotInstalled}
	broken := &host.Error{Host: "lab00", Action: "run", Err: host.ErrUnreachable}
	for action, do := range actions {
		for _, tt := range []struct {
			name   string
			first  error
			status int
			asked  int
			fails  bool
		}{
			{"taken", nil, 0, 1, false},
			{"no systemd", notInstalled, 0, 2, false},
			{"refused", nil, 1, 2, true},
			{"way broke", broken, 0, 1, true},
		} {
			h := &fakeHost{}
			h.answers = func(host.Command) (host.Result, error) {
				if len(h.asked) == 1 && tt.first != nil {
					return host.Result{}, tt.first
				}
				return host.Result{ExitCode: tt.status, Stderr: []byte("Access denied\n")}, nil
			}
			err := do(h)
			var told *driver.Error
			if (err != nil) != tt.fails || err != nil && (!errors.As(err, &told) || told.Label != "lab00" || told.Action != action) {
				t.Errorf("%s, %s: %v", action, tt.name, err)
			}
			if len(h.asked) != tt.asked {
				t.Fatalf("%s, %s: asked %+v", action, tt.name, h.asked)
			}
			want := []string{first[action], second[action]}
			for i, c := range h.asked {
				if got := strings.Join(c.Argv, " "); got != want[i] || !c.Raised {
					t.Errorf("%s, %s: %q, raised %v", action, tt.name, got, c.Raised)
				}
			}
		}
	}
}

func TestUnreachableHostIsAnError(t *testing.T) {
	h := &fakeHost{answers: func(host.Command) (host.Result, error) {
		return host.Result{}, &host.Error{Host: "lab00", Action: "connect", Err: host.ErrUnreachable}
	}}
	_, listErr := Driver{}.List(t.Context(), h)
	_, _, enumErr := Driver{}.Enumerate(t.Context(), h, nil)
	_, showErr := Driver{}.Show(t.Context(), h)
	_, infoErr := Driver{}.Info(t.Context(), h)
	for _, err := range []error{listErr, enumErr, showErr, infoErr} {
		if !errors.Is(err, host.ErrUnreachable) || !strings.Contains(err.Error(), "lab00") {
			t.Errorf("%v", err)
		}
	}
}

// value finds a fact; empty if it is not there.
func value(f []driver.Fact, group, name string) string {
	for _, fact := range f {
		if fact.Group == group && fact.Name == name {
			return fact.Value
		}
	}
	return ""
}

func TestReportsOfThisHost(t *testing.T) {
	h := realHost(t)
	show, err := Driver{}.Show(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	info, err := Driver{}.Info(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range append(show, info...) {
		if f.Value == "" || strings.ContainsAny(f.Name+f.Value, "\n\x1b") {
			t.Errorf("not one line: %+v", f)
		}
	}
	if runtime.GOOS != "linux" {
		return
	}
	for _, name := range []string{"node", "release", "machine", "uptime"} {
		if value(show, "host", name) == "" {
			t.Errorf("show has no %s: %+v", name, show)
		}
	}
	if value(show, "memory", "total") == "" || value(show, "load", "1, 5 and 15 minutes") == "" || value(show, "processes", "PID") == "" {
		t.Errorf("show is incomplete: %+v", show)
	}
	if value(info, "host", "kernel") == "" || value(info, "processors", "count") == "" || value(info, "software", "sh") == "" {
		t.Errorf("info is incomplete: %+v", info)
	}
}
