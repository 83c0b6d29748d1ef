//go:build unix

package endpoint

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func TestClientAndDaemonTalk(t *testing.T) {
	p := newPlace(t)
	ok(t, os.WriteFile(p.Socket, []byte("left by a dead daemon"), 0o644))
	idle := NewIdle(0)
	s := serve(t, p, Options{Hello: own, Idle: idle}, echo)
	info, err := os.Stat(p.Socket)
	ok(t, err)
	if info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("the socket has mode %v", info.Mode())
	}
	older := Hello{Protocol: 1, Version: "1.0.0", Build: "another"}
	conn, peer, err := Dial(t.Context(), p, older)
	ok(t, err)
	if want := (PeerHello{Hello: own, PID: os.Getpid(), Clients: 1}); peer != want {
		t.Errorf("the daemon says %+v, want %+v", peer, want)
	}
	if _, err := io.WriteString(conn, "hello"); err != nil {
		t.Error(err)
	}
	ok(t, conn.(*Conn).CloseWrite())
	if got, err := io.ReadAll(conn); string(got) != "hello" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	ok(t, conn.Close())
	eventually(t, "the client to be gone", func() bool { c, _ := idle.Held(); return c == 0 })
	if peer, err := Probe(t.Context(), p); err != nil || peer.PID != os.Getpid() {
		t.Errorf("probe: %+v, %v", peer, err)
	}
	s.stop(t)
	if _, _, err := Dial(t.Context(), p, own); !errors.Is(err, ErrAbsent) {
		t.Errorf("after the end: %v", err)
	}
	if _, err := os.Stat(p.Lock); err != nil {
		t.Errorf("the lock file was removed: %v", err)
	}
}

func TestSecondDaemonIsRefused(t *testing.T) {
	p := newPlace(t)
	s := serve(t, p, Options{Hello: own}, echo)
	_, err := Listen(t.Context(), p, Options{Hello: own})
	var running *RunningError
	if !errors.As(err, &running) || running.PID != os.Getpid() || running.Version != own.Version {
		t.Errorf("%v", err)
	}
	if _, err := Probe(t.Context(), p); err != nil {
		t.Errorf("the first daemon lost its socket: %v", err)
	}
	s.stop(t)
}

func TestNewDaemonWaitsForTheEndOfTheOld(t *testing.T) {
	p := newPlace(t)
	first, err := Listen(t.Context(), p, Options{Hello: own})
	ok(t, err)
	ok(t, first.socket.Close()) // it has stopped to listen and still holds the lock
	begun := make(chan error, 1)
	go func() {
		second, err := Listen(t.Context(), p, Options{Hello: own})
		if err == nil {
			err = second.Close()
		}
		begun <- err
	}()
	select {
	case err := <-begun:
		t.Fatalf("did not wait: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	ok(t, first.Close())
	ok(t, <-begun)
}

func TestListenNamesADaemonThatDoesNotAnswer(t *testing.T) {
	p := newPlace(t)
	first, err := Listen(t.Context(), p, Options{Hello: own})
	ok(t, err)
	ok(t, first.socket.Close())
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = Listen(ctx, p, Options{Hello: own})
	var running *RunningError
	if !errors.As(err, &running) || running.PID != os.Getpid() {
		t.Errorf("%v", err)
	}
	ok(t, first.Close())
}

func TestHandshakeRefusals(t *testing.T) {
	p := newPlace(t)
	s := serve(t, p, Options{Hello: own}, echo)
	for _, said := range []string{
		"Content-Length: 2\r\n\r\n{}", strings.Repeat("x", 3000), "conbroker protocol=1&verb=dance\n", "conbroker \x00\n",
		"conbroker protocol=2&verb=connect\n",
	} {
		conn, err := net.Dial("unix", p.Socket)
		ok(t, err)
		if _, err := io.WriteString(conn, said); err != nil {
			t.Error(err)
		}
		ok(t, conn.SetReadDeadline(time.Now().Add(deadline)))
		line, err := readLine(conn)
		a, parseErr := parseAnswer(line)
		if err != nil || parseErr != nil || a.Refused == "" || a.Version != own.Version {
			t.Errorf("%.30q was answered with %q, %v", said, line, err)
		}
		if b, err := io.ReadAll(conn); len(b) != 0 || err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("then %q, %v", b, err)
		}
		ok(t, conn.Close())
	}
	s.stop(t)
}

func TestSilentClientDoesNotKeepTheDaemon(t *testing.T) {
	p := newPlace(t)
	idle := NewIdle(0)
	s := serve(t, p, Options{Hello: own, Idle: idle}, echo)
	conn, err := net.Dial("unix", p.Socket)
	ok(t, err)
	if !idle.Retire() {
		t.Error("a client without a handshake counts")
	}
	s.wait(t)
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the connection outlived the daemon")
	}
	ok(t, conn.Close())
}

func TestOtherProtocolIsReplacedWhenIdle(t *testing.T) {
	p := newPlace(t)
	idle := NewIdle(0)
	old := Hello{Protocol: 0, Version: "0.9", Build: "old"}
	s := serve(t, p, Options{Hello: old, Idle: idle}, echo)
	if !idle.Acquire(Console) {
		t.Fatal("no console")
	}
	noStart := func(context.Context) error { t.Error("a second daemon was started"); return nil }
	_, _, err := Connect(t.Context(), p, own, noStart)
	var incompatible *IncompatibleError
	if !errors.As(err, &incompatible) || incompatible.Running.Consoles != 1 || incompatible.Running.Version != "0.9" {
		t.Fatalf("%v", err)
	}
	for _, word := range []string{"0.9", "1.2.3", "1 consoles", "--replace"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the message does not say %q: %v", word, err)
		}
	}
	var busy *BusyError
	if err := Retire(t.Context(), p, own); !errors.As(err, &busy) || !strings.Contains(err.Error(), "1 consoles") {
		t.Errorf("retire: %v", err)
	}
	idle.Release(Console)
	var next *serving
	conn, peer, err := Connect(t.Context(), p, own, func(context.Context) error {
		next = serve(t, p, Options{Hello: own}, echo)
		return nil
	})
	ok(t, err)
	s.wait(t)
	if peer.Hello != own {
		t.Errorf("connected to %+v", peer)
	}
	ok(t, conn.Close())
	next.stop(t)
}

func TestServeWaitsForItsHandlers(t *testing.T) {
	p := newPlace(t)
	var finished bool
	entered := make(chan struct{})
	s := serve(t, p, Options{Hello: own}, func(ctx context.Context, _ net.Conn) {
		close(entered)
		<-ctx.Done()
		finished = true
	})
	conn, _, err := Dial(t.Context(), p, own)
	ok(t, err)
	<-entered
	s.stop(t)
	if !finished {
		t.Error("Serve left a handler behind")
	}
	ok(t, conn.Close())
}

func TestServeClosesStubbornHandlers(t *testing.T) {
	p := newPlace(t)
	s := serve(t, p, Options{Hello: own}, func(_ context.Context, conn net.Conn) {
		_, _ = io.Copy(io.Discard, conn) // takes no notice of its context
	})
	conn, _, err := Dial(t.Context(), p, own)
	ok(t, err)
	s.stop(t)
	ok(t, conn.Close())
}

func TestAttachSockets(t *testing.T) {
	p := newPlace(t)
	l, err := Listen(t.Context(), p, Options{Hello: own})
	ok(t, err)
	ok(t, os.WriteFile(p.Dir+"/stdio-4194304.attach.sock", nil, 0o600)) // beyond Linux' largest process number
	attach, err := l.ListenAttach(t.Context())
	ok(t, err)
	private, err := ListenPrivate(t.Context(), p)
	ok(t, err)
	for _, socket := range []net.Listener{attach, private} {
		path := socket.Addr().String()
		info, err := os.Stat(path)
		ok(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		conn, err := net.Dial("unix", path)
		ok(t, err)
		accepted, err := socket.Accept()
		ok(t, err)
		ok(t, errors.Join(conn.Close(), accepted.Close(), socket.Close()))
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s was left behind", path)
		}
	}
	if _, err := os.Stat(p.Dir + "/stdio-4194304.attach.sock"); err == nil {
		t.Error("the socket of a dead process was left")
	}
	ok(t, l.Close())
}
