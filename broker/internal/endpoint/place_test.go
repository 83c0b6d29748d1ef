//go:build unix

package endpoint

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conbroker/conbroker/broker/internal/host"
)

func TestFindNamesOneDaemonPerConfiguration(t *testing.T) {
	base, err := os.MkdirTemp("/tmp", "cb")
	ok(t, err)
	t.Cleanup(func() { ok(t, os.RemoveAll(base)) })
	home := base + "/home of anna"
	config := home + "/.config/conbroker/config.toml"
	ok(t, os.MkdirAll(filepath.Dir(config), 0o700))
	ok(t, os.WriteFile(config, nil, 0o600))
	ok(t, os.Symlink(config, home+"/link.toml"))
	values := map[string]string{"HOME": home, "XDG_RUNTIME_DIR": base}
	env := func(name string) string { return values[name] }
	find := func(config string) Place {
		t.Helper()
		p, err := Find(env, config)
		ok(t, err)
		return p
	}
	shared := find("")
	if want := base + "/conbroker/daemon.sock"; shared.Socket != want {
		t.Errorf("socket %s, want %s", shared.Socket, want)
	}
	if find(config) != shared || find(home+"/link.toml") != shared {
		t.Error("the default configuration has a daemon of its own when it is named")
	}
	other := find(home + "/other.toml")
	if other.Socket == shared.Socket || other.Lock == shared.Lock || other.Attach == shared.Attach || other.Log == shared.Log {
		t.Errorf("two configurations share files: %+v", other)
	}
	if find(home+"/third.toml").Socket == other.Socket {
		t.Error("two other configurations share a daemon")
	}
	t.Chdir(home)
	if find("other.toml") != other {
		t.Error("a relative path is another configuration")
	}
	info, err := os.Stat(shared.Dir)
	ok(t, err)
	if info.Mode() != os.ModeDir|0o700 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestFindRefusesAnUnsafeDirectory(t *testing.T) {
	base, err := os.MkdirTemp("/tmp", "cb")
	ok(t, err)
	t.Cleanup(func() { ok(t, os.RemoveAll(base)) })
	ok(t, os.Mkdir(base+"/open", 0o700))
	ok(t, os.Chmod(base+"/open", 0o777))
	ok(t, os.Symlink("/tmp", base+"/link"))
	unsafe := map[string]string{base + "/open": "chmod 700", base + "/link": "symbolic link", "/tmp": ""}
	if os.Geteuid() == 0 {
		ok(t, os.Mkdir(base+"/foreign", 0o700))
		ok(t, os.Chown(base+"/foreign", 65534, 65534))
		unsafe[base+"/foreign"] = "65534"
	} else {
		unsafe["/proc"] = "user 0" // a directory of somebody else's
	}
	for dir, word := range unsafe {
		_, err := Find(func(name string) string {
			return map[string]string{"CONBROKER_RUNTIME_DIR": dir}[name]
		}, "")
		if !errors.Is(err, host.ErrPermission) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", dir, err)
		}
	}
	_, err = Find(func(string) string { return "/tmp/" + strings.Repeat("x", 90) }, "")
	if err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("a path too long for sockets: %v", err)
	}
}
