package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/conbroker/conbroker/rpc"
	"github.com/conbroker/conbroker/rpc/protocol"
)

func TestConversation(t *testing.T) {
	b := newFakeBroker()
	var got protocol.InitializeParams
	answer := &protocol.InitializeResult{ProtocolVersion: "1.7", ServerInfo: protocol.PeerInfo{Name: "fake", Version: "9"}}
	b.initialize = func(p *protocol.InitializeParams) (*protocol.InitializeResult, error) { got = *p; return answer, nil }
	c := b.connect(t, Options{Name: "test", Version: "1", Prompt: true})
	want := protocol.InitializeParams{
		ProtocolVersion: protocol.Version, ClientInfo: &protocol.PeerInfo{Name: "test", Version: "1"},
		Capabilities: protocol.ClientCapabilities{Prompt: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("params of initialize (-want +got):\n%s", diff)
	}
	if c.Server().ServerInfo.Version != "9" {
		t.Errorf("server: %+v", c.Server())
	}
	for range 2 {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	for _, want := range []string{"initialize", "initialized", "shutdown", "exit"} {
		if got := receiveFrom(t, b.calls); got != want {
			t.Errorf("the broker got %s, want %s", got, want)
		}
	}
	receiveFrom(t, c.Done())
	if _, err := c.SessionCreate(t.Context(), nil); !errors.Is(err, rpc.ErrClosed) {
		t.Errorf("a call after close: %v", err)
	}
}

func TestNewRefused(t *testing.T) {
	refusal := protocol.Errorf(protocol.CodeUnsupported, "another version")
	tests := []struct {
		name       string
		initialize func(*protocol.InitializeParams) (*protocol.InitializeResult, error)
		want       string
	}{
		{"refused", func(*protocol.InitializeParams) (*protocol.InitializeResult, error) { return nil, refusal }, "another version"},
		{"another major version", func(*protocol.InitializeParams) (*protocol.InitializeResult, error) {
			return &protocol.InitializeResult{ProtocolVersion: "2.0"}, nil
		}, `speaks protocol "2.0"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newFakeBroker()
			b.initialize = test.initialize
			_, err := New(t.Context(), b.start(t), Options{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("New: %v, want %q", err, test.want)
			}
		})
	}
}

func TestErrorsOfTheBroker(t *testing.T) {
	b := newFakeBroker()
	sent := protocol.Errorf(protocol.CodeAmbiguous, "two machines")
	sent.Data.Candidates = []protocol.Candidate{{Host: "h", Label: "x"}}
	b.create = func(context.Context, *protocol.SessionCreateParams) (*protocol.SessionCreateResult, error) {
		return nil, fmt.Errorf("create: %w", sent)
	}
	c := b.connect(t, Options{})
	_, err := c.SessionCreate(t.Context(), &protocol.SessionCreateParams{})
	var got *protocol.Error
	if !errors.As(err, &got) {
		t.Fatalf("error %v", err)
	}
	if diff := cmp.Diff(sent, got); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

func TestCancel(t *testing.T) {
	b := newFakeBroker()
	cancelled := make(chan error, 1)
	b.create = func(ctx context.Context, _ *protocol.SessionCreateParams) (*protocol.SessionCreateResult, error) {
		<-ctx.Done()
		cancelled <- ctx.Err()
		return nil, ctx.Err()
	}
	c := b.connect(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := c.SessionCreate(ctx, &protocol.SessionCreateParams{})
		failed <- err
	}()
	b.wantCall(t, "session/create")
	cancel()
	receiveFrom(t, cancelled)
	if err := receiveFrom(t, failed); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled call: %v", err)
	}
}

func TestCallRaw(t *testing.T) {
	b := newFakeBroker()
	b.create = func(_ context.Context, p *protocol.SessionCreateParams) (*protocol.SessionCreateResult, error) {
		return &protocol.SessionCreateResult{Console: p.Address.Label}, nil
	}
	c := b.connect(t, Options{})
	raw, err := c.CallRaw(t.Context(), "session/create", json.RawMessage(`{"address": {"label": "x"}}`))
	var result struct{ Console string }
	if err != nil || json.Unmarshal(raw, &result) != nil || result.Console != "x" {
		t.Errorf("result %s, error %v", raw, err)
	}
	for params, code := range map[string]protocol.ErrorCode{``: protocol.CodeInvalidParams, `[1]`: protocol.CodeInvalidParams} {
		_, err = c.CallRaw(t.Context(), "session/create", json.RawMessage(params))
		var failed *protocol.Error
		if !errors.As(err, &failed) || failed.Code != code {
			t.Errorf("params %q: %v", params, err)
		}
	}
}

func TestProgress(t *testing.T) {
	b := newFakeBroker()
	b.create = func(_ context.Context, p *protocol.SessionCreateParams) (*protocol.SessionCreateResult, error) {
		for _, kind := range []protocol.ProgressKind{protocol.ProgressBegin, protocol.ProgressEnd} {
			b.notify(t, "$/progress", &protocol.ProgressParams{Token: p.WorkDoneToken, Value: protocol.ProgressValue{Kind: kind}})
		}
		b.notify(t, "$/progress", &protocol.ProgressParams{Token: protocol.ProgressToken("99"), Value: protocol.ProgressValue{Kind: "other"}})
		return &protocol.SessionCreateResult{}, nil
	}
	others := make(chan protocol.ProgressKind, 9)
	c := b.connect(t, Options{Handler: Handlers{OnProgress: func(_ context.Context, p *protocol.ProgressParams) error {
		others <- p.Value.Kind
		return nil
	}}})
	var got []protocol.ProgressKind
	ctx := WithProgress(t.Context(), func(v protocol.ProgressValue) { got = append(got, v.Kind) })
	params := &protocol.SessionCreateParams{}
	if _, err := c.SessionCreate(ctx, params); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]protocol.ProgressKind{"begin", "end"}, got); diff != "" {
		t.Errorf("progress before the reply (-want +got):\n%s", diff)
	}
	if params.WorkDoneToken != nil {
		t.Error("the caller's params were changed")
	}
	if kind := receiveFrom(t, others); kind != "other" {
		t.Errorf("the handler got progress %q", kind)
	}
}

func TestHandlerMayCall(t *testing.T) {
	b := newFakeBroker()
	answered := make(chan protocol.PromptAnswerParams, 1)
	b.answer = func(p *protocol.PromptAnswerParams) error { answered <- *p; return nil }
	var c *Client
	ready := make(chan struct{})
	lines := make(chan string, 100)
	c = b.connect(t, Options{Handler: Handlers{
		OnPrompt: func(ctx context.Context, p *protocol.PromptParams) error {
			<-ready
			_, err := c.PromptAnswer(ctx, &protocol.PromptAnswerParams{ID: p.ID, Text: "secret"})
			return err
		},
		OnLogMessage: func(_ context.Context, p *protocol.MessageParams) error { lines <- p.Message; return nil },
	}})
	close(ready)
	b.notify(t, "window/prompt", &protocol.PromptParams{ID: "p1"})
	for i := range 50 {
		b.notify(t, "window/logMessage", &protocol.MessageParams{Message: fmt.Sprint(i)})
	}
	if got := receiveFrom(t, answered); got.ID != "p1" || got.Text != "secret" {
		t.Errorf("answer %+v", got)
	}
	for i := range 50 {
		if got := receiveFrom(t, lines); got != fmt.Sprint(i) {
			t.Fatalf("line %d is %q", i, got)
		}
	}
}

func TestBrokerDies(t *testing.T) {
	b := newFakeBroker()
	b.create = func(ctx context.Context, _ *protocol.SessionCreateParams) (*protocol.SessionCreateResult, error) {
		b.conn.Stop()
		<-ctx.Done()
		return nil, errors.New("never sent")
	}
	c := b.connect(t, Options{})
	failed := make(chan error, 1)
	go func() {
		_, err := c.SessionCreate(t.Context(), &protocol.SessionCreateParams{})
		failed <- err
	}()
	if err := receiveFrom(t, failed); err == nil {
		t.Error("a call survived its broker")
	}
	receiveFrom(t, c.Done())
	if err := c.NotifyConsoleAck(&protocol.ConsoleAckParams{}); !errors.Is(err, rpc.ErrClosed) {
		t.Errorf("a notification afterwards: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// TestCloseIsBounded: a broker that never answers shutdown does not hold the client.
func TestCloseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFakeBroker()
		release := make(chan struct{})
		b.shutdown = func(context.Context) error { <-release; return nil }
		c := b.connect(t, Options{})
		started := time.Now()
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if took := time.Since(started); took > deadline {
			t.Errorf("close took %v", took)
		}
		close(release)
	})
}

func TestRequestsOfTheBrokerAreRefused(t *testing.T) {
	b := newFakeBroker()
	b.connect(t, Options{})
	err := b.conn.Call(t.Context(), "workspace/configuration", nil, nil)
	var refused *rpc.ResponseError
	if !errors.As(err, &refused) || refused.Code != rpc.CodeMethodNotFound {
		t.Errorf("the client answered %v", err)
	}
}

func TestInboxIsBounded(t *testing.T) {
	b := newInbox()
	m := message{method: "window/logMessage", params: make(json.RawMessage, maxInbox/4)}
	n := 0
	for b.put(m) && n < 10 {
		n++
	}
	if n < 3 || n > 4 || !errors.Is(b.fault(), errSlowHandler) {
		t.Errorf("the inbox took %d messages, error %v", n, b.fault())
	}
	b.close()
	for range n {
		if _, ok := b.take(); !ok {
			t.Error("what was taken got lost")
		}
	}
	if _, ok := b.take(); ok {
		t.Error("a closed inbox gave more than it got")
	}
}
