package client

import (
	"context"
	"encoding/base64"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/conbroker/conbroker/rpc"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// deadline bounds every wait of the tests; it is not what they measure.
const deadline = 10 * time.Second

func TestMain(m *testing.M) {
	if mode := os.Getenv(processMode); mode != "" {
		os.Exit(runFakeProcess(mode))
	}
	goleak.VerifyTestMain(m)
}

// fakeBroker is a broker made of functions. Requests that it does not know panic in its nil interface.
type fakeBroker struct {
	protocol.Server
	conn *rpc.Conn

	initialize func(*protocol.InitializeParams) (*protocol.InitializeResult, error)
	create     func(context.Context, *protocol.SessionCreateParams) (*protocol.SessionCreateResult, error)
	attach     func(*protocol.ConsoleAttachParams) (*protocol.ConsoleAttachResult, error)
	detach     func(*protocol.ConsoleDetachParams) error
	input      func(*protocol.ConsoleInputParams) (*protocol.ConsoleInputResult, error)
	shutdown   func(context.Context) error
	answer     func(*protocol.PromptAnswerParams) error
	// after runs behind the reply to a request.
	after map[string]func()

	calls chan string // what arrived, other than console/ack
	acks  chan int64
}

func newFakeBroker() *fakeBroker {
	return &fakeBroker{calls: make(chan string, 1000), acks: make(chan int64, 1000), after: map[string]func(){}}
}

// Handle implements rpc.Handler.
func (b *fakeBroker) Handle(ctx context.Context, c *rpc.Conn, req *rpc.Request) (any, error) {
	if req.Method != "console/ack" {
		b.calls <- req.Method
	}
	if f := b.after[req.Method]; f != nil {
		req.AfterReply(f)
	}
	if req.Method == "exit" {
		c.Stop()
		return nil, nil
	}
	return protocol.Dispatch(ctx, b, req.Method, req.Params)
}

func (b *fakeBroker) Initialize(_ context.Context, p *protocol.InitializeParams) (*protocol.InitializeResult, error) {
	if b.initialize != nil {
		return b.initialize(p)
	}
	return &protocol.InitializeResult{ProtocolVersion: protocol.Version}, nil
}

func (b *fakeBroker) Initialized(context.Context, *protocol.Empty) error { return nil }

func (b *fakeBroker) Shutdown(ctx context.Context, _ *protocol.Empty) (*protocol.Empty, error) {
	if b.shutdown != nil {
		return nil, b.shutdown(ctx)
	}
	return nil, nil
}

func (b *fakeBroker) SessionCreate(ctx context.Context, p *protocol.SessionCreateParams) (*protocol.SessionCreateResult, error) {
	return b.create(ctx, p)
}

func (b *fakeBroker) ConsoleAttach(_ context.Context, p *protocol.ConsoleAttachParams) (*protocol.ConsoleAttachResult, error) {
	return b.attach(p)
}

func (b *fakeBroker) ConsoleDetach(_ context.Context, p *protocol.ConsoleDetachParams) (*protocol.Empty, error) {
	if b.detach != nil {
		return nil, b.detach(p)
	}
	return nil, nil
}

func (b *fakeBroker) ConsoleInput(_ context.Context, p *protocol.ConsoleInputParams) (*protocol.ConsoleInputResult, error) {
	return b.input(p)
}

func (b *fakeBroker) ConsoleResize(context.Context, *protocol.ConsoleResizeParams) (*protocol.Empty, error) {
	return nil, nil
}

func (b *fakeBroker) ConsoleAck(_ context.Context, p *protocol.ConsoleAckParams) (*protocol.Empty, error) {
	b.acks <- p.Offset
	return nil, nil
}

func (b *fakeBroker) PromptAnswer(_ context.Context, p *protocol.PromptAnswerParams) (*protocol.Empty, error) {
	return nil, b.answer(p)
}

// start runs b on one end of a pipe and returns the other.
func (b *fakeBroker) start(t *testing.T) net.Conn {
	t.Helper()
	near, far := net.Pipe()
	b.conn = rpc.NewConn(context.WithoutCancel(t.Context()), far, rpc.Options{
		Handler: b, Ordered: protocol.IsOrdered, CancelMethod: protocol.MethodCancelRequest, MaxFirstBody: 4 << 20,
	})
	t.Cleanup(func() { b.conn.Close() })
	return near
}

// connect opens a client on b.
func (b *fakeBroker) connect(t *testing.T, o Options) *Client {
	t.Helper()
	c, err := New(t.Context(), b.start(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func (b *fakeBroker) notify(t *testing.T, method string, params any) {
	t.Helper()
	if err := b.conn.Notify(method, params); err != nil {
		t.Error(err)
	}
}

// say sends output of console c1 to attachment a1.
func (b *fakeBroker) say(t *testing.T, offset int64, data string) {
	t.Helper()
	b.notify(t, "console/output", &protocol.ConsoleOutputParams{
		Attachment: "a1", Console: "c1", Offset: offset, Data: base64.StdEncoding.EncodeToString([]byte(data)), Length: int64(len(data)),
	})
}

// receiveFrom waits for a value.
func receiveFrom[T any](t *testing.T, ch <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-ch:
	case <-time.After(deadline):
		t.Fatal("nothing came")
	}
	return value
}

// wantCall waits until the broker was called, whatever comes before.
func (b *fakeBroker) wantCall(t *testing.T, method string) {
	t.Helper()
	var seen []string
	for {
		got := receiveFrom(t, b.calls)
		if got == method {
			return
		}
		seen = append(seen, got)
		if len(seen) > 100 {
			t.Fatalf("no %s among %s", method, strings.Join(seen, " "))
		}
	}
}
