//go:build unix

package hosttest

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/consoles"
)

func testTerminal(t *testing.T, h host.Host) {
	c := Shell(`test -t 0 && test -t 1 && test -t 2 && echo tty; echo $TERM; stty size; pwd; echo "$A"; exit 5`)
	c.Dir, c.Env = "/usr", []string{"A=b c"}
	s, err := h.Start(t.Context(), c, host.Terminal{Term: "vt100"})
	must(t, err)
	out, err := io.ReadAll(s)
	if err != nil || string(out) != "tty\r\nvt100\r\n24 80\r\n/usr\r\nb c\r\n" {
		t.Errorf("%q, %v", out, err)
	}
	if got := s.Wait(); got.Code != 5 {
		t.Errorf("ended as %+v", got)
	}
	must(t, s.Close())
}

func testTerminalSize(t *testing.T, h host.Host) {
	s, err := h.Start(t.Context(), Shell(`stty size; read -r x; stty size; stty -echo; read -r x; echo "got $x"`),
		host.Terminal{Size: consoles.Size{Cols: 101, Rows: 33}})
	must(t, err)
	defer s.Close()
	Expect(t, s, "33 101\r\n")
	must(t, s.Resize(consoles.Size{Cols: 90, Rows: 40}))
	_, err = io.WriteString(s, "\n")
	must(t, err)
	Expect(t, s, "40 90\r\n")
	_, err = io.WriteString(s, "line\n")
	must(t, err)
	Expect(t, s, "got line\r\n")
	if got := s.Wait(); got.Code != 0 {
		t.Errorf("ended as %+v", got)
	}
}

func testTerminalClose(t *testing.T, h host.Host) {
	s, err := h.Start(t.Context(), Shell(`echo $$; exec sleep 1000`), host.Terminal{})
	must(t, err)
	buf := make([]byte, 100)
	n, err := s.Read(buf)
	must(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(buf[:n])))
	must(t, err)
	ended := make(chan error, 1)
	go func() {
		_, err := s.Read(make([]byte, 10))
		ended <- err
	}()
	must(t, s.Close())
	select {
	case err := <-ended:
		if !errors.Is(err, io.EOF) {
			t.Errorf("Read ended with %v", err)
		}
	case <-time.After(Deadline):
		t.Fatal("Close did not unblock Read")
	}
	Eventually(t, "the command to end", func() bool { return !Runs(pid) })
	s.Wait()
	must(t, s.Close())
	if _, err := s.Write([]byte("x")); err == nil {
		t.Error("wrote to a closed terminal")
	}
	if err := s.Resize(consoles.Size{Cols: 80, Rows: 24}); err == nil {
		t.Error("resized a closed terminal")
	}
}

func testTerminalRefusals(t *testing.T, h host.Host) {
	if _, err := h.Start(t.Context(), host.Command{Argv: []string{"conbroker-no-such-tool"}}, host.Terminal{}); !errors.Is(err, host.ErrNotInstalled) {
		t.Errorf("a missing program: %v", err)
	}
	if _, err := h.Start(t.Context(), host.Command{Argv: []string{"true"}, Dir: t.TempDir() + "/none"}, host.Terminal{}); !errors.Is(err, host.ErrFileNotFound) {
		t.Errorf("a missing directory: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Start(ctx, Shell("true"), host.Terminal{}); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}

func testLoginShell(t *testing.T, h host.Host) {
	for _, env := range [][]string{nil, {"A=b"}} {
		s, err := h.Start(t.Context(), host.Command{Env: env}, host.Terminal{})
		must(t, err)
		_, err = io.WriteString(s, "echo $((40 + 2))-$A-\n")
		must(t, err)
		want := "42--"
		if env != nil {
			want = "42-b-"
		}
		Expect(t, s, want)
		_, err = io.WriteString(s, "exit 7\n")
		must(t, err)
		if _, err := io.Copy(io.Discard, s); err != nil {
			t.Error(err)
		}
		if got := s.Wait(); got.Code != 7 {
			t.Errorf("ended as %+v", got)
		}
		must(t, s.Close())
	}
}

func testDial(t *testing.T, h host.Host) {
	path := filepath.Join(t.TempDir(), "s")
	for network, address := range map[string]string{"unix": path, "tcp": "127.0.0.1:0"} {
		l, err := net.Listen(network, address)
		must(t, err)
		address = l.Addr().String()
		c, err := h.Dial(t.Context(), network, address)
		must(t, err)
		peer, err := l.Accept()
		must(t, err)
		exchange(t, c, peer)
		must(t, c.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("after the deadline: %v", err)
		}
		must(t, c.SetReadDeadline(time.Time{}))
		must(t, c.(interface{ CloseWrite() error }).CloseWrite())
		if b, err := io.ReadAll(peer); err != nil || len(b) != 0 {
			t.Errorf("after the half close: %q, %v", b, err)
		}
		exchangeLarge(t, peer, c)
		for _, end := range []io.Closer{c, l} {
			must(t, end.Close())
		}
		if _, err := h.Dial(t.Context(), network, address); err == nil {
			t.Error("connected to nobody")
		} else if network == "tcp" && !errors.Is(err, host.ErrUnreachable) {
			t.Errorf("nobody listens: %v", err)
		}
	}
	testDialRefusals(t, h, path)
}

func testDialRefusals(t *testing.T, h host.Host, path string) {
	if _, err := h.Dial(t.Context(), "unix", path+"x"); !errors.Is(err, host.ErrFileNotFound) {
		t.Errorf("no such socket: %v", err)
	}
	if _, err := h.Dial(t.Context(), "udp", "127.0.0.1:1"); err == nil {
		t.Error("udp was dialled")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Dial(ctx, "tcp", "192.0.2.1:9"); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}

// exchange sends a few bytes both ways.
func exchange(t *testing.T, a, b net.Conn) {
	t.Helper()
	for _, pair := range [][2]net.Conn{{a, b}, {b, a}} {
		_, err := io.WriteString(pair[0], "hello")
		must(t, err)
		got := make([]byte, 5)
		if _, err := io.ReadFull(pair[1], got); err != nil || string(got) != "hello" {
			t.Errorf("%q, %v", got, err)
		}
	}
}

// exchangeLarge sends more than any window holds and closes.
func exchangeLarge(t *testing.T, from, to net.Conn) {
	t.Helper()
	const size = 5 << 20
	sent := make(chan error, 1)
	go func() {
		_, err := from.Write(make([]byte, size))
		sent <- errors.Join(err, from.Close())
	}()
	n, err := io.Copy(io.Discard, to)
	if err := errors.Join(err, <-sent); err != nil || n != size {
		t.Errorf("%d of %d bytes, %v", n, size, err)
	}
}

// Expect reads until a text has come.
func Expect(t testing.TB, r io.Reader, text string) {
	t.Helper()
	var seen []byte
	buf := make([]byte, 4096)
	for !strings.Contains(string(seen), text) {
		n, err := r.Read(buf)
		if seen = append(seen, buf[:n]...); err != nil {
			t.Fatalf("waiting for %q after %q: %v", text, seen, err)
		}
	}
}
