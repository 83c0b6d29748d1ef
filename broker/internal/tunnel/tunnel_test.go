package tunnel

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is a TCP server that does one thing with each connection.
func server(t *testing.T, handle func(net.Conn)) Dial {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			handle(c)
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", l.Addr().String())
	}
}

func open(t *testing.T, dial Dial) *Tunnel {
	t.Helper()
	tunnel, err := Open(dial)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tunnel.Close() })
	return tunnel
}

func connect(t *testing.T, tunnel *Tunnel) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(tunnel.Port())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

func TestBothDirectionsAndTheirEnds(t *testing.T) {
	tunnel := open(t, server(t, func(c net.Conn) {
		defer c.Close()
		data, err := io.ReadAll(c) // ends when the near side has ended its own
		if err != nil {
			t.Error(err)
		}
		if _, err := c.Write(append([]byte("got "), data...)); err != nil {
			t.Error(err)
		}
	}))
	c := connect(t, tunnel)
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(c); err != nil || string(answer) != "got hello" {
		t.Errorf("%q, %v", answer, err)
	}
}

func TestTunnelsHavePortsOfTheirOwn(t *testing.T) {
	dial := server(t, func(c net.Conn) { c.Close() })
	one, two := open(t, dial), open(t, dial)
	if one.Port() == two.Port() || one.Port() < FirstPort {
		t.Errorf("ports %d and %d", one.Port(), two.Port())
	}
}

func TestServerThatIsNotThere(t *testing.T) {
	tunnel := open(t, func(context.Context) (net.Conn, error) { return nil, errors.New("refused") })
	if n, err := connect(t, tunnel).Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("read %d, %v", n, err)
	}
}

func TestCloseEndsWhatIsOpen(t *testing.T) {
	arrived := make(chan net.Conn, 1)
	tunnel := open(t, server(t, func(c net.Conn) { arrived <- c }))
	c := connect(t, tunnel)
	far := <-arrived
	defer far.Close()
	if err := tunnel.Close(); err != nil {
		t.Error(err)
	}
	for name, end := range map[string]net.Conn{"near": c, "far": far} {
		if n, err := end.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("%s end: read %d, %v", name, n, err)
		}
	}
	if _, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(tunnel.Port()))); err == nil {
		t.Error("the port still listens")
	}
}
