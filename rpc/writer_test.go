package rpc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A peer that reads nothing at all: its requests are still read, handlers run
// and finish, its cancel is seen.
func TestFrozenPeer(t *testing.T) {
	g := newGateHandler()
	cancelled := make(chan struct{})
	o := testOptions
	o.Handler = handlerFunc(func(ctx context.Context, c *Conn, req *Request) (any, error) {
		if req.Method == "big" {
			return strings.Repeat("x", 32<<10), nil
		}
		defer close(cancelled)
		return g.Handle(ctx, c, req)
	})
	o.FlushWait = 1
	c, p := startPipe(t, o)
	addFloods(c, 64)
	for i := range 100 {
		p.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"big"}`, i))
	}
	p.send(`{"jsonrpc":"2.0","id":"w","method":"wait"}`)
	await(t, "the handler", g.begun)
	p.send(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":"w"}}`)
	await(t, "its cancel", cancelled)
	if err := c.Err(); err != nil {
		t.Errorf("Err = %v", err)
	}
}

// A peer that does not read and asks on is given up, not stored for ever.
func TestOverflowClosesTheConnection(t *testing.T) {
	o := testOptions
	o.MaxQueued = 100_000
	c, p := startPipe(t, o)
	for id := range 100 {
		request, _ := echoOf(id, 10_000)
		if _, err := p.w.Write(appendFrame(nil, []byte(request))); err != nil {
			break
		}
	}
	await(t, "Done", c.Done())
	if err := c.Err(); !errors.Is(err, ErrOverflow) {
		t.Errorf("Err = %v", err)
	}
	if err := c.Notify("late", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Notify = %v", err)
	}
}

// gatedStream records writes; each waits for a token.
type gatedStream struct {
	net.Conn
	tokens chan struct{}
	writes chan string
}

func (g *gatedStream) Write(p []byte) (int, error) {
	g.writes <- string(p)
	<-g.tokens
	return len(p), nil
}

// Small control messages that wait together leave in one write; an output frame
// is one write.
func TestWritesAreCoalesced(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	g := &gatedStream{near, make(chan struct{}), make(chan string, 100)}
	c := NewConn(context.Background(), g, Options{})
	sendNote(t, c, "first")
	first := await(t, "the first write", g.writes)
	for range 50 {
		sendNote(t, c, "more")
	}
	c.AddSource(&echoSource{pending: []string{"output"}}).Ready()
	g.tokens <- struct{}{}
	batch := await(t, "the second write", g.writes)
	g.tokens <- struct{}{}
	output := await(t, "the third write", g.writes)
	close(g.tokens)
	c.Close()

	var got []int
	for _, write := range []string{first, batch, output} {
		n, r := 0, bufio.NewReader(strings.NewReader(write))
		for {
			if _, err := readFrame(r); err != nil {
				if !errors.Is(err, io.EOF) {
					t.Error(err)
				}
				break
			}
			n++
		}
		got = append(got, n)
	}
	if diff := cmp.Diff([]int{1, 50, 1}, got); diff != "" {
		t.Errorf("frames per write (-want +got):\n%s", diff)
	}
}

func TestLoad(t *testing.T) {
	g := newGateHandler()
	c, p := startPipe(t, Options{Handler: g})
	if diff := cmp.Diff(Load{}, c.Load()); diff != "" {
		t.Errorf("idle (-want +got):\n%s", diff)
	}
	p.send(`{"jsonrpc":"2.0","id":1,"method":"wait"}`)
	await(t, "the handler", g.begun)
	sendNote(t, c, "note") // stays until the peer reads it
	want := Load{InFlight: 1, QueuedBytes: len(appendFrame(nil, []byte(`{"jsonrpc":"2.0","method":"note"}`)))}
	if diff := cmp.Diff(want, c.Load()); diff != "" {
		t.Errorf("busy (-want +got):\n%s", diff)
	}
	p.want(`{"jsonrpc":"2.0","method":"note"}`)
}
