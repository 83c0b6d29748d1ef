//go:build unix

package endpoint

import (
	"errors"
	"os/exec"
	"syscall"
)

// maxSocketPath is the longest path of a Unix socket in bytes: 107 on Linux, 103 on macOS.
const maxSocketPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// isGone reports whether no process has the number.
func isGone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// detach makes the process the leader of a session of its own: no terminal, and no signal meant for its starter, reaches it.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
