package pty

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// awaitExit waits until process pid can be reaped, without holding a thread. It
// returns early where the kernel (before 5.10) cannot do that; os/exec then
// waits in its own way.
func awaitExit(pid int) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return
	}
	f := os.NewFile(uintptr(fd), "pidfd")
	defer f.Close()
	conn, err := f.SyscallConn()
	if err != nil {
		return
	}
	// The error says that the descriptor cannot be polled; see above.
	_ = conn.Read(func(uintptr) (done bool) {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PIDFD, fd, &info, unix.WEXITED|unix.WNOWAIT|unix.WNOHANG, nil)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			return false
		}
		return err != nil || info.Signo != 0
	})
}
