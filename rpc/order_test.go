package rpc

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

func ordered(prefix string) func(string) bool {
	return func(method string) bool { return strings.HasPrefix(method, prefix) }
}

func TestOrderedNotificationsKeepTheirOrder(t *testing.T) {
	const n = 20_000
	next, inversions := 0, 0 // touched by the read loop only
	o := Options{Ordered: ordered("in/")}
	o.Handler = handlerFunc(func(_ context.Context, _ *Conn, req *Request) (any, error) {
		if req.Method == "in/total" {
			return []int{next, inversions}, nil
		}
		i, err := strconv.Atoi(strings.Trim(string(req.Params), "[]"))
		if err != nil || i != next {
			inversions++
		}
		next++
		return nil, nil
	})
	_, p := startFiles(t, o)
	go func() {
		var batch []byte
		for i := range n {
			batch = appendFrame(batch, fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"in/byte","params":[%d]}`, i))
		}
		batch = appendFrame(batch, []byte(`{"jsonrpc":"2.0","id":1,"method":"in/total"}`))
		if _, err := p.w.Write(batch); err != nil {
			t.Error(err)
		}
	}()
	p.want(`{"jsonrpc":"2.0","id":1,"result":[20000,0]}`)
}

// An ordered request is accepted in order and may be answered later, while the
// read loop goes on.
func TestDeferred(t *testing.T) {
	release := make(chan struct{})
	var accepted []string // touched by the read loop only
	o := Options{Ordered: ordered("q/"), CancelMethod: "$/cancelRequest"}
	o.Handler = handlerFunc(func(_ context.Context, _ *Conn, req *Request) (any, error) {
		accepted = append(accepted, req.Method)
		switch req.Method {
		case "q/slow":
			return Deferred(func(context.Context) (any, error) { <-release; return "slow", nil }), nil
		case "q/wait":
			return Deferred(func(ctx context.Context) (any, error) { <-ctx.Done(); return nil, ctx.Err() }), nil
		case "q/panic":
			return Deferred(func(context.Context) (any, error) { panic("late") }), nil
		case "q/release": // a notification may defer as well
			return Deferred(func(context.Context) (any, error) { close(release); return nil, nil }), nil
		}
		return strings.Join(accepted, " "), nil
	})
	_, p := startFiles(t, o)
	p.send(`{"jsonrpc":"2.0","id":1,"method":"q/slow"}`)
	p.send(`{"jsonrpc":"2.0","id":2,"method":"q/wait"}`)
	p.send(`{"jsonrpc":"2.0","id":3,"method":"q/seen"}`)
	p.want(`{"jsonrpc":"2.0","id":3,"result":"q/slow q/wait q/seen"}`)
	p.send(`{"jsonrpc":"2.0","id":1,"method":"q/seen"}`)
	p.wantError("1", CodeInvalidRequest) // still in flight
	p.send(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":2}}`)
	p.wantError("2", CodeCancelled)
	p.send(`{"jsonrpc":"2.0","id":4,"method":"q/panic"}`)
	p.wantError("4", CodeInternalError)
	p.send(`{"jsonrpc":"2.0","method":"q/release"}`)
	p.want(`{"jsonrpc":"2.0","id":1,"result":"slow"}`)
}

func TestDeferredOfUnorderedRequest(t *testing.T) {
	o := Options{Handler: handlerFunc(func(context.Context, *Conn, *Request) (any, error) {
		return Deferred(func(context.Context) (any, error) { return "pong", nil }), nil
	})}
	_, p := startFiles(t, o)
	p.send(pingBody)
	p.want(pongBody)
}

// What a handler sends after its reply arrives after it.
func TestAfterReply(t *testing.T) {
	o := Options{Handler: handlerFunc(func(_ context.Context, c *Conn, req *Request) (any, error) {
		req.AfterReply(func() { sendNote(t, c, "after") })
		req.AfterReply(func() { panic("is contained") })
		if err := c.Notify("before", map[string]string{"text": "<&>"}); err != nil {
			return nil, err
		}
		return "pong", nil
	})}
	_, p := startFiles(t, o)
	for range 100 {
		p.send(pingBody)
		p.want(`{"jsonrpc":"2.0","method":"before","params":{"text":"<&>"}}`)
		p.want(pongBody)
		p.want(`{"jsonrpc":"2.0","method":"after"}`)
	}
}

// A panic costs one request; the log tells the story under the incident's name.
func TestPanic(t *testing.T) {
	for _, inline := range []bool{false, true} {
		t.Run(fmt.Sprintf("inline %v", inline), func(t *testing.T) {
			log, text := newLog()
			o := testOptions
			o.Logger, o.Ordered = log, func(string) bool { return inline }
			_, p := startFiles(t, o)
			p.send(`{"jsonrpc":"2.0","method":"panic"}`)
			p.send(`{"jsonrpc":"2.0","id":2,"method":"panic"}`)
			message := p.wantError("2", CodeInternalError)
			incident, ok := strings.CutPrefix(message, "internal error (incident ")
			if !ok || strings.Contains(message, "secret") {
				t.Fatalf("message %q", message)
			}
			for _, want := range []string{strings.TrimSuffix(incident, ")"), "secret of the handler", "testHandler", "method=panic"} {
				if !strings.Contains(text.String(), want) {
					t.Errorf("the log lacks %q:\n%s", want, text)
				}
			}
			p.send(pingBody)
			p.want(pongBody)
		})
	}
}
