package table

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/conbroker/conbroker/consoles/vt"
	"github.com/conbroker/conbroker/rpc/protocol"
	"github.com/google/go-cmp/cmp"
)

// sessions are rows as the seed's documents show them, a tunnel and a client among them.
func sessions() []protocol.Session {
	return []protocol.Session{
		{Host: "lab00.soho", Type: "XEN", Label: "Domain-0", Role: protocol.RoleServer, User: "root", Group: "root", State: protocol.StateRunning},
		{Host: "lab00.soho", Type: "XEN", Label: "tst100", TCP: "192.168.1.220", MAC: "00:50:56:13:11:40", UUID: "6842caf91e3e43249ed596b8b9f2c5c2",
			ID: "/home/anna/xen/tst100/tst100.conf", PID: "3", CPort: 5900, Role: protocol.RoleServer, State: protocol.StatePaused, Arch: "x86_64"},
		{Host: "ws2", Type: "VNC", Label: "tst100", Role: protocol.RoleClient, User: "anna", Group: "users", State: protocol.StateRunning},
		{Host: "ws2", Type: "SSH(XEN)", Label: "tst100", CPort: 5950, SPort: 5900, Role: protocol.RoleTunnel, User: "anna", Group: "users", State: protocol.StateRunning},
		{Host: "lab00.soho", Type: "PM", Label: "lab00", TCP: "lab00.soho.", Role: protocol.RoleServer, State: protocol.StateCrashed},
	}
}

// wide are labels whose cells are not their bytes.
func wide() []protocol.Session {
	return []protocol.Session{
		{Host: "lab00", Type: "QEMU", Label: "仮想マシンの長いラベルです", Role: "S", State: "running"},
		{Host: "lab00", Type: "QEMU", Label: "cafe\u0301-noe\u0308l", Role: "S", State: "running"},
		{Host: "lab00", Type: "QEMU", Label: "👩\u200d💻 desk", Role: "S", State: "off"},
		{Host: "lab00", Type: "QEMU", Label: "\u0301mark first", Role: "S", State: "off"},
		{Host: "lab00", Type: "QEMU", Label: "a label that is much longer than its column is", Role: "S", State: "off"},
	}
}

// hostile are values that would move the cursor, change the title, forge a row or turn the direction.
func hostile() []protocol.Session {
	return []protocol.Session{
		{Host: "lab\x1b[2J00", Type: "XEN", Label: "a\nb|forged", User: "\x1b]0;owned\a", Role: "S", State: "running"},
		{Host: "lab00", Type: "XEN", Label: "\u202egnp.exe", User: "\u009b31m", Group: "\xff\xfe", Role: "S", State: "ru\x00nning"},
		{Host: "lab00", Type: "XEN", Label: "tab\there\r", User: "zero\u200bwidth", Group: "del\x7f", Role: "S", State: "running"},
	}
}

func TestTabTCPHasTheColumnsOfTheOriginal(t *testing.T) {
	text := golden(t, "tab_tcp", render(TabTCP(sessions()), Options{}))
	lines := strings.Split(text, "\n")
	if want := "TCP-container    |TCP-guest        |label               |sesstype|c|user      |group"; lines[0] != want {
		t.Errorf("titles: got %q, want %q", lines[0], want)
	}
	if want := "-----------------+-----------------+--------------------+--------+-+----------+----------"; lines[1] != want {
		t.Errorf("rule: got %q, want %q", lines[1], want)
	}
}

func TestSessionTables(t *testing.T) {
	golden(t, "sessions_pipe", render(Sessions(sessions()), Options{}))
	golden(t, "sessions_120", render(Sessions(sessions()), Options{Width: 120}))
	golden(t, "sessions_80", render(Sessions(sessions()), Options{Width: 80}))
	golden(t, "sessions_40", render(Sessions(sessions()), Options{Width: 40}))
	golden(t, "sessions_colour", render(Sessions(sessions()), Options{Colour: true}))
	golden(t, "sessions_sorted", render(Sessions(sessions()), Options{Sort: []string{"label", "-4"}}))
	golden(t, "sessions_empty", render(Sessions(nil), Options{Width: 80}))
	golden(t, "sessions_wide", render(Sessions(wide()), Options{}))
	golden(t, "tab_tcp_wide", render(TabTCP(wide()), Options{}))
	golden(t, "sessions_hostile", render(Sessions(hostile()), Options{}))
	golden(t, "tab_tcp_hostile", render(TabTCP(hostile()), Options{}))
}

func TestLinesFitTheTerminal(t *testing.T) {
	all := append(append(sessions(), wide()...), hostile()...)
	for _, width := range []int{80, 90, 100, 150, 300} {
		var b strings.Builder
		if err := Sessions(all).Render(&b, Options{Width: width}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if got := vt.Width(strings.TrimSuffix(line, "\n")); got > width {
				t.Errorf("width %d: a line has %d cells: %q", width, got, line)
			}
		}
	}
}

func TestSeparatorsAreBelowEachOther(t *testing.T) {
	var b strings.Builder
	if err := TabTCP(append(wide(), hostile()...)).Render(&b, Options{}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	want := separators(strings.ReplaceAll(lines[1], "+", "|"))
	for _, line := range append(lines[:1:1], lines[2:]...) {
		if diff := cmp.Diff(want, separators(line)); diff != "" {
			t.Errorf("%q has its separators elsewhere (-want +got):\n%s", line, diff)
		}
	}
}

// separators returns the cells at which the separators of a line are.
func separators(line string) []int {
	var cells []int
	for i, r := range line {
		if r == '|' {
			cells = append(cells, vt.Width(line[:i]))
		}
	}
	return cells
}

func TestNothingATerminalObeysIsPrinted(t *testing.T) {
	for name, r := range map[string]func(io.Writer) error{
		"sessions":   render(Sessions(hostile()), Options{}),
		"narrow":     render(Sessions(hostile()), Options{Width: 60}),
		"records":    func(w io.Writer) error { return SessionRecords(hostile()).Render(w, RecordOptions{Title: true}) },
		"json":       func(w io.Writer) error { return JSON(w, hostile(), true) },
		"candidates": render(Candidates([]protocol.Candidate{{Label: "\x1bc", Path: "/x\n\u2066y"}}), Options{}),
		"reports": Reports{{Host: "a\x1b[1m", Facts: []protocol.Fact{{Group: "g\r", Name: "n\u0085", Value: "v\nw"}},
			Drivers: []protocol.DriverInfo{{Type: "\x07", Reason: "\u202e"}}}}.asFunc(),
	} {
		var b strings.Builder
		if err := r(&b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i, c := range b.String() {
			if c != '\n' && obeyed(c) || c == '\ufffd' && name != "json" {
				t.Errorf("%s: %U at %d of %q", name, c, i, b.String())
			}
		}
	}
}

// asFunc renders without options.
func (r Reports) asFunc() func(io.Writer) error {
	return func(w io.Writer) error { return r.Render(w, Options{}) }
}

func TestSortRefusesUnknownColumns(t *testing.T) {
	for _, name := range []string{"colour", "0", "9", "-", ""} {
		err := Sessions(sessions()).Render(io.Discard, Options{Sort: []string{name}})
		if err == nil || !strings.Contains(err.Error(), "TCP-container, TCP-guest, label") {
			t.Errorf("sort by %q: got error %v, want one that lists the columns", name, err)
		}
	}
}

func TestRenderReportsTheErrorOfTheWriter(t *testing.T) {
	r, w := io.Pipe()
	broken := errors.New("broken pipe")
	r.CloseWithError(broken)
	if err := Sessions(nil).Render(w, Options{}); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

func TestOtherTables(t *testing.T) {
	machines := []protocol.Machine{
		{Host: "lab00", Type: "XEN", Label: "tst100", TCP: "192.168.1.220", MAC: "00:50:56:13:11:40", State: "running", Path: "/home/anna/xen/tst-ctys/tst100/tst100.conf"},
		{Host: "localhost", Type: "QEMU", Label: "tst101", State: "off", Path: "/home/anna/.config/conbroker/machines/a directory with a long name/tst101.toml"},
	}
	golden(t, "machines_pipe", render(Machines(machines), Options{}))
	golden(t, "machines_100", render(Machines(machines), Options{Width: 100}))
	golden(t, "hosts", render(Hosts([]protocol.Host{
		{Host: "localhost", Transport: "local", State: "connected", Types: []string{"QEMU", "PM"}, Escalation: "none"},
		{Host: "lab00", Address: "lab00.soho", Transport: "openssh", State: "failed", Escalation: "ksu",
			Error: protocol.Errorf(protocol.CodeHostUnreachable, "lab00: connect: no route to host")},
	}), Options{Width: 90}))
	golden(t, "consoles", render(Consoles([]protocol.Console{
		{Console: "c1", Label: "tst100", Host: "localhost", Type: "QEMU", Kind: "guest", State: "open", Size: protocol.Size{Cols: 80, Rows: 24}, Attachments: 2, Writer: "emacs"},
		{Console: "c2", Label: "lab00", Host: "lab00", Type: "PM", Kind: "host", State: "closed", Exit: &protocol.ConsoleExit{Reason: "the shell ended"}},
	}), Options{}))
	golden(t, "candidates", render(Candidates([]protocol.Candidate{
		{Host: "lab00", Type: "XEN", Label: "tst100", ID: "/home/anna/xen/tst100/tst100.conf", Path: "/home/anna/xen/tst100/tst100.conf",
			UUID: "6842caf91e3e43249ed596b8b9f2c5c2", MAC: "00:50:56:13:11:40", TCP: "192.168.1.220", Serial: "2008010101", State: "running"},
		{Host: "lab00", Type: "XEN", Label: "tst100", ID: "/home/chkusr/xen/tst100/tst100.conf", UUID: "6842caf91e3e43249ed596b8b9f2c5c2", State: "off"},
	}), Options{Width: 150}))
}

func TestReports(t *testing.T) {
	reports := Reports{
		{Host: "lab00", Facts: []protocol.Fact{
			{Group: "memory", Name: "total", Value: "2048 MiB"}, {Group: "system", Name: "kernel", Value: "Linux 6.1"},
			{Group: "memory", Name: "in use 使用", Value: "512 MiB"}},
			Sessions: map[string]int{"XEN": 3, "PM": 1}},
		{Host: "lab01", Drivers: []protocol.DriverInfo{
			{Type: "XEN", State: "enabled", Version: "xl 4.17"},
			{Type: "QEMU", State: "disabled", Reason: "qemu-system-x86_64 is not installed", Advice: "apt install qemu-system-x86"}}},
	}
	golden(t, "reports", func(w io.Writer) error { return reports.Render(w, Options{}) })
	golden(t, "reports_colour", func(w io.Writer) error { return reports.Render(w, Options{Colour: true}) })
	golden(t, "reports_empty", func(w io.Writer) error { return Reports(nil).Render(w, Options{}) })
}
