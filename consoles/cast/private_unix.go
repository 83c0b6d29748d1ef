//go:build unix

package cast

import (
	"fmt"
	"os"
	"syscall"
)

// private checks that only this user may enter dir.
func private(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%w: %s belongs to user %d", ErrNotPrivate, dir, st.Uid)
	}
	return checkMode(dir, info.Mode())
}
