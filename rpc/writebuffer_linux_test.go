package rpc

import (
	"context"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// blockingPipe is a pipe whose ends are in blocking mode, as those of a process
// that was started with pipes.
func blockingPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fds[0]), "r"), os.NewFile(uintptr(fds[1]), "w")
}

func TestPipeIsNarrowed(t *testing.T) {
	inR, inW := blockingPipe(t)
	outR, outW := blockingPipe(t)
	defer outR.Close()
	raw, err := outR.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	c := NewConn(context.Background(), Stdio(inR, outW), Options{})
	var size int
	if err := raw.Control(func(fd uintptr) { size, _ = unix.FcntlInt(fd, unix.F_GETPIPE_SZ, 0) }); err != nil {
		t.Fatal(err)
	}
	if size != inTransit {
		t.Errorf("the pipe holds %d bytes, want %d", size, inTransit)
	}
	inW.Close()
	await(t, "Done", c.Done())
}

func TestSocketIsNarrowed(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	near, far := os.NewFile(uintptr(fds[0]), "near"), os.NewFile(uintptr(fds[1]), "far")
	c := NewConn(context.Background(), Stdio(near, near), Options{})
	size, err := unix.GetsockoptInt(fds[0], unix.SOL_SOCKET, unix.SO_SNDBUF)
	if err != nil || size > 2*inTransit { // the kernel doubles it for its own use
		t.Errorf("the socket holds %d bytes, %v", size, err)
	}
	far.Close()
	await(t, "Done", c.Done())
}

// Standard input in blocking mode is left open by the peer: the end of the
// connection does not wait for it.
func TestCloseWithOpenStandardInput(t *testing.T) {
	inR, inW := blockingPipe(t)
	outR, outW := blockingPipe(t)
	defer outR.Close()
	c := NewConn(context.Background(), Stdio(inR, outW), Options{})
	c.Stop()
	await(t, "Done", c.Done())
	inW.Close() // only now the read returns
}
