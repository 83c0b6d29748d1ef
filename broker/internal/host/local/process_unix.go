//go:build unix

package local

import (
	"os"
	"os/exec"
	"syscall"
)

// ownGroup makes the command the leader of a process group, so that its children can be killed with it.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// killGroup kills the command and its children. A command that runs with other rights, through sudo, cannot be killed by
// its user; its terminal or pipe closes instead.
func killGroup(p *os.Process) {
	_ = syscall.Kill(-p.Pid, syscall.SIGKILL) // it may be gone
}

// exitCode is the status a shell would report: 128+n after signal n.
func exitCode(s *os.ProcessState) int {
	if status, ok := s.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return s.ExitCode()
}

// canRaise reports whether there are rights that this process does not have yet.
func canRaise() bool { return os.Geteuid() != 0 }
