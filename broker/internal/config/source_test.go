package config

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// put replaces a file and makes it look older than the time within which a change may go unseen.
func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
}

// hosts asks the source and compares the hosts that it knows.
func hosts(t *testing.T, s *Source, want ...string) error {
	t.Helper()
	c, err := s.Current()
	if c == nil {
		t.Fatalf("Current returned no configuration: %v", err)
	}
	if diff := cmp.Diff(append([]string{"localhost"}, want...), c.HostNames()); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
	return err
}

func TestSourceFollowsTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.toml")
	s := NewSource(path)
	if err := hosts(t, s); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a file: got %v", err)
	}
	put(t, path, "[hosts.a]\n")
	if err := hosts(t, s, "a"); err != nil {
		t.Error(err)
	}
	first, _ := s.Current()
	if again, _ := s.Current(); again != first {
		t.Error("a file that did not change is read again")
	}
	put(t, path, "[hosts.a]\n[hosts.bb]\n")
	if err := hosts(t, s, "a", "bb"); err != nil {
		t.Error(err)
	}
	put(t, path, "[hosts.a]\n[hosts.bb]\nbogus = 1\n")
	var mistake *Error
	for range 2 {
		if err := hosts(t, s, "a", "bb"); !errors.As(err, &mistake) || mistake.Line != 3 {
			t.Errorf("a mistake: got %v, want an *Error in line 3 and the last good configuration", err)
		}
	}
	put(t, path, "[hosts.c]\n")
	if err := hosts(t, s, "c"); err != nil {
		t.Error(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := hosts(t, s, "c"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after the file was removed: got %v, want that and the last good configuration", err)
	}
}

func TestSourceSeesAChangeOfTheSameSizeAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.toml")
	s := NewSource(path)
	now := time.Now()
	for _, name := range []string{"a", "b", "c"} {
		if err := os.WriteFile(path, []byte("[hosts."+name+"]\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now, now); err != nil {
			t.Fatal(err)
		}
		if err := hosts(t, s, name); err != nil {
			t.Error(err)
		}
	}
}

func TestSourceOfTheDefaultFile(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	s := NewSource("")
	if err := hosts(t, s); err != nil {
		t.Errorf("without a default file: %v", err)
	}
	path, err := DefaultPath()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, path, "[hosts.a]\n")
	if err := hosts(t, s, "a"); err != nil {
		t.Error(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := hosts(t, s); err != nil {
		t.Errorf("after the default file was removed: %v", err)
	}
}

func TestSourceFromSeveralGoroutines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.toml")
	put(t, path, "[hosts.a]\n")
	s := NewSource(path)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 20 {
				if c, err := s.Current(); err != nil || len(c.Hosts) == 0 {
					t.Errorf("got %+v, %v", c, err)
				}
			}
		})
	}
	wait.Wait()
}
