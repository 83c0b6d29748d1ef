package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/conbroker/conbroker/broker/internal/host"
)

var errNotAbsolute = errors.New("the path is not absolute")

// ReadFile returns a file's content, at most limit bytes.
func (h *Host) ReadFile(ctx context.Context, path string, limit int64) ([]byte, error) {
	action := "read " + path
	if err := checkPath(ctx, path); err != nil {
		return nil, h.failure(action, err)
	}
	if limit <= 0 {
		limit = host.DefaultLimit
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, h.failure(action, fileReason(err))
	}
	if !info.Mode().IsRegular() {
		return nil, h.failure(action, host.ErrNotRegular)
	}
	data, err := readLimited(path, limit+1)
	if err != nil {
		return nil, h.failure(action, fileReason(err))
	}
	if int64(len(data)) > limit {
		return nil, h.failure(action, fmt.Errorf("%w: more than %d bytes", host.ErrTooLarge, limit))
	}
	return data, nil
}

// ReadDir returns the names in a directory, sorted.
func (h *Host) ReadDir(ctx context.Context, dir string) ([]string, error) {
	action := "read the directory " + dir
	if err := checkPath(ctx, dir); err != nil {
		return nil, h.failure(action, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, h.failure(action, fileReason(err))
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

// WriteFile replaces a file in one step; the new content is on disk before the old one goes.
func (h *Host) WriteFile(ctx context.Context, path string, data []byte, perm fs.FileMode) error {
	action := "write " + path
	if err := checkPath(ctx, path); err != nil {
		return h.failure(action, err)
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return h.failure(action, host.ErrNotRegular)
	}
	temporary := host.TemporaryName(path)
	if err := writeNew(temporary, data, perm); err != nil {
		return h.failure(action, fileReason(err))
	}
	if err := os.Rename(temporary, path); err != nil {
		return h.failure(action, errors.Join(fileReason(err), os.Remove(temporary)))
	}
	return nil
}

// writeNew makes a file that did not exist, complete or not at all.
func writeNew(path string, data []byte, perm fs.FileMode) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Chmod(perm.Perm()); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return f.Sync()
}

// Remove deletes files.
func (h *Host) Remove(ctx context.Context, paths ...string) error {
	var failed []error
	for _, path := range paths {
		if err := removeFile(ctx, path); err != nil {
			failed = append(failed, h.failure("remove "+path, err))
		}
	}
	return errors.Join(failed...)
}

func removeFile(ctx context.Context, path string) error {
	if err := checkPath(ctx, path); err != nil {
		return err
	}
	info, err := os.Lstat(path)
	switch {
	case err != nil && isMissing(err):
		return nil
	case err == nil && info.IsDir():
		return host.ErrNotRegular
	}
	if err := os.Remove(path); err != nil && !isMissing(err) {
		return fileReason(err)
	}
	return nil
}

// checkPath refuses a path whose meaning depends on the broker's working directory.
func checkPath(ctx context.Context, path string) error {
	if !filepath.IsAbs(path) {
		return errNotAbsolute
	}
	return ctx.Err()
}
