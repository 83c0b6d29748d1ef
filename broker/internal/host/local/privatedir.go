package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/conbroker/conbroker/broker/internal/host"
)

// PrivateDir makes dir, mode 0700, if it does not exist, and checks that it is a directory of this user's own that nobody
// else can enter. A symbolic link in its place is refused. The error names the directory, its owner, and what to do; it
// wraps [host.ErrPermission] if the directory exists and is not safe.
func PrivateDir(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return fmt.Errorf("make directory %s: %w", filepath.Dir(dir), pathReason(err))
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make directory %s: %w", dir, pathReason(err))
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("look at directory %s: %w", dir, pathReason(err))
	}
	return checkPrivate(dir, info)
}

// checkPrivate judges what stands at dir.
func checkPrivate(dir string, info fs.FileInfo) error {
	if !info.IsDir() {
		return fmt.Errorf("%w: %s is not a directory but a %s: remove it", host.ErrPermission, dir, kindOf(info.Mode()))
	}
	if owner, mine := ownerOf(info); !mine {
		return fmt.Errorf("%w: directory %s belongs to %s and is not used: remove it, or set CONBROKER_RUNTIME_DIR to a directory of your own",
			host.ErrPermission, dir, owner)
	}
	if open := info.Mode().Perm() & othersMask; open != 0 {
		return fmt.Errorf("%w: directory %s is open to others (mode %04o): run chmod 700 %s",
			host.ErrPermission, dir, info.Mode().Perm(), host.Quote([]string{dir}))
	}
	return nil
}

func kindOf(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "symbolic link"
	case m.IsRegular():
		return "file"
	}
	return "special file"
}

// OwnDir reports whether dir is a directory that belongs to this user.
func OwnDir(dir string) bool {
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		return false
	}
	_, mine := ownerOf(info)
	return mine
}

// pathReason drops the path that an os error repeats.
func pathReason(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: %w", host.ErrPermission, err)
	}
	return err
}
