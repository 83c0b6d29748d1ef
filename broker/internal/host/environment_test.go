//go:build unix

package host_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/conbroker/conbroker/broker/internal/host"
)

func TestEnvironmentIsTheSameByBothForms(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home of anna")
	short, err := os.MkdirTemp("/tmp", "run")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(short); err != nil {
			t.Error(err)
		}
	})
	long := short + "/" + strings.Repeat("x", 50)
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	tests := map[string]map[string]string{
		"chosen":      {"HOME": home, "CONBROKER_RUNTIME_DIR": short + "/my dir", "XDG_STATE_HOME": home + "/state"},
		"xdg":         {"HOME": home, "CONBROKER_RUNTIME_DIR": "", "XDG_RUNTIME_DIR": short, "XDG_STATE_HOME": ""},
		"xdg missing": {"HOME": home, "CONBROKER_RUNTIME_DIR": "", "XDG_RUNTIME_DIR": short + "/none", "XDG_STATE_HOME": "relative"},
		"xdg too long": {"HOME": home, "CONBROKER_RUNTIME_DIR": "", "XDG_STATE_HOME": "",
			"XDG_RUNTIME_DIR": long},
		"xdg relative": {"HOME": home, "CONBROKER_RUNTIME_DIR": "", "XDG_RUNTIME_DIR": "run", "XDG_STATE_HOME": ""},
	}
	for name, env := range tests {
		t.Run(name, func(t *testing.T) {
			direct, commands := bothForms(t, env)
			want, err := host.ReadEnvironment(t.Context(), direct)
			if err != nil {
				t.Fatal(err)
			}
			got, err := host.ReadEnvironment(t.Context(), commands)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-direct +commands):\n%s", diff)
			}
			for _, dir := range []string{want.RuntimeDir, want.StateDir} {
				if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
					t.Errorf("%s: %v, %v", dir, info, err)
				}
			}
			if want.Home != home || want.BootID == "" || want.Machine == "" || want.Node == "" || want.User == "" {
				t.Errorf("incomplete: %+v", want)
			}
		})
	}
}

func TestEnvironmentRefusesAnUnsafeRuntimeDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(dir+"/open", 0o755); err != nil {
		t.Fatal(err)
	}
	symlink(t, dir, dir+"/link")
	write(t, dir+"/file", "")
	for name, chosen := range map[string]string{
		"open to others": dir + "/open", "link": dir + "/link", "file": dir + "/file", "relative": "run",
		"too long": "/tmp/" + strings.Repeat("x", 100),
	} {
		t.Run(name, func(t *testing.T) {
			direct, commands := bothForms(t, map[string]string{"CONBROKER_RUNTIME_DIR": chosen, "HOME": dir})
			for _, h := range []host.Host{direct, commands} {
				e, err := host.ReadEnvironment(t.Context(), h)
				if err == nil {
					t.Fatalf("used %s", e.RuntimeDir)
				}
				var way *host.Error
				if !errors.As(err, &way) {
					t.Errorf("not an error of the host: %v", err)
				}
			}
		})
	}
	if _, err := os.Stat("/tmp/" + strings.Repeat("x", 100)); err == nil {
		t.Error("the directory that is too long was made")
	}
}

func TestRuntimeDirRule(t *testing.T) {
	tests := []struct {
		name, chosen, xdg string
		owned             bool
		want              string
	}{
		{"chosen wins", "/run/mine", "/run/user/1000", true, "/run/mine"},
		{"xdg", "", "/run/user/1000", true, "/run/user/1000/conbroker"},
		{"xdg of somebody else", "", "/run/user/1000", false, "/tmp/conbroker-1000"},
		{"xdg too long", "", "/" + strings.Repeat("x", 50), true, "/tmp/conbroker-1000"},
		{"nothing", "", "", true, "/tmp/conbroker-1000"},
	}
	for _, tt := range tests {
		env := map[string]string{"CONBROKER_RUNTIME_DIR": tt.chosen, "XDG_RUNTIME_DIR": tt.xdg}
		got, err := host.RuntimeDir(func(n string) string { return env[n] }, 1000, func(string) bool { return tt.owned })
		if got != tt.want || err != nil {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, err, tt.want)
		}
	}
}
