//go:build unix

package local

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/conbroker/conbroker/broker/internal/host"
)

func TestPrivateDirIsMadeAndKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b", "c")
	for range 2 {
		if err := PrivateDir(dir); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode() != os.ModeDir|0o700 {
		t.Errorf("%v, %v", info, err)
	}
}

// foreignInfo is what lstat says of something that belongs to user 65534.
type foreignInfo struct{ os.FileInfo }

func (foreignInfo) Sys() any { return &syscall.Stat_t{Uid: 65534} }

func TestPrivateDirRefusesWhatIsNotSafe(t *testing.T) {
	base := t.TempDir()
	for dir, mode := range map[string]os.FileMode{"group": 0o710, "world": 0o701, "readable": 0o744, "sticky": 0o777 | os.ModeSticky} {
		do(t, os.Mkdir(base+"/"+dir, 0o700))
		do(t, os.Chmod(base+"/"+dir, mode))
	}
	do(t, os.Mkdir(base+"/good", 0o700))
	do(t, os.Symlink(base+"/good", base+"/link"))
	writeFile(t, base+"/file", "")
	for name, advice := range map[string]string{
		"group": "chmod 700", "world": "chmod 700", "readable": "chmod 700", "sticky": "chmod 700",
		"link": "symbolic link", "file": "remove it",
	} {
		err := PrivateDir(base + "/" + name)
		if !errors.Is(err, host.ErrPermission) && name != "file" || err == nil || !strings.Contains(err.Error(), advice) ||
			!strings.Contains(err.Error(), base+"/"+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	info, err := os.Lstat(base + "/good")
	do(t, err)
	err = checkPrivate(base+"/good", foreignInfo{info})
	if !errors.Is(err, host.ErrPermission) || !strings.Contains(err.Error(), "65534") || !strings.Contains(err.Error(), "CONBROKER_RUNTIME_DIR") {
		t.Errorf("a directory of user 65534: %v", err)
	}
	if err := PrivateDir(base + "/file/below"); err == nil {
		t.Error("made below a file")
	}
	if os.Geteuid() == 0 {
		do(t, os.Chown(base+"/good", 65534, 65534))
		if err := PrivateDir(base + "/good"); !errors.Is(err, host.ErrPermission) {
			t.Errorf("a directory given away: %v", err)
		}
	}
}
