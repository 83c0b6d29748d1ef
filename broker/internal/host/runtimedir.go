package host

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
)

// MaxRuntimeDir is the longest runtime directory in bytes. Unix socket paths end at 107 bytes on Linux and at 103 on
// macOS, the NUL not counted; 60 leaves 42 below the directory, enough for "qemu/", a UUID and an ending.
const MaxRuntimeDir = 60

// RuntimeDir is the one rule for where sockets, locks and pid files of this project go, for user number uid:
// $CONBROKER_RUNTIME_DIR; else conbroker below $XDG_RUNTIME_DIR, if owned says that this directory is the user's own and
// the result is short enough; else /tmp/conbroker-<uid>. A CONBROKER_RUNTIME_DIR that is relative or too long is an error,
// because another directory than the wanted one must not be taken in silence. The directory may not exist yet.
func RuntimeDir(env func(string) string, uid int, owned func(dir string) bool) (string, error) {
	if dir := env("CONBROKER_RUNTIME_DIR"); dir != "" {
		dir = filepath.Clean(dir)
		if !filepath.IsAbs(dir) {
			return "", fmt.Errorf("CONBROKER_RUNTIME_DIR is %q: %w", dir, errors.New("not an absolute path"))
		}
		if len(dir) > MaxRuntimeDir {
			return "", fmt.Errorf("CONBROKER_RUNTIME_DIR is %q: %d bytes are too long for the sockets below it, choose one of at most %d bytes",
				dir, len(dir), MaxRuntimeDir)
		}
		return dir, nil
	}
	if xdg := env("XDG_RUNTIME_DIR"); filepath.IsAbs(xdg) {
		dir := filepath.Join(xdg, "conbroker")
		if len(dir) <= MaxRuntimeDir && owned(xdg) {
			return dir, nil
		}
	}
	return "/tmp/conbroker-" + strconv.Itoa(uid), nil
}

// StateDir is where this project keeps what must survive a reboot: conbroker below $XDG_STATE_HOME, else below
// ~/.local/state.
func StateDir(env func(string) string, home string) string {
	if xdg := env("XDG_STATE_HOME"); filepath.IsAbs(xdg) {
		return filepath.Join(xdg, "conbroker")
	}
	return filepath.Join(home, ".local", "state", "conbroker")
}
