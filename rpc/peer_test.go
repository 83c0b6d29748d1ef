package rpc

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// deadline bounds every wait of the tests; it is not what they measure.
const deadline = time.Minute

// rawPeer is the other end of a Conn, as bytes.
type rawPeer struct {
	t *testing.T
	w io.WriteCloser
	r *bufio.Reader
}

// startPipe runs a Conn on one end of a synchronous pipe: a byte that the peer
// does not read stays in the Conn's Write.
func startPipe(t *testing.T, o Options) (*Conn, *rawPeer) {
	t.Helper()
	near, far := net.Pipe()
	if err := far.SetDeadline(time.Now().Add(deadline)); err != nil {
		t.Fatal(err)
	}
	c := NewConn(context.Background(), near, o)
	t.Cleanup(func() { c.Close(); far.Close() })
	return c, newRawPeer(t, far)
}

// startFiles runs a Conn on two operating system pipes, as on standard input and
// output, so that the peer can close one direction.
func startFiles(t *testing.T, o Options) (*Conn, *rawPeer) {
	t.Helper()
	inR, inW := osPipe(t)
	outR, outW := osPipe(t)
	if err := outR.SetDeadline(time.Now().Add(deadline)); err != nil {
		t.Fatal(err)
	}
	c := NewConn(context.Background(), Stdio(inR, outW), o)
	t.Cleanup(func() { c.Close(); inW.Close(); outR.Close() })
	return c, &rawPeer{t, inW, bufio.NewReader(outR)}
}

func osPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}

func newRawPeer(t *testing.T, rw io.ReadWriteCloser) *rawPeer {
	return &rawPeer{t, rw, bufio.NewReader(rw)}
}

// raw writes bytes in the background: the Conn may well answer before it reads.
func (p *rawPeer) raw(data []byte) {
	go func() { _, _ = p.w.Write(data) }()
}

func (p *rawPeer) send(body string) {
	p.t.Helper()
	if _, err := p.w.Write(appendFrame(nil, []byte(body))); err != nil {
		p.t.Fatalf("send %.80s: %v", body, err)
	}
}

// frame reads the next body; io.EOF at the end of the stream.
func (p *rawPeer) frame() (string, error) { return readFrame(p.r) }

// readFrame accepts exactly what a Conn may send: one Content-Length header.
func readFrame(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	digits, ok := strings.CutPrefix(strings.TrimSuffix(line, "\r\n"), "Content-Length: ")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil {
		return "", fmt.Errorf("bad header line %q", line)
	}
	if line, err = r.ReadString('\n'); line != "\r\n" {
		return "", fmt.Errorf("bad second header line %q: %w", line, err)
	}
	body := make([]byte, n)
	_, err = io.ReadFull(r, body)
	return string(body), err
}

func (p *rawPeer) want(body string) {
	p.t.Helper()
	got, err := p.frame()
	if err != nil {
		p.t.Fatalf("want %s, got error %v", body, err)
	}
	if diff := cmp.Diff(body, got); diff != "" {
		p.t.Fatalf("frame (-want +got):\n%s", diff)
	}
}

func (p *rawPeer) wantEnd() {
	p.t.Helper()
	if got, err := p.frame(); !errors.Is(err, io.EOF) {
		p.t.Fatalf("want the end of the stream, got %q, %v", got, err)
	}
}

// reply is a decoded reply of a Conn.
type reply struct {
	ID     json.RawMessage
	Result json.RawMessage
	Error  *ResponseError
}

func (p *rawPeer) reply() reply {
	p.t.Helper()
	body, err := p.frame()
	if err != nil {
		p.t.Fatalf("want a reply, got error %v", err)
	}
	var r reply
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		p.t.Fatalf("reply %q: %v", body, err)
	}
	return r
}

// wantError reads an error reply with this id and code, and returns its message.
func (p *rawPeer) wantError(id string, code int64) string {
	p.t.Helper()
	r := p.reply()
	if string(r.ID) != id || r.Error == nil || r.Error.Code != code {
		p.t.Fatalf("want error %d for id %s, got id %s result %s error %v", code, id, r.ID, r.Result, r.Error)
	}
	return r.Error.Message
}

// sendNote queues a notification without params.
func sendNote(t testing.TB, c *Conn, method string) {
	t.Helper()
	if err := c.Notify(method, nil); err != nil {
		t.Error(err)
	}
}

// await waits for a channel that the code under test closes or feeds.
func await[T any](t *testing.T, what string, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(deadline):
		t.Fatalf("timeout waiting for %s", what)
		panic("unreachable")
	}
}

// handlerFunc is a Handler made of one function.
type handlerFunc func(ctx context.Context, c *Conn, req *Request) (any, error)

func (f handlerFunc) Handle(ctx context.Context, c *Conn, req *Request) (any, error) {
	return f(ctx, c, req)
}

// testHandler answers a few methods that show one behaviour each.
func testHandler(ctx context.Context, c *Conn, req *Request) (any, error) {
	switch req.Method {
	case "ping":
		return "pong", nil
	case "echo":
		return req.Params, nil
	case "wait":
		<-ctx.Done()
		return nil, ctx.Err()
	case "panic":
		panic("secret of the handler")
	case "coded":
		return nil, fmt.Errorf("outer: %w", &ResponseError{Code: 1003, Message: "host unreachable", Data: json.RawMessage(`{"kind":"hostUnreachable"}`)})
	case "plain":
		return nil, errors.New("plain text")
	case "unencodable":
		return make(chan int), nil
	}
	return nil, &ResponseError{Code: CodeMethodNotFound, Message: "method not found: " + req.Method}
}

var testOptions = Options{Handler: handlerFunc(testHandler), CancelMethod: "$/cancelRequest"}

// logBuffer is a log that a test can read.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newLog() (*slog.Logger, *logBuffer) {
	var b logBuffer
	return slog.New(slog.NewTextHandler(&b, nil)), &b
}
