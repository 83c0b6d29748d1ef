package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// codedError is a CodedError that may have any data.
type codedError struct{ data any }

func (e codedError) Error() string { return "text for the log" }

func (e codedError) RPCError() (code int64, message string, data any) {
	return 1010, "command failed", e.data
}

// badEncoding panics when it is encoded.
type badEncoding struct{}

func (badEncoding) MarshalJSON() ([]byte, error) { panic("encoding") }

// badError panics when it is asked for its text.
type badError struct{}

func (badError) Error() string { panic("text") }

func TestFailures(t *testing.T) {
	const plain = `{"code":1010,"message":"command failed"}`
	for name, test := range map[string]struct {
		result any
		err    error
		want   string // the error member, or how it begins
	}{
		"coded":             {nil, codedError{}, plain},
		"wrapped":           {nil, fmt.Errorf("outer: %w", codedError{}), plain},
		"with data":         {nil, codedError{map[string]any{"argv": []string{"<&>"}}}, `{"code":1010,"message":"command failed","data":{"argv":["<&>"]}}`},
		"data not JSON":     {nil, codedError{json.RawMessage("{")}, plain},
		"data no encoding":  {nil, codedError{make(chan int)}, plain},
		"data panics":       {nil, codedError{badEncoding{}}, `{"code":-32603,"message":"internal error (incident `},
		"result panics":     {badEncoding{}, nil, `{"code":-32603,"message":"internal error (incident `},
		"error panics":      {nil, badError{}, `{"code":-32603,"message":"internal error (incident `},
		"too large":         {nil, errors.New(strings.Repeat("x", 10_000)), `{"code":-32603,"message":"the reply of `},
		"cancelled by none": {nil, context.Canceled, `{"code":-32603,"message":"context canceled"}`},
		"deadline":          {nil, context.DeadlineExceeded, `{"code":-32603,"message":"context deadline exceeded"}`},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{MaxBody: 5000, MaxFirstBody: 5000}
			o.Handler = handlerFunc(func(context.Context, *Conn, *Request) (any, error) { return test.result, test.err })
			_, p := startPipe(t, o)
			p.send(pingBody)
			body, err := p.frame()
			if want := `{"jsonrpc":"2.0","id":1,"error":` + test.want; err != nil || !strings.HasPrefix(body, want) {
				t.Errorf("got %s, %v, want %s", body, err, want)
			}
		})
	}
}

func TestCancelledCode(t *testing.T) {
	o := testOptions
	o.CancelledCode = -32000
	_, p := startPipe(t, o)
	p.send(`{"jsonrpc":"2.0","id":1,"method":"wait"}`)
	p.send(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}}`)
	p.wantError("1", -32000)
}

func TestNoHandler(t *testing.T) {
	_, p := startPipe(t, Options{})
	p.send(`{"jsonrpc":"2.0","method":"ping"}`)
	p.send(pingBody)
	p.wantError("1", CodeMethodNotFound)
}
