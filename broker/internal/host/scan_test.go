//go:build unix

package host_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/conbroker/conbroker/broker/internal/host"
)

// reasons are compared by class, because the words differ between the forms.
func classify(problems []host.Problem) map[string]string {
	classes := make(map[string]string)
	for _, p := range problems {
		classes[p.Path] = "other"
		for _, reason := range []error{host.ErrPermission, host.ErrTooLarge, host.ErrFileNotFound} {
			if errors.Is(p.Err, reason) {
				classes[p.Path] = reason.Error()
			}
		}
	}
	return classes
}

// scanBoth scans with both forms, fails the test if they differ, and returns what they agree on.
func scanBoth(t *testing.T, env map[string]string, o host.ScanOptions) (files map[string]string, problems map[string]string) {
	t.Helper()
	direct, commands := bothForms(t, env)
	files1, problems1, err := host.Scan(t.Context(), direct, o)
	if err != nil {
		t.Fatal(err)
	}
	files2, problems2, err := host.Scan(t.Context(), commands, o)
	if err != nil {
		t.Fatal(err)
	}
	if n := commands.runs.Load(); n != 1 {
		t.Errorf("the scan took %d round trips", n)
	}
	if diff := cmp.Diff(files1, files2); diff != "" {
		t.Errorf("files (-direct +commands):\n%s", diff)
	}
	if diff := cmp.Diff(classify(problems1), classify(problems2)); diff != "" {
		t.Errorf("problems (-direct +commands):\n%s", diff)
	}
	files = make(map[string]string)
	for _, f := range files1 {
		files[f.Path] = string(f.Data)
	}
	return files, classify(problems1)
}

func write(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func symlink(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

func TestScanFindsTheSameByBothForms(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home of anna")
	root := filepath.Join(home, "vm")
	write(t, root+"/a.toml", "a")
	write(t, root+"/empty.toml", "")
	write(t, root+"/deep/er/b.toml", "b\x00\n\nsection end\n")
	write(t, root+"/new\nline/c d.toml", "c")
	write(t, root+"/-rf/$(id)'\".toml", "quoted")
	write(t, root+"/\xff\xfe.toml", "\xff\xfe\x00")
	write(t, root+"/.hidden/no.toml", "hidden")
	write(t, root+"/.dotfile.toml", "dot")
	write(t, root+"/other.txt", "no")
	write(t, root+"/big.toml", strings.Repeat("x", 1001))
	write(t, root+"/just.toml", strings.Repeat("x", 1000))
	elsewhere := write(t, t.TempDir()+"/elsewhere.toml", "linked")
	write(t, filepath.Dir(elsewhere)+"/unseen.toml", "behind a link")
	symlink(t, elsewhere, root+"/link.toml")
	symlink(t, filepath.Dir(elsewhere), root+"/dirlink")
	symlink(t, filepath.Dir(elsewhere), root+"/dirlink.toml")
	symlink(t, root+"/nowhere", root+"/dangling.toml")
	if err := unix.Mkfifo(root+"/fifo.toml", 0o600); err != nil {
		t.Fatal(err)
	}
	symlink(t, root+"/fifo.toml", root+"/fifolink.toml")
	single := write(t, home+"/single.conf", "single")
	write(t, home+"/.config/x.toml", "as root")

	files, problems := scanBoth(t, map[string]string{"HOME": home}, host.ScanOptions{
		Roots:    []string{"vm", root + "//", "~/vm/deep", "~/.config", single, root + "/missing", "/dev/null", root + "/fifo.toml"},
		Suffixes: []string{".toml", ".x*y"}, MaxSize: 1000,
	})
	want := map[string]string{
		root + "/a.toml": "a", root + "/empty.toml": "", root + "/deep/er/b.toml": "b\x00\n\nsection end\n",
		root + "/new\nline/c d.toml": "c", root + "/-rf/$(id)'\".toml": "quoted", root + "/\xff\xfe.toml": "\xff\xfe\x00",
		root + "/.dotfile.toml": "dot", root + "/link.toml": "linked", root + "/just.toml": strings.Repeat("x", 1000),
		single: "single", home + "/.config/x.toml": "as root",
	}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	wantProblems := map[string]string{
		root + "/big.toml": "too large", root + "/dangling.toml": "no such file", "/dev/null": "other", root + "/fifo.toml": "other",
	}
	if diff := cmp.Diff(wantProblems, problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestScanLimits(t *testing.T) {
	root := t.TempDir()
	write(t, root+"/1.toml", "1")
	write(t, root+"/a/2.toml", "2")
	write(t, root+"/a/b/3.toml", "3")
	write(t, root+"/a/b/c/4.toml", "4")
	files, problems := scanBoth(t, nil, host.ScanOptions{Roots: []string{root}, Suffixes: []string{".toml"}, MaxDepth: 3})
	if len(files) != 3 || files[root+"/a/b/3.toml"] != "3" || len(problems) != 0 {
		t.Errorf("depth 3: %v, %v", files, problems)
	}
	files, problems = scanBoth(t, nil, host.ScanOptions{Roots: []string{root}, MaxFiles: 2})
	if len(files) != 2 || problems[root+"/a/b/3.toml"] != "too large" {
		t.Errorf("two files: %v, %v", files, problems)
	}
	if files, problems = scanBoth(t, nil, host.ScanOptions{}); len(files)+len(problems) != 0 {
		t.Errorf("no roots: %v, %v", files, problems)
	}
}

func TestScanSaysThatItWasCut(t *testing.T) {
	root := t.TempDir()
	write(t, root+"/1.toml", "one")
	write(t, root+"/2.toml", strings.Repeat("two", 4000))
	_, commands := bothForms(t, nil)
	commands.limit = 6000
	files, problems, err := host.Scan(t.Context(), commands, host.ScanOptions{Roots: []string{root}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Path == root+"/2.toml" {
			t.Errorf("a file of which only %d bytes came was returned", len(f.Data))
		}
	}
	if len(problems) != 1 || !errors.Is(problems[0].Err, host.ErrTooLarge) {
		t.Errorf("problems: %v", problems)
	}
}

func TestScanEndsWithItsContext(t *testing.T) {
	direct, commands := bothForms(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, h := range map[string]host.Host{"direct": direct, "commands": commands} {
		if _, _, err := host.Scan(ctx, h, host.ScanOptions{Roots: []string{"/"}}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
