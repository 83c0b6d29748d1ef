package local

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// told waits for one value; false when the channel was closed.
func told(t *testing.T, changed <-chan struct{}, why string) bool {
	t.Helper()
	select {
	case _, ok := <-changed:
		return ok
	case <-time.After(deadline):
		t.Fatalf("nothing was told after: %s", why)
		return false
	}
}

// drain takes what is still to be told of earlier changes, until nothing came for a while.
func drain(changed <-chan struct{}) {
	for {
		select {
		case <-changed:
		case <-time.After(50 * time.Millisecond):
			return
		}
	}
}

func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWatchDirTellsChanges(t *testing.T) {
	h := newHost(t)
	dir := filepath.Join(t.TempDir(), "not", "yet", "there")
	ctx, cancel := context.WithCancel(t.Context())
	changed, err := h.WatchDir(ctx, dir)
	do(t, err)
	steps := []struct {
		name string
		do   func() error
	}{
		{"the directory comes", func() error { return os.MkdirAll(dir, 0o700) }},
		{"a file is added", func() error { return os.WriteFile(dir+"/a", nil, 0o600) }},
		{"a file is changed", func() error { return os.WriteFile(dir+"/a", []byte("x"), 0o600) }},
		{"a subdirectory is added", func() error { return os.Mkdir(dir+"/sub", 0o700) }},
		{"a file is added below it", func() error { return os.WriteFile(dir+"/sub/b", nil, 0o600) }},
		{"a file is renamed", func() error { return os.Rename(dir+"/a", dir+"/c") }},
		{"a file is removed below", func() error { return os.Remove(dir + "/sub/b") }},
		{"the directory goes", func() error { return os.RemoveAll(filepath.Dir(dir)) }},
		{"the directory comes back", func() error { return os.MkdirAll(dir+"/sub", 0o700) }},
		{"a file is added again", func() error { return os.WriteFile(dir+"/sub/d", nil, 0o600) }},
	}
	for _, step := range steps {
		do(t, step.do())
		if !told(t, changed, step.name) {
			t.Fatalf("closed after: %s", step.name)
		}
		drain(changed)
	}
	cancel()
	for told(t, changed, "the end of the context") {
	}
}

func TestWatchDirCoalesces(t *testing.T) {
	h := New(Options{})
	dir := t.TempDir()
	changed, err := h.WatchDir(t.Context(), dir)
	do(t, err)
	for range 2000 {
		writeFile(t, dir+"/x", "content")
	}
	told(t, changed, "2,000 changes")
	if cap(changed) != 1 {
		t.Errorf("the channel holds %d values", cap(changed))
	}
	do(t, h.Close())
	for told(t, changed, "the end of the host") {
	}
	if _, err := h.WatchDir(t.Context(), dir); err == nil {
		t.Error("a closed host watches")
	}
}

func TestWatchDirIgnoresNeighbours(t *testing.T) {
	h := newHost(t)
	parent := t.TempDir()
	changed, err := h.WatchDir(t.Context(), parent+"/wanted")
	do(t, err)
	writeFile(t, parent+"/other", "")
	do(t, os.Mkdir(parent+"/wanted.not", 0o700))
	do(t, os.Mkdir(parent+"/wanted", 0o700))
	told(t, changed, "the directory")
	drain(changed)
	writeFile(t, parent+"/other", "again")
	writeFile(t, parent+"/wanted.not/x", "")
	select {
	case <-changed:
		t.Error("a neighbour's change was told")
	case <-time.After(100 * time.Millisecond):
	}
	if _, err := h.WatchDir(t.Context(), "relative"); err == nil {
		t.Error("a relative directory is watched")
	}
}
