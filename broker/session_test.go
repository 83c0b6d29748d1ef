package broker

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/conbroker/conbroker/broker/internal/config"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/rpc/client"
	"github.com/conbroker/conbroker/rpc/protocol"
)

func TestLocalNameIsOneName(t *testing.T) {
	if config.LocalName != host.LocalName {
		t.Errorf("config calls the local host %q, host calls it %q", config.LocalName, host.LocalName)
	}
}

// rawPeer speaks frames by hand.
type rawPeer struct {
	t      *testing.T
	conn   net.Conn
	served chan error
}

func (l *lab) raw() *rawPeer {
	near, far := net.Pipe()
	p := &rawPeer{t: l.t, conn: near, served: make(chan error, 1)}
	go func() { p.served <- l.broker.Serve(context.Background(), far) }()
	return p
}

func (p *rawPeer) send(body string) {
	p.t.Helper()
	if _, err := io.WriteString(p.conn, "Content-Length: "+itoa(len(body))+"\r\n\r\n"+body); err != nil {
		p.t.Fatal(err)
	}
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

// reply reads one frame.
func (p *rawPeer) reply() (id string, code int64, result json.RawMessage) {
	p.t.Helper()
	var header []byte
	one := make([]byte, 1)
	for len(header) < 4 || string(header[len(header)-4:]) != "\r\n\r\n" {
		if _, err := io.ReadFull(p.conn, one); err != nil {
			p.t.Fatal(err)
		}
		header = append(header, one[0])
	}
	var length int
	if err := json.Unmarshal(header[len("Content-Length: "):len(header)-4], &length); err != nil {
		p.t.Fatalf("header %q: %v", header, err)
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(p.conn, body); err != nil {
		p.t.Fatal(err)
	}
	var message struct {
		ID     json.RawMessage
		Result json.RawMessage
		Error  struct{ Code int64 }
	}
	if err := json.Unmarshal(body, &message); err != nil {
		p.t.Fatal(err)
	}
	return string(message.ID), message.Error.Code, message.Result
}

func TestLifecycle(t *testing.T) {
	p := newLab(t).raw()
	for _, step := range []struct {
		name, send string
		code       int64
	}{
		{"a request before initialize", `{"jsonrpc":"2.0","id":1,"method":"session/list"}`, -32002},
		{"another major version", `{"jsonrpc":"2.0","id":2,"method":"initialize","params":{"protocolVersion":"7.0"}}`, -32602},
		{"initialize", `{"jsonrpc":"2.0","id":3,"method":"initialize","params":{}}`, 0},
		{"initialize again", `{"jsonrpc":"2.0","id":4,"method":"initialize","params":{}}`, -32600},
		{"an unknown method", `{"jsonrpc":"2.0","id":5,"method":"session/fly"}`, -32601},
		{"a member of the wrong type", `{"jsonrpc":"2.0","id":6,"method":"session/list","params":{"hosts":"lab00"}}`, -32602},
		{"an unknown word", `{"jsonrpc":"2.0","id":7,"method":"session/cancel","params":{"all":true,"method":"explode"}}`, -32602},
		{"a prompt that nobody asked", `{"jsonrpc":"2.0","id":8,"method":"prompt/answer","params":{"id":"p1","text":"x"}}`, 1001},
		{"shutdown", `{"jsonrpc":"2.0","id":9,"method":"shutdown"}`, 0},
		{"a request after shutdown", `{"jsonrpc":"2.0","id":10,"method":"session/list"}`, -32600},
	} {
		p.send(step.send)
		if id, code, _ := p.reply(); code != step.code {
			t.Errorf("%s: reply to id %s has code %d, want %d", step.name, id, code, step.code)
		}
	}
	p.send(`{"jsonrpc":"2.0","method":"exit"}`)
	if err := <-p.served; err != nil {
		t.Errorf("exit after shutdown: %v", err)
	}
}

func TestExitWithoutShutdown(t *testing.T) {
	p := newLab(t).raw()
	p.send(`{"jsonrpc":"2.0","method":"exit"}`)
	if err := <-p.served; !errors.Is(err, ErrNoShutdown) {
		t.Errorf("got %v, want ErrNoShutdown", err)
	}
}

func TestStatusNamesEachClient(t *testing.T) {
	l := newLab(t, newFake("FAKE"))
	a, b := l.connect(client.Handlers{}), l.connect(client.Handlers{})
	status, err := a.BrokerStatus(t.Context(), &protocol.Empty{})
	if err != nil {
		t.Fatal(err)
	}
	if len(status.Connections) != 2 || status.Version != "test" || status.Goroutines == 0 {
		t.Errorf("status %+v", status)
	}
	if b.Server().Capabilities.Types[0] != "FAKE" {
		t.Errorf("types %v", b.Server().Capabilities.Types)
	}
}

// What was sent before shutdown is not refused because it is handled after it.
func TestRequestsBeforeShutdownAreAnswered(t *testing.T) {
	p := newLab(t, newFake("FAKE")).raw()
	bodies := []string{`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{}}`}
	for i := 1; i <= 20; i++ {
		bodies = append(bodies, `{"jsonrpc":"2.0","id":`+itoa(i)+`,"method":"session/list"}`)
	}
	go func() {
		for _, body := range append(bodies, `{"jsonrpc":"2.0","id":21,"method":"shutdown"}`) {
			p.send(body)
		}
	}()
	for range len(bodies) + 1 {
		if id, code, _ := p.reply(); code != 0 {
			t.Errorf("request %s was answered with %d", id, code)
		}
	}
	p.send(`{"jsonrpc":"2.0","method":"exit"}`)
	if err := <-p.served; err != nil {
		t.Error(err)
	}
}
