package attach

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/conbroker/conbroker/consoles"
)

// converse sends raw bytes to the server and returns its answer and whether it hung up.
func (f *fixture) converse(raw string) (answer, net.Conn) {
	f.t.Helper()
	conn, err := net.Dial("unix", f.socket)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		f.t.Fatal(err)
	}
	if _, err := io.WriteString(conn, raw); err != nil {
		f.t.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		f.t.Fatalf("no answer to %.40q: %v", raw, err)
	}
	var a answer
	if err := json.Unmarshal([]byte(line), &a); err != nil {
		f.t.Fatal(err)
	}
	return a, conn
}

func TestHostileHello(t *testing.T) {
	f := newFixture(t, consoles.Options{})
	for name, tc := range map[string]struct {
		raw  string
		code ErrorCode
	}{
		"garbage":    {"\x00\xff nonsense\n", CodeInvalid},
		"too long":   {`{"version":1,"console":"` + strings.Repeat("c", maxLine) + "\n", CodeInvalid},
		"two values": {`{"version":1,"console":"c1"} {}` + "\n", CodeInvalid},
		"wrong type": {`{"version":1,"console":1}` + "\n", CodeInvalid},
		"no console": {`{"version":1}` + "\n", CodeInvalid},
		"version":    {`{"version":2,"console":"c1"}` + "\n", CodeVersion},
	} {
		t.Run(name, func(t *testing.T) {
			a, conn := f.converse(tc.raw)
			if a.OK != nil || a.Error == nil || a.Error.Code != tc.code {
				t.Errorf("answer %+v", a)
			}
			if _, err := conn.Read(make([]byte, 1)); err == nil {
				t.Error("the server did not hang up")
			}
		})
	}
}

func TestHostileFrames(t *testing.T) {
	f := newFixture(t, consoles.Options{})
	hello := `{"version":1,"console":"c1","mode":"read","replay":"none","client":"a\u001b]52;c;x\u0007b"}` + "\n"
	for name, frame := range map[string]string{
		"unknown":  "?\x00\x00\x00\x00",
		"too long": "i\xff\xff\xff\xff",
		"bad size": "s\x00\x00\x00\x01x",
	} {
		t.Run(name, func(t *testing.T) {
			a, conn := f.converse(hello + frame)
			if a.OK == nil {
				t.Fatalf("answer %+v", a)
			}
			if _, err := io.Copy(io.Discard, conn); err != nil && !errors.Is(err, net.ErrClosed) {
				var timeout net.Error
				if errors.As(err, &timeout) && timeout.Timeout() {
					t.Error("the server did not hang up")
				}
			}
			f.until("detached", func() bool { return len(f.con.Info().Attachments) == 0 })
		})
	}
}

func TestNamesOfClientsAreCleaned(t *testing.T) {
	f := newFixture(t, consoles.Options{})
	f.dial(Hello{Client: "a\x1b]52;c;eA==\x07b\n" + strings.Repeat("z", 1000)})
	got := f.con.Info().Writer
	if strings.ContainsAny(got, "\x1b\x07\n") || len(got) > maxName || !strings.HasPrefix(got, "a]52;c;eA==b") {
		t.Errorf("the client is called %q", got)
	}
}

func TestPeerCheck(t *testing.T) {
	asked := make(chan struct{}, 1)
	s := &Server{Hub: consoles.NewHub(consoles.Options{}), CheckPeer: func(net.Conn) error {
		asked <- struct{}{}
		return errors.New("another user")
	}}
	ours, theirs := net.Pipe()
	done := make(chan struct{})
	go func() {
		s.serveConn(context.Background(), theirs)
		close(done)
	}()
	<-asked
	if _, err := ours.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("a refused peer got %v", err)
	}
	<-done
	ours.Close()
}

func TestServerThatGoesAway(t *testing.T) {
	ours, theirs := net.Pipe()
	go func() {
		bufio.NewReader(theirs).ReadString('\n')
		io.WriteString(theirs, `{"ok":{"label":"x","offset":5,"mode":"read","size":{"cols":1,"rows":1}}}`+"\no\x00\x00\x00\x09abc")
		theirs.Close()
	}()
	c, err := NewClient(context.Background(), ours, Hello{Console: "c1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Next(); !errors.Is(err, ErrLost) {
		t.Errorf("error %v", err)
	}
	c.Close()
}

func TestDialGivesUpWithItsContext(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := NewClient(ctx, ours, Hello{Console: "c1"}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	ours.Close()
}

// FuzzClient lets a hostile server talk to the client.
func FuzzClient(f *testing.F) {
	ok := `{"ok":{"label":"x","offset":0,"mode":"read","size":{"cols":80,"rows":24}}}` + "\n"
	f.Add([]byte(ok + "o\x00\x00\x00\x03abc" + "p\x00\x00\x00\x01x" + "x\x00\x00\x00\x02{}"))
	f.Add([]byte(ok + "g\x00\x00\x00\x10" + strings.Repeat("\x00", 15) + "\x09"))
	f.Add([]byte(ok + "n\x00\x00\x00\x04null" + "c\x00\x00\x00\x02{}"))
	f.Add([]byte(`{"error":{"code":"busy"}}` + "\n"))
	f.Add([]byte(ok + "o\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		ours, theirs := net.Pipe()
		var said int64
		go func() {
			bufio.NewReader(theirs).ReadString('\n')
			theirs.Write(data)
			theirs.Close()
		}()
		defer ours.Close()
		c, err := NewClient(context.Background(), ours, Hello{Console: "c1"})
		if err != nil {
			return
		}
		for {
			ev, err := c.Next()
			if err != nil {
				break
			}
			said += int64(len(ev.Data))
			if ev.Kind == Gap && ev.To < ev.From {
				t.Fatalf("gap %+v", ev)
			}
			if ev.Kind == Refused && ev.Refusal == nil {
				t.Fatal("refused without a reason")
			}
		}
		if said > int64(len(data)) {
			t.Errorf("%d bytes of output from %d bytes", said, len(data))
		}
	})
}

// FuzzServer lets a hostile client talk to the server.
func FuzzServer(f *testing.F) {
	hello := `{"version":1,"console":"c1"}` + "\n"
	f.Add([]byte(hello + "i\x00\x00\x00\x03abc" + "s\x00\x00\x00\x04\x00\x50\x00\x18" + "b\x00\x00\x00\x00t\x00\x00\x00\x00d\x00\x00\x00\x00"))
	f.Add([]byte(`{"version":1,"console":"c1","from":-1}` + "\n"))
	f.Add([]byte(`{"version":1,"console":"c1","size":{"cols":-5,"rows":99999999}}` + "\n"))
	f.Add([]byte(hello + "i\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		g := newGuest()
		hub := consoles.NewHub(consoles.Options{})
		con, err := hub.Open(consoles.Spec{ID: "c1"}, g)
		if err != nil {
			t.Fatal(err)
		}
		drained := make(chan struct{})
		go func() {
			io.Copy(io.Discard, g.input)
			close(drained)
		}()
		go func() {
			for range g.resizedC {
			}
		}()
		ours, theirs := net.Pipe()
		served := make(chan struct{})
		go func() {
			(&Server{Hub: hub}).serveConn(context.Background(), theirs)
			close(served)
		}()
		go io.Copy(io.Discard, ours)
		ours.Write(data)
		ours.Close()
		<-served
		if n := len(con.Info().Attachments); n != 0 {
			t.Errorf("%d attachments are left", n)
		}
		hub.Close()
		<-drained
		close(g.resizedC)
	})
}
