package sshconfig

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestReadAsksTheProgram(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	write(t, file, "Host lab00\n HostName 10.1.2.3\n Port 2222\n User anna\n ProxyJump a@gate:7,b\n"+
		"Match originalhost lab00 exec true\n Compression yes\nHost *\n User other\n")
	r := &Reader{File: file}
	s, err := r.Read(t.Context(), "lab00")
	if err != nil {
		t.Fatal(err)
	}
	got := []string{s.Get("hostname"), s.Get("port"), s.Get("user"), s.Get("compression"), s.Address(), s.Gateway(), s.Get("nothing")}
	if diff := cmp.Diff([]string{"10.1.2.3", "2222", "anna", "yes", "[10.1.2.3]:2222", "a@gate:7", ""}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !s.Has("identityfile") || s.Has("nothing") || len(s.Fields("userknownhostsfile")) != 2 {
		t.Errorf("settings %v", s)
	}
	// A changed file is read again.
	write(t, file, "Host lab00\n HostName 10.9.9.9\n")
	if err := os.Chtimes(file, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if s, err = r.Read(t.Context(), "lab00"); err != nil || s.Gateway() != "10.9.9.9" {
		t.Errorf("%v, %v", s.Gateway(), err)
	}
}

func TestReadFailures(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	write(t, file, "Nonsense yes\n")
	if _, err := (&Reader{File: file}).Read(t.Context(), "lab00"); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("a broken file: %v", err)
	}
	if _, err := (&Reader{Program: "conbroker-no-such-ssh"}).Read(t.Context(), "lab00"); err == nil {
		t.Error("a missing program answered")
	}
	write(t, file, "Match exec \"sleep 1000\"\n User x\n")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := (&Reader{File: file}).Read(ctx, "lab00"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a hanging Match exec: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("host lab00\nuser anna\nidentityfile ~/.ssh/a\nidentityfile ~/.ssh/b c\r\n\n bad\nproxycommand none\n")
	f.Fuzz(func(t *testing.T, text string) {
		s := Parse(text)
		count := 0
		for keyword, values := range s {
			if keyword == "" || strings.ContainsAny(keyword, " \n") || len(values) == 0 {
				t.Errorf("keyword %q: %q", keyword, values)
			}
			count += len(values)
		}
		if count > strings.Count(text, "\n")+1 {
			t.Errorf("%d values from %q", count, text)
		}
	})
}
