package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// write puts a configuration into a file of its own.
func write(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// load reads a configuration that must be right.
func load(t testing.TB, text string) *Config {
	t.Helper()
	c, err := Load(write(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const full = `
[defaults]
type = "xen"
console = "EmacsAM"
escalation = "none"
forwarding = "DF"

[hosts.lab00]
address = "lab00.soho"
transport = "openssh"
escalation = "KSU"
types = ["XEN", "pm"]
basepaths = ["xen", "~/vm", "$HOME/b c", "/etc/ctys.d", "~"]
libvirt = "xen:///system"

[hosts.lab01]

[hosts.here]
transport = "local"

[groups]
lab = ["lab00", "lab01"]
all = ["localhost", "lab", "lab00", "elsewhere"]

[macros]
TAB_CPORT = "tab_gen:3_Label_10"

[consoles]
scrollback = "512KiB"
record = "on"
xterm = ["xterm", "-e"]
`

func TestLoad(t *testing.T) {
	c := load(t, full)
	want := Defaults{Type: "XEN", Console: "emacsam", Escalation: "none", Forwarding: "df"}
	if diff := cmp.Diff(want, c.Defaults); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"localhost", "here", "lab00", "lab01"}, c.HostNames()); diff != "" {
		t.Errorf("host names (-want +got):\n%s", diff)
	}
	consoles := Consoles{Scrollback: 512 * KiB, Record: "on", Xterm: []string{"xterm", "-e"}, VNCViewer: []string{"vncviewer", "{host}::{port}"}}
	if diff := cmp.Diff(consoles, c.ConsoleSettings()); diff != "" {
		t.Errorf("consoles (-want +got):\n%s", diff)
	}
	if got := c.Macros["TAB_CPORT"]; got != "tab_gen:3_Label_10" {
		t.Errorf("macro: got %q", got)
	}
}

func TestHost(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	machines := filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "conbroker", "machines")
	c := load(t, full)
	for name, want := range map[string]HostSettings{
		"lab00": {Address: "lab00.soho", Transport: "openssh", Escalation: "ksu", Types: []string{"XEN", "PM"}, Libvirt: "xen:///system",
			BasePaths: []string{"xen", "vm", "b c", "/etc/ctys.d", "~"}},
		"lab01":     {Address: "lab01", Transport: "openssh", Escalation: "none", BasePaths: []string{".config/conbroker/machines", "xen", "qemu", "/etc/ctys.d"}},
		"unknown":   {Address: "unknown", Transport: "openssh", Escalation: "none", BasePaths: []string{".config/conbroker/machines", "xen", "qemu", "/etc/ctys.d"}},
		"here":      {Address: "here", Transport: "local", Escalation: "none", BasePaths: []string{machines, "xen", "qemu", "/etc/ctys.d"}},
		"localhost": {Address: "localhost", Transport: "local", Escalation: "none", BasePaths: []string{machines, "xen", "qemu", "/etc/ctys.d"}},
	} {
		want.Name, want.Forwarding, want.Console, want.Type = name, "df", "emacsam", "XEN"
		if diff := cmp.Diff(want, c.Host(name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestZeroConfig(t *testing.T) {
	c := &Config{}
	if got := c.Host("localhost"); got.Transport != "local" || got.Console != "cli" || got.Type != "" || got.Types != nil {
		t.Errorf("localhost: got %+v", got)
	}
	if got := c.ConsoleSettings(); got.Scrollback != MiB || got.Record != "off" {
		t.Errorf("consoles: got %+v, want 1MiB and off", got)
	}
	if diff := cmp.Diff([]string{"localhost"}, c.HostNames()); diff != "" {
		t.Errorf("host names (-want +got):\n%s", diff)
	}
}

func TestResolveHosts(t *testing.T) {
	c := load(t, full)
	for name, want := range map[string]struct{ in, out []string }{
		"nothing":      {nil, nil},
		"groups":       {[]string{"all"}, []string{"localhost", "lab00", "lab01", "elsewhere"}},
		"order":        {[]string{"lab01", "all"}, []string{"lab01", "localhost", "lab00", "elsewhere"}},
		"repetition":   {[]string{"lab00", "lab", "lab00"}, []string{"lab00", "lab01"}},
		"known to ssh": {[]string{"me@vm.example", "::1", "büro"}, []string{"me@vm.example", "::1", "büro"}},
	} {
		got, err := c.ResolveHosts(want.in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want.out, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for _, bad := range []string{"", "-oProxyCommand=x", "a b", "a\nb", "a;b", "$(x)", "a/b", "\xff", "a\u00a0b", "..", strings.Repeat("a", 256), "`x`", "a\u202eb"} {
		var mistake *HostNameError
		if got, err := c.ResolveHosts([]string{"lab00", bad}); !errors.As(err, &mistake) || mistake.Name != bad {
			t.Errorf("%q: got %q, %v; want a *HostNameError", bad, got, err)
		}
	}
}

func TestLoadNamesTheLineOfAMistake(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		line int
		says string
	}{
		"transport":          {"[hosts.a]\ntransport = 'ssh'\n", 2, "openssh, native, local"},
		"escalation":         {"[defaults]\n\nescalation = 'su'\n", 3, "none, sudo, ksu"},
		"host's escalation":  {"[hosts.a]\n[hosts.b]\nescalation = 'su'\n", 3, "none, sudo, ksu"},
		"forwarding":         {"defaults.forwarding = 'x11'\n", 1, "df, cf"},
		"console":            {"[defaults]\nconsole = 'vim'\n", 2, "none, cli, xterm, gterm, emacs, emacsm, emacsa, emacsam, vnc"},
		"record":             {"[consoles]\nrecord = 'yes'\n", 2, "off, on"},
		"default type":       {"[defaults]\ntype = 'XEN QEMU'\n", 2, "XEN"},
		"empty type":         {"[hosts.a]\ntypes = ['']\n", 2, "empty"},
		"scrollback unit":    {"[consoles]\nscrollback = '1 lot'\n", 2, "512KiB"},
		"scrollback type":    {"[consoles]\nscrollback = true\n", 2, "found true or false"},
		"negative":           {"[consoles]\nscrollback = -1\n", 2, "-1"},
		"too small":          {"[consoles]\nscrollback = 17\n", 2, "4KiB to 1GiB"},
		"too large":          {"[consoles]\nscrollback = '2GiB'\n", 2, "4KiB to 1GiB"},
		"no program":         {"[consoles]\nxterm = []\n", 2, "program"},
		"unknown key":        {"[hosts.a]\naddress2 = 'x'\n", 2, "hosts.a.address2"},
		"unknown table":      {"\n[host.a]\n", 2, `"host.a"`},
		"host name":          {"[hosts.a]\n[hosts.'-oProxyCommand=x']\n", 2, "dash"},
		"host name blank":    {"[hosts.\"a b\"]\n", 1, "a b"},
		"address":            {"[hosts.a]\naddress = 'a b'\n", 2, "host name"},
		"local over ssh":     {"[hosts.localhost]\ntransport = 'openssh'\n", 2, "always this computer"},
		"empty base path":    {"[hosts.a]\nbasepaths = ['xen', '']\n", 2, "empty"},
		"control":            {"[hosts.a]\nlibvirt = \"a\\u0007\"\n", 2, "control"},
		"group of itself":    {"[groups]\na = ['x', 'a']\n", 2, "a > a"},
		"cycle":              {"[groups]\nx = ['h']\na = ['b']\nb = ['h', 'c']\nc = ['a']\n", 3, "a > b > c > a"},
		"group is a host":    {"[groups]\nlab = ['x']\n[hosts.lab]\n", 2, "host of this name"},
		"group is localhost": {"[groups]\nlocalhost = ['x']\n", 2, "host of this name"},
		"group name":         {"[groups]\n'a b' = ['x']\n", 2, "a b"},
		"group member":       {"[groups]\na = ['x y']\n", 2, "x y"},
		"group of numbers":   {"[groups]\na = [1]\n", 2, "text in quotes"},
	} {
		path := write(t, c.text)
		got, err := Load(path)
		var mistake *Error
		if !errors.As(err, &mistake) {
			t.Errorf("%s: got %+v, %v; want an *Error", name, got, err)
			continue
		}
		if mistake.File != path || mistake.Line != c.line || !strings.Contains(mistake.Text, c.says) {
			t.Errorf("%s: got %q, want line %d and %q", name, err, c.line, c.says)
		}
	}
}

func TestLoadFiles(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	if c, err := Load(""); err != nil || c == nil || len(c.Hosts) != 0 {
		t.Errorf("no default file: got %+v, %v; want the zero configuration", c, err)
	}
	missing := filepath.Join(t.TempDir(), "none.toml")
	if _, err := Load(missing); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("a named file that does not exist: got %v", err)
	}
	if _, err := Load(t.TempDir()); err == nil {
		t.Error("a directory is read as a configuration")
	}
	var mistake *Error
	if _, err := Load(write(t, strings.Repeat("# long\n", maxFile/7+1))); !errors.As(err, &mistake) {
		t.Errorf("a file that is too large: got %v, want an *Error", err)
	}
	path, err := DefaultPath()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("[hosts.lab00]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load("")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"localhost", "lab00"}, c.HostNames()); diff != "" {
		t.Errorf("the default file (-want +got):\n%s", diff)
	}
}

func TestDefaultPath(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	for value, want := range map[string]string{
		"":                              filepath.Join(home, ".config", "conbroker", "config.toml"),
		"relative":                      filepath.Join(home, ".config", "conbroker", "config.toml"),
		filepath.Join(home, "with xdg"): filepath.Join(home, "with xdg", "conbroker", "config.toml"),
	} {
		t.Setenv("XDG_CONFIG_HOME", value)
		if got, err := DefaultPath(); err != nil || got != want {
			t.Errorf("XDG_CONFIG_HOME=%q: got %q, %v; want %q", value, got, err, want)
		}
	}
}

func TestByteSize(t *testing.T) {
	for text, want := range map[string]ByteSize{"0": 0, "4096": 4 * KiB, "1MiB": MiB, "512 KiB": 512 * KiB, "3GiB": 3 * GiB, "17B": 17} {
		got, err := ParseByteSize(text)
		if err != nil || got != want {
			t.Errorf("%q: got %d, %v; want %d", text, got, err, want)
		}
		if again, err := ParseByteSize(got.String()); err != nil || again != want {
			t.Errorf("%q is written %q and read as %d, %v", text, got, again, err)
		}
	}
	for _, text := range []string{"", "MiB", "1MB", "1.5MiB", "-1", "0x10", "9999999999GiB", "1mib"} {
		if got, err := ParseByteSize(text); err == nil {
			t.Errorf("%q: got %d, want an error", text, got)
		}
	}
}

func FuzzConfig(f *testing.F) {
	f.Add(full)
	f.Add("[groups]\na = ['b']\nb = ['a']\n")
	f.Add("[hosts.'x y']\n[consoles]\nscrollback = '1MiB'\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parse([]byte(text), "config.toml")
		if err != nil {
			var mistake *Error
			if !errors.As(err, &mistake) {
				t.Fatalf("got %T: %v", err, err)
			}
			return
		}
		for name := range c.Groups {
			if _, err := c.ResolveHosts([]string{name}); err != nil {
				t.Errorf("group %q was accepted, and then: %v", name, err)
			}
		}
		for _, name := range c.HostNames() {
			if err := CheckHostName(name); err != nil {
				t.Errorf("host %q was accepted, and then: %v", name, err)
			}
			if s := c.Host(name); s.Address == "" || s.Transport == "" || s.Escalation == "" || s.Forwarding == "" || s.Console == "" || len(s.BasePaths) == 0 {
				t.Errorf("host %q has empty settings: %+v", name, s)
			}
		}
	})
}
