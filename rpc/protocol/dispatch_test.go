package protocol_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/conbroker/conbroker/rpc/protocol"
)

// server answers what the tests ask for. Other methods are those of the nil interface in it.
type server struct {
	protocol.Server
	created protocol.SessionCreateParams
	acked   int64
}

func (s *server) SessionCreate(_ context.Context, p *protocol.SessionCreateParams) (*protocol.SessionCreateResult, error) {
	s.created = *p
	return &protocol.SessionCreateResult{Console: "c1"}, nil
}

func (s *server) ConsoleAck(_ context.Context, p *protocol.ConsoleAckParams) (*protocol.Empty, error) {
	s.acked = p.Offset
	return nil, nil
}

func (s *server) Initialized(context.Context, *protocol.Empty) error { return nil }

func (s *server) BrokerStatus(context.Context, *protocol.Empty) (*protocol.BrokerStatusResult, error) {
	return nil, protocol.Errorf(protocol.CodeBusy, "later")
}

func TestDispatch(t *testing.T) {
	s := &server{}
	result, err := protocol.Dispatch(t.Context(), s, "session/create", json.RawMessage(`{"address": {"label": "x"}, "mode": "reuse"}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&protocol.SessionCreateResult{Console: "c1"}, result); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(protocol.SessionCreateParams{Address: protocol.Address{Label: "x"}, Mode: protocol.ModeReuse}, s.created); diff != "" {
		t.Errorf("params (-want +got):\n%s", diff)
	}
}

func TestDispatchWithoutResult(t *testing.T) {
	s := &server{}
	result, err := protocol.Dispatch(t.Context(), s, "console/ack", json.RawMessage(`{"attachment": "a", "offset": 9007199254740993}`))
	if _, ok := result.(*protocol.Empty); !ok || err != nil || s.acked != 9007199254740993 {
		t.Errorf("console/ack: %v %v %d", result, err, s.acked)
	}
	result, err = protocol.Dispatch(t.Context(), s, "initialized", nil)
	if result != nil || err != nil {
		t.Errorf("initialized: %v %v", result, err)
	}
}

func TestDispatchErrors(t *testing.T) {
	tests := []struct {
		method, params string
		code           protocol.ErrorCode
		message        string
	}{
		{"session/destroy", `{}`, protocol.CodeMethodNotFound, `there is no method "session/destroy"`},
		{"console/output", `{}`, protocol.CodeMethodNotFound, `there is no method "console/output"`},
		{"\x1b" + strings.Repeat("x", 1000), ``, protocol.CodeMethodNotFound, `there is no method "\x1b`},
		{"session/create", `{"address": []}`, protocol.CodeInvalidParams, "params.address: expected an object, got an array"},
		{"broker/status", ``, protocol.CodeBusy, "later"},
	}
	for _, test := range tests {
		result, err := protocol.Dispatch(t.Context(), &server{}, test.method, json.RawMessage(test.params))
		var failed *protocol.Error
		if !errors.As(err, &failed) || failed.Code != test.code || !strings.HasPrefix(failed.Message, test.message) || len(failed.Message) > 200 {
			t.Errorf("%q: %v, want %d %s", test.method, err, test.code, test.message)
		}
		if result != nil {
			t.Errorf("%q: result %v with an error", test.method, result)
		}
	}
}

// listener counts output; other methods are those of the nil interface in it.
type listener struct {
	protocol.Client
	data string
}

func (l *listener) ConsoleOutput(_ context.Context, p *protocol.ConsoleOutputParams) error {
	l.data += p.Data
	return nil
}

func (l *listener) ConsoleDidChange(_ context.Context, p *protocol.ConsoleDidChangeParams) error {
	l.data += string(p.Mode)
	return nil
}

func TestDispatchClient(t *testing.T) {
	l := &listener{}
	for method, params := range map[string]string{
		"console/output":    `{"data": "x", "new": 1}`,
		"console/didChange": `{"mode": "x"}`,
	} {
		if err := protocol.DispatchClient(t.Context(), l, method, json.RawMessage(params)); err != nil {
			t.Errorf("%s: %v", method, err)
		}
	}
	if l.data != "xx" {
		t.Errorf("the client got %q", l.data)
	}
	for method, code := range map[string]protocol.ErrorCode{"console/output": protocol.CodeInvalidParams, "session/list": protocol.CodeMethodNotFound} {
		err := protocol.DispatchClient(t.Context(), l, method, json.RawMessage(`{"data": 1}`))
		var failed *protocol.Error
		if !errors.As(err, &failed) || failed.Code != code {
			t.Errorf("%s: %v, want code %d", method, err, code)
		}
	}
}

func TestMethods(t *testing.T) {
	server, client := reflect.TypeFor[protocol.Server](), reflect.TypeFor[protocol.Client]()
	methods := protocol.Methods()
	if len(methods) != server.NumMethod()+client.NumMethod() {
		t.Errorf("%d methods are listed, the interfaces have %d and %d", len(methods), server.NumMethod(), client.NumMethod())
	}
	also := map[string]bool{}
	for _, m := range methods {
		if m.Doc == "" || m.Ordered != protocol.IsOrdered(m.Name) || m.Direction == protocol.ServerToClient && !m.Notification {
			t.Errorf("%+v is not right", m)
		}
		if m.AlsoNotification {
			also[m.Name] = m.Ordered
		}
	}
	want := map[string]bool{"console/input": true, "console/resize": true, "console/ack": true, "console/break": true}
	if diff := cmp.Diff(want, also); diff != "" {
		t.Errorf("requests that are sent as notifications (-want +got):\n%s", diff)
	}
}

func TestErrorKinds(t *testing.T) {
	for code, want := range map[protocol.ErrorCode]protocol.ErrorKind{
		protocol.CodeNotFound: protocol.KindNotFound, protocol.CodeConfigInvalid: protocol.KindConfigInvalid,
		protocol.CodeInvalidParams: "", protocol.CodeConfigInvalid + 1: "",
	} {
		if got := code.Kind(); got != want {
			t.Errorf("kind of %d: %q, want %q", code, got, want)
		}
	}
	if n := len(protocol.ErrorKind("").Words()); n != int(protocol.CodeConfigInvalid-protocol.CodeNotFound)+1 {
		t.Errorf("%d kinds", n)
	}
	code, message, data := protocol.Errorf(protocol.CodeNotFound, "no %s", "x").RPCError()
	if code != 1001 || message != "no x" || data.(*protocol.ErrorData).Kind != protocol.KindNotFound {
		t.Errorf("RPCError: %d %q %v", code, message, data)
	}
	if _, _, data := protocol.Errorf(protocol.CodeParseError, "x").RPCError(); data != nil {
		t.Errorf("data of a base error: %v", data)
	}
}
