//go:build unix

package sshconfig

import (
	"os/exec"
	"syscall"
)

// endWithGroup makes the end of the context end what the program started as well, such as a command of Match exec.
func endWithGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
