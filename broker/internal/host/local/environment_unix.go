//go:build unix

package local

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/conbroker/conbroker/broker/internal/host"
)

const homeVariable = "HOME"

func runtimeDir(env func(string) string) (string, error) {
	return host.RuntimeDir(env, os.Getuid(), OwnDir)
}

// systemName is what uname -s, -r and -m print.
func systemName() (system, release, machine string) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", "", ""
	}
	return unix.ByteSliceToString(u.Sysname[:]), unix.ByteSliceToString(u.Release[:]), unix.ByteSliceToString(u.Machine[:])
}
