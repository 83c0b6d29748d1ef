package rpc

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// setWriteBuffer limits what the kernel holds between f, a pipe or a socket,
// and its reader to about n bytes.
func setWriteBuffer(f *os.File, n int) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		if _, failed = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, n); failed != nil { // EBADF: no pipe
			failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, n)
		}
	})
	return errors.Join(err, failed)
}
