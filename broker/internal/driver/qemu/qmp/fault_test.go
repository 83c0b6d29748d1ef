package qmp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

const greeting = `{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "p"}, "capabilities": []}}` + "\r\n"

// peer is the server's end of a connection, played by a test.
type peer struct {
	net.Conn
	lines *bufio.Reader
	over  <-chan struct{} // closed when the test ends
}

// play runs script as the server's end and returns the client's. The script has ended when the test ends.
func play(t *testing.T, script func(p peer)) net.Conn {
	t.Helper()
	client, server := net.Pipe()
	over, played := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(played)
		defer server.Close()
		script(peer{server, bufio.NewReader(server), over})
	}()
	t.Cleanup(func() {
		close(over)
		client.Close()
		<-played
	})
	return client
}

func (p peer) say(format string, args ...any) { fmt.Fprintf(p, format, args...) }

// hear takes one command from the client.
func (p peer) hear() { p.lines.ReadString('\n') }

// welcome plays the handshake.
func (p peer) welcome() {
	p.say("%s", greeting)
	p.hear()
	p.say(`{"return": {}, "id": 1}` + "\r\n")
}

// linger waits until the client is gone.
func (p peer) linger() { io.Copy(io.Discard, p.lines) }

func TestOpenFaults(t *testing.T) {
	tests := map[string]struct {
		script func(peer)
		want   error
	}{
		"garbage":       {func(p peer) { p.say("SSH-2.0-OpenSSH_9.2\r\n"); p.linger() }, ErrProtocol},
		"other JSON":    {func(p peer) { p.say("{\"jsonrpc\": \"2.0\"}\n"); p.linger() }, ErrProtocol},
		"half a line":   {func(p peer) { p.say("%s", greeting[:20]) }, ErrProtocol},
		"silence":       {func(p peer) { p.linger() }, context.DeadlineExceeded},
		"hang-up":       {func(peer) {}, ErrClosed},
		"giant line":    {func(p peer) { p.say("%s", strings.Repeat("x", maxLine+1)); p.linger() }, ErrProtocol},
		"answer first":  {func(p peer) { p.say(`{"return": {}, "id": 7}` + "\n"); p.linger() }, ErrProtocol},
		"two greetings": {func(p peer) { p.say("%s", greeting+greeting); p.linger() }, ErrProtocol},
		"refused handshake": {func(p peer) {
			p.say("%s", greeting)
			p.hear()
			p.say(`{"error": {"class": "X"}, "id": 1}` + "\n")
			p.linger()
		}, nil},
		"never reads": {func(p peer) { p.say("%s", greeting); <-p.over }, context.DeadlineExceeded},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			conn := play(t, test.script)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			m, err := Open(ctx, conn)
			if err == nil {
				m.Close()
				t.Fatal("opened")
			}
			if test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
			if _, err := conn.Write([]byte("x")); err == nil {
				t.Error("the connection was left open")
			}
		})
	}
}

func TestDeathInTheMiddleOfAnAnswer(t *testing.T) {
	m := mustOpen(t, func(p peer) {
		p.welcome()
		p.hear()
		p.say(`{"return": {"status": "run`)
	})
	err := m.Execute(t.Context(), "query-status", nil, nil)
	if !errors.Is(err, ErrProtocol) && !errors.Is(err, ErrClosed) {
		t.Errorf("error %v", err)
	}
	<-m.Done()
}

func mustOpen(t *testing.T, script func(peer)) *Monitor {
	t.Helper()
	m, err := Open(t.Context(), play(t, script))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func TestLateAnswerIsNotTakenForAnother(t *testing.T) {
	release := make(chan struct{})
	m := mustOpen(t, func(p peer) {
		p.welcome()
		p.hear()
		<-release
		p.say(`{"return": "late", "id": 2}` + "\n")
		p.hear()
		p.say(`{"return": "second", "id": 3}` + "\n")
		p.linger()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := m.Execute(ctx, "slow", nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error %v", err)
	}
	close(release)
	var answer string
	if err := m.Execute(t.Context(), "next", nil, &answer); err != nil || answer != "second" {
		t.Errorf("answer %q, error %v", answer, err)
	}
}

func TestPendingCommandsAreBounded(t *testing.T) {
	m := mustOpen(t, func(p peer) { p.welcome(); p.linger() })
	ctx, cancel := context.WithCancel(t.Context())
	outcomes := make(chan error)
	for range maxPending + 1 {
		go func() { outcomes <- m.Execute(ctx, "hang", nil, nil) }()
	}
	if err := <-outcomes; err == nil || !strings.Contains(err.Error(), "no answer yet") {
		t.Errorf("the command too many: %v", err)
	}
	cancel()
	for range maxPending {
		if err := <-outcomes; !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	}
}

func TestEventFloodNeitherBlocksNorGrows(t *testing.T) {
	const flood = 10_000
	m := mustOpen(t, func(p peer) {
		p.welcome()
		for i := range flood {
			p.say(`{"event": "RTC_CHANGE", "data": {"n": %d}, "timestamp": {"seconds": 1, "microseconds": 2}}`+"\n", i)
		}
		p.hear()
		p.say(`{"return": {}, "id": 2}` + "\n")
		p.hear()
		p.say(`{"event": "STOP", "timestamp": {"seconds": 1, "microseconds": 2}}` + "\n")
		p.linger()
	})
	if err := m.Execute(t.Context(), "query-status", nil, nil); err != nil {
		t.Fatal(err)
	}
	for range maxEvents {
		if e := <-m.Events(); e.Lost != 0 {
			t.Errorf("event %s lost %d before it", e.Data, e.Lost)
		}
	}
	go m.Execute(t.Context(), "more", nil, nil)
	if e := <-m.Events(); e.Name != "STOP" || e.Lost != flood-maxEvents {
		t.Errorf("event %s, lost %d, want STOP and %d", e.Name, e.Lost, flood-maxEvents)
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		greeting, `{"return": {}, "id": 1}`, `{"error": {"class": "GenericError", "desc": "d"}, "id": 2}`,
		`{"event": "RESET", "data": {"guest": true}, "timestamp": {"seconds": 1, "microseconds": 2}}`,
		`{"return": null}`, `{"event": "E", "id": -1}`, `[]`, `{"id": 18446744073709551616}`, strings.Repeat("[", 20000),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		m, err := decode(line)
		if err != nil {
			if !errors.Is(err, ErrProtocol) {
				t.Errorf("error %v is not ErrProtocol", err)
			}
			return
		}
		kinds := 0
		for _, is := range []bool{m.greeting != nil, m.event != nil, m.fault != nil, m.result != nil} {
			if is {
				kinds++
			}
		}
		if kinds != 1 {
			t.Errorf("%q is %d kinds of message", line, kinds)
		}
	})
}
