package sshconfig

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAssume(t *testing.T) {
	for address, want := range map[string][]string{
		"lab00":              {"lab00", "22", "me", "lab00"},
		"anna@lab00":         {"lab00", "22", "anna", "lab00"},
		"anna@lab00:2222":    {"lab00", "2222", "anna", "[lab00]:2222"},
		"anna@[2001:db8::1]": {"2001:db8::1", "22", "anna", "2001:db8::1"},
		"[2001:db8::1]:2222": {"2001:db8::1", "2222", "me", "[2001:db8::1]:2222"},
		"anna@corp@lab00":    {"corp@lab00", "22", "anna", "corp@lab00"},
		"2001:db8::1":        {"2001:db8::1", "22", "me", "2001:db8::1"},
	} {
		s := Assume(address, "me", "home")
		got := []string{s.Get("hostname"), s.Get("port"), s.Get("user"), s.Address()}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", address, diff)
		}
		if files := s.Fields("userknownhostsfile"); len(files) != 1 || files[0] != filepath.Join("home", ".ssh", "known_hosts") {
			t.Errorf("known_hosts: %v", files)
		}
	}
}
