package qemu

import (
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/conbroker/conbroker/broker/internal/driver"
)

// failingSuspend has the disk full: QEMU, and so the program that writes the state, may write files of 64 KiB at most.
func failingSuspend(t *testing.T, l *lab, s driver.Session) {
	t.Helper()
	pid, err := strconv.Atoi(s.PID)
	l.must(err)
	var before unix.Rlimit
	l.must(unix.Prlimit(pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 64 << 10, Max: unix.RLIM_INFINITY}, &before))
	_, err = l.d.Suspend(l.ctx(), l.host, s, "")
	if err == nil || !strings.Contains(err.Error(), "write state") {
		t.Errorf("suspend to a full disk: %v", err)
	}
	if state := l.only().State; state != driver.StateRunning {
		t.Errorf("after a failed suspend the guest is %s", state)
	}
	l.must(unix.Prlimit(pid, unix.RLIMIT_FSIZE, &before, nil))
}
