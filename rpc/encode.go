package rpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// headerRoom is the space for "Content-Length: N\r\n\r\n" with any int.
const headerRoom = 48

// envelope builds the body of one message. Values are encoded without HTML
// escapes, so that text on the wire stays readable and short.
type envelope struct{ bytes.Buffer }

func newEnvelope() *envelope {
	var e envelope
	e.WriteString(`{"jsonrpc":"2.0"`)
	return &e
}

// raw appends a member whose JSON text is known.
func (e *envelope) raw(name, text string) {
	e.WriteString(`,"` + name + `":`)
	e.WriteString(text)
}

// member appends a member with the encoding of v.
func (e *envelope) member(name string, v any) error {
	e.raw(name, "")
	return appendJSON(&e.Buffer, v)
}

func appendJSON(b *bytes.Buffer, v any) error {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // the newline of Encode
	return nil
}

func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	err := appendJSON(&b, v)
	return b.Bytes(), err
}

func (e *envelope) end() []byte {
	e.WriteByte('}')
	return e.Bytes()
}

// encodeCall builds a request, or a notification when call is 0. Nil params are
// left out.
func encodeCall(call uint64, method string, params any) ([]byte, error) {
	e := newEnvelope()
	if call != 0 {
		e.raw("id", strconv.FormatUint(call, 10))
	}
	if err := e.member("method", method); err != nil {
		return nil, fmt.Errorf("rpc: encode method %q: %w", method, err)
	}
	if params != nil {
		if err := e.member("params", params); err != nil {
			return nil, fmt.Errorf("rpc: encode params of %s: %w", method, err)
		}
	}
	return e.end(), nil
}

func encodeResult(id ID, result any) ([]byte, error) {
	e := newEnvelope()
	e.raw("id", id.json())
	if err := e.member("result", result); err != nil {
		return nil, fmt.Errorf("encode result: %w", err)
	}
	return e.end(), nil
}

// encodeError builds an error reply. Data must be valid JSON, or empty.
func encodeError(id ID, failure *ResponseError) []byte {
	e := newEnvelope()
	e.raw("id", id.json())
	_ = e.member("error", failure) // a number, a string and JSON: cannot fail
	return e.end()
}

// appendFrame appends body with its header to dst.
func appendFrame(dst, body []byte) []byte {
	dst = appendHeader(dst, len(body))
	return append(dst, body...)
}

func appendHeader(dst []byte, n int) []byte {
	dst = append(dst, "Content-Length: "...)
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, "\r\n\r\n"...)
}
