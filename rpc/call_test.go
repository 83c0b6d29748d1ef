package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// startPair connects two Conns; the client has the cancel method of the server.
func startPair(t testing.TB, server Options) (client, srv *Conn) {
	t.Helper()
	near, far := net.Pipe()
	srv = NewConn(context.Background(), near, server)
	client = NewConn(context.Background(), far, Options{CancelMethod: server.CancelMethod})
	client.RaiseLimit()
	srv.RaiseLimit()
	t.Cleanup(func() { client.Close(); srv.Close() })
	return client, srv
}

// pendingCalls looks into jsonrpc2.Conn: what it holds there is a leak otherwise
// invisible. To be called while nothing is sent or received.
func pendingCalls(c *Conn) int {
	return reflect.ValueOf(c.peer).Elem().FieldByName("pending").Len()
}

func TestCall(t *testing.T) {
	client, _ := startPair(t, testOptions)
	ctx := context.Background()

	var pong string
	if err := client.Call(ctx, "ping", nil, &pong); err != nil || pong != "pong" {
		t.Errorf("ping = %q, %v", pong, err)
	}
	if err := client.Call(ctx, "ping", nil, nil); err != nil {
		t.Errorf("result dropped: %v", err)
	}
	var raw json.RawMessage
	params := json.RawMessage(`{"b":"<&>","a":[1]}`)
	if err := client.Call(ctx, "echo", params, &raw); err != nil || string(raw) != string(params) {
		t.Errorf("echo = %s, %v", raw, err)
	}
	if pending := pendingCalls(client); pending != 0 {
		t.Errorf("%d pending calls", pending)
	}
}

func TestCallErrors(t *testing.T) {
	client, _ := startPair(t, testOptions)
	ctx := context.Background()

	err := client.Call(ctx, "coded", nil, nil)
	want := &ResponseError{Code: 1003, Message: "host unreachable", Data: json.RawMessage(`{"kind":"hostUnreachable"}`)}
	if diff := cmp.Diff(error(want), err); diff != "" {
		t.Errorf("coded (-want +got):\n%s", diff)
	}
	var refused *ResponseError
	if err := client.Call(ctx, "nosuch", nil, nil); !errors.As(err, &refused) || refused.Code != CodeMethodNotFound || len(refused.Data) != 0 {
		t.Errorf("nosuch: %v", err)
	}
	var n int
	if err := client.Call(ctx, "ping", nil, &n); err == nil || !strings.Contains(err.Error(), "decode result") {
		t.Errorf("a string as a number: %v", err)
	}
	if err := client.Call(ctx, "echo", make(chan int), nil); err == nil || !strings.Contains(err.Error(), "encode params of echo") {
		t.Errorf("a channel as params: %v", err)
	}
	if err := client.Call(ctx, "echo", []string{strings.Repeat("x", 5<<20)}, nil); !errors.Is(err, ErrTooLarge) {
		t.Errorf("5 MiB: %v", err)
	}
	if err := client.Notify("echo", []string{strings.Repeat("x", 5<<20)}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("5 MiB: %v", err)
	}
	if pending := pendingCalls(client); pending != 0 {
		t.Errorf("%d pending calls", pending)
	}
	client.Close()
	if err := client.Call(ctx, "ping", nil, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := client.Notify("ping", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestCallCancelled(t *testing.T) {
	client, _ := startPair(t, testOptions)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
			defer cancel()
			if err := client.Call(ctx, "wait", nil, nil); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("cancelled call: %v", err)
			}
		})
	}
	all.Wait()
	if err := client.Call(context.Background(), "ping", nil, nil); err != nil {
		t.Fatal(err)
	}
	if pending := pendingCalls(client); pending != 0 {
		t.Errorf("%d pending calls after their contexts ended", pending)
	}
}

// A result that was on its way when the context ended is a result.
func TestCallCancelledTooLate(t *testing.T) {
	o := testOptions
	o.Handler = handlerFunc(func(ctx context.Context, _ *Conn, _ *Request) (any, error) {
		<-ctx.Done()
		return "done anyway", nil
	})
	client, _ := startPair(t, o)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var result string
	if err := client.Call(ctx, "create", nil, &result); err != nil || result != "done anyway" {
		t.Errorf("Call = %q, %v", result, err)
	}
}

// A peer that never answers costs CancelWait, not for ever.
func TestCallUnanswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := NewConn(t.Context(), near, Options{CancelMethod: "cancel", CancelWait: 3 * time.Second})
		p := newRawPeer(t, far)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		result := make(chan error)
		go func() { result <- c.Call(ctx, "wait", nil, nil) }()
		p.want(`{"jsonrpc":"2.0","id":1,"method":"wait"}`)
		p.want(`{"jsonrpc":"2.0","method":"cancel","params":{"id":1}}`)
		if err := <-result; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Call: %v", err)
		}
		if took := time.Since(start); took != time.Minute+3*time.Second {
			t.Errorf("Call took %v", took)
		}
		c.Close()
		far.Close()
	})
}

func TestBrokenReplyFailsTheCall(t *testing.T) {
	c, p := startPipe(t, Options{})
	result := make(chan error)
	go func() { result <- c.Call(context.Background(), "ask", nil, nil) }()
	p.want(`{"jsonrpc":"2.0","id":1,"method":"ask"}`)
	p.send(`{"jsonrpc":"2.0","id":1,"result":1,"error":{"code":1,"message":"m"}}`)
	p.wantError("null", CodeInvalidRequest)
	var refused *ResponseError
	if err := await(t, "the call", result); !errors.As(err, &refused) || refused.Code != CodeInvalidRequest {
		t.Errorf("Call: %v", err)
	}
}

func TestCallEndsWithTheConnection(t *testing.T) {
	begun := make(chan struct{})
	client, _ := startPair(t, Options{Handler: handlerFunc(func(ctx context.Context, _ *Conn, _ *Request) (any, error) {
		close(begun)
		<-ctx.Done()
		return nil, ctx.Err()
	})})
	result := make(chan error)
	go func() { result <- client.Call(context.Background(), "wait", nil, nil) }()
	await(t, "the request", begun)
	client.Stop()
	if err := await(t, "the call", result); !errors.Is(err, ErrClosed) {
		t.Errorf("Call: %v", err)
	}
}

// Calls in both directions at once, from many goroutines.
func TestConcurrentCalls(t *testing.T) {
	client, srv := startPair(t, Options{Handler: handlerFunc(testHandler)})
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for j := range 200 {
				var got []int
				if err := client.Call(context.Background(), "echo", []int{i, j}, &got); err != nil || !cmp.Equal(got, []int{i, j}) {
					t.Errorf("echo %d %d = %v, %v", i, j, got, err)
				}
				var refused *ResponseError
				if err := srv.Call(context.Background(), "nosuch", nil, nil); !errors.As(err, &refused) {
					t.Errorf("call of the client: %v", err)
				}
			}
		})
	}
	all.Wait()
}
