package attach

import (
	"errors"
	"net"

	"golang.org/x/sys/windows"
)

// hungUp cannot tell here: a client that goes while its input waits for the
// guest is noticed when the guest reads again or says something.
func hungUp(net.Conn) bool { return false }

// outOfDescriptors reports whether accepting failed for want of sockets or buffers, which passes.
func outOfDescriptors(err error) bool {
	return errors.Is(err, windows.WSAEMFILE) || errors.Is(err, windows.WSAENOBUFS) || errors.Is(err, windows.WSAECONNRESET)
}
