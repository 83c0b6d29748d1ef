package inventory

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	fileSuffix = ".json"
	tempPrefix = ".writing-"
	// staleTemp is the age at which a file that a crashed writer left is removed.
	staleTemp = time.Hour
	// maxName keeps file names below the 255 bytes that common file systems take.
	maxName = 200
)

// fileName is the name of a host's file: the host's name with all but lower-case letters, digits, dash, underscore and inner dots
// percent-encoded, because file systems may ignore case. A long name ends in a hash instead.
func fileName(hostName string) string {
	const plain = "abcdefghijklmnopqrstuvwxyz0123456789-_."
	var b strings.Builder
	for i := 0; i < len(hostName); i++ {
		c := hostName[i]
		if strings.IndexByte(plain, c) < 0 || i == 0 && (c == '.' || c == '-' || isDevice(hostName)) {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	name := b.String()
	if len(name) > maxName {
		sum := sha256.Sum256([]byte(hostName))
		name = name[:maxName-65] + "~" + hex.EncodeToString(sum[:])
	}
	return name + fileSuffix
}

// isDevice reports whether Windows takes a file of this name, with any ending, for a device.
func isDevice(name string) bool {
	base, _, _ := strings.Cut(strings.ToLower(name), ".")
	if slices.Contains([]string{"con", "prn", "aux", "nul"}, base) {
		return true
	}
	return len(base) == 4 && (strings.HasPrefix(base, "com") || strings.HasPrefix(base, "lpt"))
}

// replace writes a file in one step: readers see the old content or the new, also after a crash.
func replace(dir, name string, data []byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return err
	}
	removeStale(dir)
	temp, err := os.CreateTemp(dir, tempPrefix+"*") // 0600
	if err != nil {
		return err
	}
	err = writeAll(temp, data)
	if err == nil {
		err = os.Rename(temp.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return syncDir(dir)
}

// writeAll writes data, brings it to the disk and closes the file.
func writeAll(f *os.File, data []byte) error {
	_, err := f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// removeStale removes what writers that crashed have left.
func removeStale(dir string) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return // the write that follows reports it
	}
	for _, f := range files {
		if !strings.HasPrefix(f.Name(), tempPrefix) {
			continue
		}
		if info, err := f.Info(); err == nil && time.Since(info.ModTime()) > staleTemp {
			os.Remove(filepath.Join(dir, f.Name())) // another writer may have removed it already
		}
	}
}
