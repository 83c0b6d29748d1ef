//go:build unix

package terminal

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// childOf returns the process that a shell is waiting for.
func childOf(t *testing.T, shell int) int {
	t.Helper()
	for _, line := range ps(t) {
		if line.parent == shell && !strings.HasPrefix(line.state, "Z") {
			return line.pid
		}
	}
	t.Fatalf("process %d has no child", shell)
	return 0
}

// waitState waits until a process is stopped, or runs again.
func waitState(t *testing.T, pid int, stopped bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, line := range ps(t) {
			if line.pid == pid && strings.HasPrefix(line.state, "T") == stopped {
				return
			}
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("process %d: stopped is not %v", pid, stopped)
		}
	}
}

// process is a line of ps.
type process struct {
	pid, parent int
	state       string
}

func ps(t *testing.T) []process {
	t.Helper()
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=,stat=").Output()
	if err != nil {
		t.Fatalf("ps: %v", err)
	}
	var list []process
	for _, line := range strings.Split(string(out), "\n") {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			continue
		}
		pid, _ := strconv.Atoi(fields[0])
		parent, _ := strconv.Atoi(fields[1])
		list = append(list, process{pid, parent, fields[2]})
	}
	return list
}
