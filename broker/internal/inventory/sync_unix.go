//go:build unix

package inventory

import (
	"errors"
	"os"
)

// syncDir brings a directory's entries to the disk, so that a renamed file keeps its new name after a crash.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
