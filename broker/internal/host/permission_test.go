//go:build unix

package host_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/conbroker/conbroker/broker/internal/host"
)

// treeVariable tells the test binary, started again as an ordinary user, where the tree is. Root may read everything, so
// root cannot see what these tests are about.
const treeVariable = "CONBROKER_TEST_TREE"

// nobody is a user number without rights.
const nobody = 65534

func TestClosedFilesAreProblems(t *testing.T) {
	if tree := os.Getenv(treeVariable); tree != "" {
		checkClosedTree(t, tree)
		return
	}
	tree := closedTree(t)
	if os.Geteuid() != 0 {
		checkClosedTree(t, tree)
		return
	}
	cmd := exec.Command(copyOfTest(t, tree), "-test.run=^TestClosedFilesAreProblems$", "-test.v")
	cmd.Dir = tree
	cmd.Env = append(os.Environ(), treeVariable+"="+tree, "HOME="+tree, "TMPDIR=/tmp", "GOCOVERDIR=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("as user %d: %v\n%s", nobody, err, out)
	}
}

// closedTree has what an ordinary user may not read, and one file that it may.
func closedTree(t *testing.T) string {
	t.Helper()
	tree, err := os.MkdirTemp("/tmp", "tree")
	if err != nil {
		t.Fatal(err)
	}
	closed := []string{tree + "/dir", tree + "/shut.toml", tree + "/list"}
	t.Cleanup(func() {
		for _, path := range closed {
			if err := os.Chmod(path, 0o700); err != nil {
				t.Error(err)
			}
		}
		if err := os.RemoveAll(tree); err != nil {
			t.Error(err)
		}
	})
	write(t, tree+"/good.toml", "good")
	write(t, tree+"/shut.toml", "shut")
	write(t, tree+"/dir/inside.toml", "inside")
	write(t, tree+"/list/inside.toml", "inside")
	modes := map[string]os.FileMode{tree: 0o755, tree + "/dir": 0, tree + "/shut.toml": 0, tree + "/list": 0o711}
	if os.Geteuid() != 0 {
		modes[tree+"/list"] = 0o300
		modes[tree] = 0o555
	}
	for path, mode := range modes {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	if os.Geteuid() != 0 {
		t.Cleanup(func() {
			if err := os.Chmod(tree, 0o700); err != nil {
				t.Error(err)
			}
		})
	}
	return tree
}

// copyOfTest puts the test binary where an ordinary user can run it.
func copyOfTest(t *testing.T, dir string) string {
	t.Helper()
	from, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "test")
	to, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(to, from)
	if err = errors.Join(err, from.Close(), to.Close(), os.Chmod(path, 0o755)); err != nil {
		t.Fatal(err)
	}
	return path
}

func checkClosedTree(t *testing.T, tree string) {
	files, problems := scanBoth(t, nil, host.ScanOptions{Roots: []string{tree, tree + "/dir"}, Suffixes: []string{".toml"}})
	if diff := cmp.Diff(map[string]string{tree + "/good.toml": "good"}, files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	denied := host.ErrPermission.Error()
	want := map[string]string{tree + "/dir": denied, tree + "/shut.toml": denied, tree + "/list": denied}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	eachForm(t, func(t *testing.T, h host.Host) {
		for _, path := range []string{tree + "/shut.toml", tree + "/dir/inside.toml"} {
			if got, err := host.ReadFile(t.Context(), h, path, 0); !errors.Is(err, host.ErrPermission) {
				t.Errorf("read %s: %q, %v", path, got, err)
			}
		}
		for _, path := range []string{tree + "/new", tree + "/dir/new"} {
			if err := host.WriteFile(t.Context(), h, path, nil, 0o600); !errors.Is(err, host.ErrPermission) {
				t.Errorf("write %s: %v", path, err)
			}
		}
		if err := host.Remove(t.Context(), h, tree+"/good.toml"); !errors.Is(err, host.ErrPermission) {
			t.Errorf("remove: %v", err)
		}
	})
}
