package rpc

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Error codes that the connection itself sends. The first five are those of
// the JSON-RPC 2.0 specification, section 5.1.
const (
	// CodeParseError answers a frame that cannot be found or is not JSON.
	CodeParseError int64 = -32700
	// CodeInvalidRequest answers JSON that is not one JSON-RPC 2.0 message.
	CodeInvalidRequest int64 = -32600
	// CodeMethodNotFound answers every request when there is no Handler.
	CodeMethodNotFound int64 = -32601
	// CodeInternalError answers a request whose handler panicked or returned an
	// error without a code.
	CodeInternalError int64 = -32603
	// CodeBusy answers a request beyond Options.MaxInFlight.
	CodeBusy int64 = -32000
	// CodeCancelled is the default of Options.CancelledCode: RequestCancelled of
	// the Language Server Protocol 3.17.
	CodeCancelled int64 = -32800
)

// ErrClosed is returned by Call and Notify once the connection has ended.
var ErrClosed = errors.New("rpc: connection closed")

// ErrOverflow is the cause in Conn.Err when the peer did not read and
// Options.MaxQueued bytes of control messages were waiting for it.
var ErrOverflow = errors.New("rpc: peer does not read: too many bytes queued")

// ErrTooLarge is returned by Call and Notify for a message over Options.MaxBody.
var ErrTooLarge = errors.New("rpc: message too large")

// CodedError is an error that says how it goes out: handlers return one, or an
// error that wraps one, to choose the code. Data is encoded as JSON; nil leaves
// the member out.
type CodedError interface {
	error
	RPCError() (code int64, message string, data any)
}

// ResponseError is the error member of a reply. Call returns it for a request
// that the peer refused; a handler may return it as a CodedError.
type ResponseError struct {
	Code    int64           `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data,omitempty"` // any JSON value, empty if absent
}

// Error returns the message and the code.
func (e *ResponseError) Error() string {
	return fmt.Sprintf("%s (code %d)", e.Message, e.Code)
}

// RPCError implements CodedError.
func (e *ResponseError) RPCError() (code int64, message string, data any) {
	if len(e.Data) == 0 {
		return e.Code, e.Message, nil
	}
	return e.Code, e.Message, e.Data
}

func invalidRequest(format string, args ...any) *ResponseError {
	return &ResponseError{Code: CodeInvalidRequest, Message: "invalid request: " + fmt.Sprintf(format, args...)}
}

func parseError(format string, args ...any) *ResponseError {
	return &ResponseError{Code: CodeParseError, Message: "parse error: " + fmt.Sprintf(format, args...)}
}
