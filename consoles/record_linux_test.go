package consoles_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/conbroker/conbroker/consoles"
)

// tmpfsEnv tells the test binary that it runs in a mount namespace of its own.
const tmpfsEnv = "CONBROKER_TEST_TMPFS"

// TestRecordingOnRealFullDisk records onto a tmpfs of 64 KiB, in a private mount
// namespace when run as root. Other users get the same test with a limit on the
// size of files instead, which fails like a full disk.
func TestRecordingOnRealFullDisk(t *testing.T) {
	if os.Getenv(tmpfsEnv) != "" {
		recordOnFullDisk(t)
		return
	}
	rerun := func(attr *syscall.SysProcAttr) ([]byte, error) {
		cmd := exec.Command(os.Args[0], "-test.run=^TestRecordingOnRealFullDisk$", "-test.v")
		cmd.Env = append(os.Environ(), tmpfsEnv+"="+t.TempDir())
		cmd.SysProcAttr = attr
		return cmd.CombinedOutput()
	}
	out, err := rerun(&syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS})
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL) { // the latter in a chroot, whose root is no mount
		out, err = rerun(nil)
	}
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestRecordingOnRealFullDisk")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// smallDisk makes a directory that takes about 64 KiB and a way to make room.
func smallDisk(t *testing.T) (dir string, makeRoom func() error, full error) {
	dir = os.Getenv(tmpfsEnv)
	if os.Geteuid() == 0 {
		err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k,mode=700")
		if err == nil {
			t.Cleanup(func() {
				if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
					t.Error(err)
				}
			})
			grow := func() error { return syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=8m") }
			return dir, grow, syscall.ENOSPC
		}
		t.Logf("no tmpfs here, a limit on files instead: %v", err)
	}
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	limit := old
	limit.Cur = 64 << 10
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	lift := func() error { return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old) }
	return filepath.Join(dir, "recordings"), lift, syscall.EFBIG
}

func recordOnFullDisk(t *testing.T) {
	dir, makeRoom, full := smallDisk(t)
	path := filepath.Join(dir, "x.cast")
	faults := make(chan error, 10)
	h := newHub(t, consoles.Options{})
	c, s := open(t, h, consoles.Spec{Record: consoles.RecordSpec{Path: path, OnFault: func(err error, _ int64) { faults <- err }}})
	printed := int64(0)
	print := func(n int) {
		s.feed(pattern(printed, n))
		printed += int64(n)
	}
	print(400_000)
	if err := await(faults); !errors.Is(err, full) {
		t.Fatalf("got %v, want %v", err, full)
	}
	print(400_000)
	if err := makeRoom(); err != nil {
		t.Fatal(err)
	}
	if err := await(faults); err != nil {
		t.Fatalf("recording does not go on: %v", err)
	}
	print(1000)
	c.Close()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, output, _ := recordingOf(t, f); output != string(pattern(0, int(printed))) || c.Info().Recording.Lost != 0 {
		t.Errorf("%d bytes are recorded, %d were printed, %+v", len(output), printed, c.Info().Recording)
	}
}

// await gives what comes from c, at most 20 seconds from now.
func await(c <-chan error) error {
	select {
	case err := <-c:
		return err
	case <-time.After(20 * time.Second):
		return fmt.Errorf("nothing came")
	}
}
