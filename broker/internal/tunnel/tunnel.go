// Package tunnel makes a server that a host can reach, such as a guest's VNC server, reachable at a port of this computer's
// loopback interface.
package tunnel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"syscall"
)

// FirstPort is where the search for a free port begins, as the original numbered its tunnels (display :50).
const FirstPort = 5950

// ports is how many ports are tried before the system chooses one.
const ports = 250

// Dial connects to the server at the far end. The context ends with the tunnel.
type Dial func(ctx context.Context) (net.Conn, error)

// Tunnel is a listening local port. Each connection to it becomes one to the server.
type Tunnel struct {
	listener net.Listener
	dial     Dial
	cancel   context.CancelFunc
	work     sync.WaitGroup
}

// Open listens on 127.0.0.1, at the first free port from FirstPort on, and forwards until Close.
func Open(dial Dial) (*Tunnel, error) {
	listener, err := listen()
	if err != nil {
		return nil, fmt.Errorf("open a tunnel: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t := &Tunnel{listener: listener, dial: dial, cancel: cancel}
	t.work.Go(func() { t.accept(ctx) })
	return t, nil
}

// listen takes the first free port.
func listen() (net.Listener, error) {
	for port := FirstPort; port < FirstPort+ports; port++ {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil || !errors.Is(err, syscall.EADDRINUSE) {
			return l, err
		}
	}
	return net.Listen("tcp", "127.0.0.1:0")
}

// Port is the local port.
func (t *Tunnel) Port() int { return t.listener.Addr().(*net.TCPAddr).Port }

// Close stops listening, ends the connections through the tunnel, and waits for them.
func (t *Tunnel) Close() error {
	err := t.listener.Close()
	t.cancel()
	t.work.Wait()
	return err
}

// accept takes connections until the listener is closed.
func (t *Tunnel) accept(ctx context.Context) {
	for {
		near, err := t.listener.Accept()
		if err != nil {
			return
		}
		t.work.Go(func() { t.forward(ctx, near) })
	}
}

// forward joins a connection with a new one to the server, until either ends.
func (t *Tunnel) forward(ctx context.Context, near net.Conn) {
	defer near.Close()
	far, err := t.dial(ctx)
	if err != nil {
		return // the viewer sees the connection close; it tries again or says so
	}
	defer far.Close()
	stop := context.AfterFunc(ctx, func() { near.Close(); far.Close() })
	defer stop()
	var copying sync.WaitGroup
	copying.Go(func() { pipe(far, near) })
	pipe(near, far)
	copying.Wait()
}

// pipe copies one direction and passes the end of it on. Where the far side cannot be half closed, it is closed: a viewer or server
// that has ended its side has nothing to wait for.
func pipe(to, from net.Conn) {
	_, err := io.Copy(to, from)
	half, ok := to.(interface{ CloseWrite() error })
	if err != nil || !ok || half.CloseWrite() != nil {
		to.Close()
		from.Close()
	}
}
