//go:build unix

package host_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/conbroker/conbroker/broker/internal/host"
)

// eachForm runs f with the direct form and with the one that uses commands.
func eachForm(t *testing.T, f func(t *testing.T, h host.Host)) {
	direct, commands := bothForms(t, nil)
	t.Run("direct", func(t *testing.T) { f(t, direct) })
	t.Run("commands", func(t *testing.T) { f(t, commands) })
}

func TestReadFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a dir\nwith 'quotes'")
	content := "x\x00\nsection data\nend\n\xff"
	path := write(t, dir+"/file", content)
	write(t, dir+"/empty", "")
	symlink(t, path, dir+"/link")
	symlink(t, dir+"/nowhere", dir+"/dangling")
	tests := []struct {
		path  string
		limit int64
		want  string
		err   error
	}{
		{path, 0, content, nil},
		{path, int64(len(content)), content, nil},
		{path, int64(len(content)) - 1, "", host.ErrTooLarge},
		{dir + "/link", 0, content, nil},
		{dir + "/empty", 10, "", nil},
		{dir + "/missing", 0, "", host.ErrFileNotFound},
		{dir + "/dangling", 0, "", host.ErrFileNotFound},
		{dir + "/file/below", 0, "", host.ErrFileNotFound},
		{dir, 0, "", host.ErrNotRegular},
		{"/dev/zero", 100, "", host.ErrNotRegular},
	}
	eachForm(t, func(t *testing.T, h host.Host) {
		for _, tt := range tests {
			got, err := host.ReadFile(t.Context(), h, tt.path, tt.limit)
			if string(got) != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("ReadFile(%q, %d) = %q, %v; want %q, %v", tt.path, tt.limit, got, err, tt.want, tt.err)
			}
			var way *host.Error
			if err != nil && !(errors.As(err, &way) && way.Host == "localhost" && strings.Contains(err.Error(), tt.path)) {
				t.Errorf("the error does not say where: %v", err)
			}
		}
		if _, err := host.ReadFile(t.Context(), h, "relative", 0); err == nil {
			t.Error("a relative path was read")
		}
		if got, err := host.ReadFile(t.Context(), h, "/proc/self/status", 0); err != nil || !bytes.HasPrefix(got, []byte("Name:")) {
			t.Errorf("a file of /proc, whose size is 0: %q, %v", got, err)
		}
	})
}

func TestWriteFile(t *testing.T) {
	eachForm(t, func(t *testing.T, h host.Host) {
		dir := filepath.Join(t.TempDir(), "with blanks")
		path := write(t, dir+"/it's", "old and longer than the new content")
		content := []byte("new\x00\n'\xff")
		if err := host.WriteFile(t.Context(), h, path, content, 0o640); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(content, got); diff != "" || info.Mode() != 0o640 {
			t.Errorf("mode %v, content (-want +got):\n%s", info.Mode(), diff)
		}
		large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
		if err := host.WriteFile(t.Context(), h, dir+"/large", large, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := host.ReadFile(t.Context(), h, dir+"/large", 0); err != nil || !bytes.Equal(got, large) {
			t.Errorf("1 MiB came back as %d bytes, %v", len(got), err)
		}
		refusals := map[string]error{
			dir: host.ErrNotRegular, dir + "/none/file": host.ErrFileNotFound, "relative": nil,
		}
		for path, want := range refusals {
			if err := host.WriteFile(t.Context(), h, path, content, 0o600); err == nil || want != nil && !errors.Is(err, want) {
				t.Errorf("WriteFile(%q): %v, want %v", path, err, want)
			}
		}
		if left := names(t, dir); !cmp.Equal(left, []string{"it's", "large"}) {
			t.Errorf("left behind: %q", left)
		}
	})
}

func TestWriteFileOnAFullDiskKeepsTheOldContent(t *testing.T) {
	eachForm(t, func(t *testing.T, h host.Host) {
		// A name of the greatest length leaves no room for the name of the new file: the write fails as on a full disk.
		dir := t.TempDir()
		path := write(t, dir+"/"+strings.Repeat("n", 255), "old")
		if err := host.WriteFile(t.Context(), h, path, []byte("new"), 0o600); err == nil {
			t.Fatal("no error")
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != "old" {
			t.Errorf("the old content became %q, %v", got, err)
		}
		if left := names(t, dir); len(left) != 1 {
			t.Errorf("left behind: %q", left)
		}
	})
}

func TestRemove(t *testing.T) {
	eachForm(t, func(t *testing.T, h host.Host) {
		dir := t.TempDir()
		var paths []string
		for i := range 1200 {
			paths = append(paths, write(t, dir+"/"+strings.Repeat("long", 20)+" "+strconv.Itoa(i), ""))
		}
		symlink(t, dir, dir+"/link")
		write(t, dir+"/-i\n", "")
		paths = append(paths, dir+"/link", dir+"/-i\n", dir+"/missing", dir+"/missing/below")
		if err := host.Remove(t.Context(), h, paths...); err != nil {
			t.Fatal(err)
		}
		if left := names(t, dir); len(left) != 0 {
			t.Errorf("left: %q", left)
		}
		file := write(t, dir+"/file", "")
		err := host.Remove(t.Context(), h, dir, file)
		if !errors.Is(err, host.ErrNotRegular) || !strings.Contains(err.Error(), "remove "+dir) {
			t.Errorf("a directory: %v", err)
		}
		if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the file after the directory: %v", err)
		}
		if err := host.Remove(t.Context(), h); err != nil {
			t.Errorf("nothing: %v", err)
		}
	})
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}
