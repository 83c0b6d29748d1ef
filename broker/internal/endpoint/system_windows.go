package endpoint

import (
	"os"
	"os/exec"
	"syscall"
)

// maxSocketPath is the longest path of a Unix socket in bytes.
const maxSocketPath = 107

// isGone reports whether no process has the number.
func isGone(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return true
	}
	_ = p.Release() // only looked up
	return false
}

// detach takes the process out of its starter's console and process group.
func detach(cmd *exec.Cmd) {
	const detachedProcess = 0x00000008 // DETACHED_PROCESS of CreateProcess
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP | detachedProcess}
}
