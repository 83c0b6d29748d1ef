package local

import (
	"os"
	"os/exec"
	"syscall"
)

// ownGroup keeps a Ctrl-C at the broker's terminal from the command.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// killGroup ends the command; Windows has no way to end its children with it short of a job object.
func killGroup(p *os.Process) {
	_ = p.Kill() // it may be gone
}

// exitCode is the process's own.
func exitCode(s *os.ProcessState) int { return s.ExitCode() }

// canRaise is false: neither sudo nor ksu is there.
func canRaise() bool { return false }
