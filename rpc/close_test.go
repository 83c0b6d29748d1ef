package rpc

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// gateHandler answers "wait" only when its context ends, "stubborn" only when
// released, and says on begun that one of them runs.
type gateHandler struct{ begun, release chan struct{} }

func newGateHandler() gateHandler {
	return gateHandler{make(chan struct{}, 16), make(chan struct{})}
}

func (g gateHandler) Handle(ctx context.Context, c *Conn, req *Request) (any, error) {
	switch req.Method {
	case "wait":
		g.begun <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	case "stubborn":
		g.begun <- struct{}{}
		<-g.release
	case "exit":
		c.Stop()
	}
	return "pong", nil
}

// The peer closes its side: handlers are cancelled, and their replies still go out.
func TestEndOfInput(t *testing.T) {
	c, p := startFiles(t, testOptions)
	p.send(`{"jsonrpc":"2.0","id":1,"method":"wait"}`)
	p.send(`{"jsonrpc":"2.0","id":2,"method":"ping"}`)
	p.want(`{"jsonrpc":"2.0","id":2,"result":"pong"}`)
	p.w.Close()
	p.wantError("1", CodeCancelled)
	p.wantEnd()
	await(t, "Done", c.Done())
	if err := c.Err(); err != nil {
		t.Errorf("Err = %v", err)
	}
	if c.Context().Err() == nil {
		t.Error("the context of the connection lives on")
	}
}

// With Linger, a script may pipe its requests in and close: they are answered.
func TestLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		in, feed := io.Pipe()
		o := Options{Linger: time.Minute, Handler: handlerFunc(func(ctx context.Context, _ *Conn, req *Request) (any, error) {
			timer := time.NewTimer(30 * time.Second)
			if req.Method == "long" {
				timer.Reset(time.Hour)
			}
			select {
			case <-timer.C:
				return "pong", nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		})}
		c := NewConn(t.Context(), Stdio(in, near), o)
		p := newRawPeer(t, far)
		start := time.Now()
		requests := appendFrame(nil, []byte(pingBody))
		requests = appendFrame(requests, []byte(`{"jsonrpc":"2.0","id":2,"method":"long"}`))
		if _, err := feed.Write(requests); err != nil {
			t.Fatal(err)
		}
		feed.Close()
		p.want(pongBody)
		p.wantError("2", CodeCancelled)
		p.wantEnd()
		if took := time.Since(start); took != time.Minute {
			t.Errorf("lingered for %v", took)
		}
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// A handler that does not heed its context holds the end up for HandlerWait only.
func TestStubbornHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		g := newGateHandler()
		log, text := newLog()
		c := NewConn(t.Context(), near, Options{Handler: g, Logger: log})
		p := newRawPeer(t, far)
		p.send(`{"jsonrpc":"2.0","id":1,"method":"stubborn"}`)
		<-g.begun
		start := time.Now()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("Close took %v", took)
		}
		if !strings.Contains(text.String(), "handlers still run") {
			t.Errorf("log: %s", text)
		}
		close(g.release)
		p.wantEnd()
	})
}

// A peer that does not read holds the end up for FlushWait only.
func TestCloseWithFrozenPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := NewConn(t.Context(), near, Options{})
		sendNote(t, c, "note")
		flood := c.AddSource(&floodSource{name: "f", size: 100})
		flood.Ready()
		synctest.Wait()
		start := time.Now()
		c.Close()
		if took := time.Since(start); took != time.Second {
			t.Errorf("Close took %v", took)
		}
		far.Close()
	})
}

func TestCloseFlushesReplies(t *testing.T) {
	c, p := startPipe(t, Options{})
	for range 3 {
		sendNote(t, c, "note")
	}
	c.Stop()
	for range 3 {
		p.want(`{"jsonrpc":"2.0","method":"note"}`)
	}
	p.wantEnd()
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

// exit of a client: a handler on the read loop ends its own connection, and
// nothing behind it is handled any more.
func TestStopInHandler(t *testing.T) {
	calls := make(chan string, 10)
	o := Options{Ordered: func(string) bool { return true }}
	o.Handler = handlerFunc(func(_ context.Context, c *Conn, req *Request) (any, error) {
		calls <- req.Method
		if req.Method == "exit" {
			c.Stop()
		}
		return nil, nil
	})
	c, p := startFiles(t, o)
	p.send(`{"jsonrpc":"2.0","method":"exit"}`)
	p.wantEnd()
	await(t, "Done", c.Done())
	if _, err := p.w.Write(appendFrame(nil, []byte(`{"jsonrpc":"2.0","method":"late"}`))); err == nil {
		t.Error("the input is still open")
	}
	if got := <-calls; got != "exit" || len(calls) != 0 {
		t.Errorf("handled %s and %d more", got, len(calls))
	}
}

func TestContextEndsTheConnection(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	ctx, cancel := context.WithCancel(context.Background())
	c := NewConn(ctx, near, Options{})
	if err := c.Err(); err != nil {
		t.Errorf("Err of a living connection: %v", err)
	}
	cancel()
	await(t, "Done", c.Done())
	if err := c.Err(); err != nil {
		t.Errorf("Err = %v", err)
	}
}

// A broken stream ends the connection, with the cause in Err.
func TestWriteError(t *testing.T) {
	inR, inW := osPipe(t)
	outR, outW := osPipe(t)
	defer inW.Close()
	c := NewConn(context.Background(), Stdio(inR, outW), Options{})
	outR.Close()
	sendNote(t, c, "note")
	await(t, "Done", c.Done())
	if err := c.Err(); err == nil || !strings.HasPrefix(err.Error(), "rpc: write: ") {
		t.Errorf("Err = %v", err)
	}
}

func TestReadError(t *testing.T) {
	broken := errors.New("broken cable")
	in, feed := io.Pipe()
	_, out := io.Pipe()
	feed.CloseWithError(broken)
	c := NewConn(context.Background(), Stdio(in, out), Options{})
	await(t, "Done", c.Done())
	if err := c.Err(); !errors.Is(err, broken) {
		t.Errorf("Err = %v", err)
	}
}

// blockingFile is a file whose reads and writes nothing can interrupt, such as
// an inherited standard input.
type blockingFile struct{ unblock chan struct{} }

func (b blockingFile) Read([]byte) (int, error)           { <-b.unblock; return 0, io.EOF }
func (b blockingFile) Write([]byte) (int, error)          { <-b.unblock; return 0, io.EOF }
func (b blockingFile) Close() error                       { return nil }
func (b blockingFile) SetReadDeadline(time.Time) error    { return os.ErrNoDeadline }
func (b blockingFile) SetWriteDeadline(t time.Time) error { return os.ErrNoDeadline }

func TestCloseDoesNotWaitForWhatCannotBeInterrupted(t *testing.T) {
	b := blockingFile{make(chan struct{})}
	c := NewConn(context.Background(), Stdio(b, b), Options{FlushWait: time.Millisecond})
	sendNote(t, c, "note")
	c.Stop()
	await(t, "Done", c.Done())
	close(b.unblock)
}
