package protocol

import "fmt"

// ErrorCode is the code of an error object.
type ErrorCode int64

// The codes of JSON-RPC 2.0 and of the Language Server Protocol that the broker uses, and its own from 1001 on.
const (
	// CodeParseError: the frame holds no JSON.
	CodeParseError ErrorCode = -32700
	// CodeInvalidRequest: the JSON is no request.
	CodeInvalidRequest ErrorCode = -32600
	// CodeMethodNotFound: there is no such method.
	CodeMethodNotFound ErrorCode = -32601
	// CodeInvalidParams: the params do not fit the method.
	CodeInvalidParams ErrorCode = -32602
	// CodeInternalError: a fault in the broker; the message names the incident in its log.
	CodeInternalError ErrorCode = -32603
	// CodeServerBusy: too many requests are in flight.
	CodeServerBusy ErrorCode = -32000
	// CodeNotInitialized: initialize has not been answered yet.
	CodeNotInitialized ErrorCode = -32002
	// CodeCancelled: the client cancelled the request.
	CodeCancelled ErrorCode = -32800

	// CodeNotFound: no host, machine, session or console fits.
	CodeNotFound ErrorCode = 1001
	// CodeAmbiguous: more than one fits; data.candidates lists them.
	CodeAmbiguous ErrorCode = 1002
	// CodeHostUnreachable: the host does not answer.
	CodeHostUnreachable ErrorCode = 1003
	// CodeAuthenticationFailed: the host refused the credentials.
	CodeAuthenticationFailed ErrorCode = 1004
	// CodePermissionDenied: the user may not do this.
	CodePermissionDenied ErrorCode = 1005
	// CodeUnsupported: the session type cannot do this, or the host lacks the tool.
	CodeUnsupported ErrorCode = 1006
	// CodeAlreadyRunning: mode start, and the session runs.
	CodeAlreadyRunning ErrorCode = 1007
	// CodeNotRunning: the action needs a running session.
	CodeNotRunning ErrorCode = 1008
	// CodeTimeout: the state waited for did not come.
	CodeTimeout ErrorCode = 1009
	// CodeCommandFailed: a tool on the host failed; data has command, exitCode and stderr.
	CodeCommandFailed ErrorCode = 1010
	// CodeBusy: somebody else holds what is needed; the message names the holder.
	CodeBusy ErrorCode = 1011
	// CodeConfigInvalid: a file has a mistake; data has file and line.
	CodeConfigInvalid ErrorCode = 1012
)

// ErrorKind is the word for a code from 1001 on.
type ErrorKind string

// The kinds, in the order of their codes.
const (
	KindNotFound             ErrorKind = "notFound"
	KindAmbiguous            ErrorKind = "ambiguous"
	KindHostUnreachable      ErrorKind = "hostUnreachable"
	KindAuthenticationFailed ErrorKind = "authenticationFailed"
	KindPermissionDenied     ErrorKind = "permissionDenied"
	KindUnsupported          ErrorKind = "unsupported"
	KindAlreadyRunning       ErrorKind = "alreadyRunning"
	KindNotRunning           ErrorKind = "notRunning"
	KindTimeout              ErrorKind = "timeout"
	KindCommandFailed        ErrorKind = "commandFailed"
	KindBusy                 ErrorKind = "busy"
	KindConfigInvalid        ErrorKind = "configInvalid"
)

// Kind returns the word for c, empty for codes of the base protocol.
func (c ErrorCode) Kind() ErrorKind {
	kinds := [...]ErrorKind{
		KindNotFound, KindAmbiguous, KindHostUnreachable, KindAuthenticationFailed, KindPermissionDenied, KindUnsupported,
		KindAlreadyRunning, KindNotRunning, KindTimeout, KindCommandFailed, KindBusy, KindConfigInvalid,
	}
	i := int(c - CodeNotFound)
	if i < 0 || i >= len(kinds) {
		return ""
	}
	return kinds[i]
}

// Error is the error object of a reply, and of the entries of a result that failed on their own.
type Error struct {
	// Code says what kind of failure it is.
	Code ErrorCode `json:"code"`
	// Message is one line for a person: what was tried, where, the tool's own words, and what to do.
	Message string `json:"message"`
	// Data holds the parts of the message for a program.
	Data *ErrorData `json:"data,omitempty"`
}

// ErrorData holds the parts of an error for a program. Members that do not apply are left out.
type ErrorData struct {
	// Kind is the word for the code.
	Kind ErrorKind `json:"kind,omitempty"`
	// Host is the host on which it happened.
	Host string `json:"host,omitempty"`
	// Candidates are the machines or sessions that an ambiguous address fits.
	Candidates []Candidate `json:"candidates,omitempty"`
	// Command is the argv that failed on the host.
	Command []string `json:"command,omitempty"`
	// ExitCode is its exit status.
	ExitCode *int `json:"exitCode,omitempty"`
	// Stderr is the end of what it said, at most 4 KiB.
	Stderr string `json:"stderr,omitempty"`
	// File and Line say where a configuration has its mistake; lines count from 1.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
	// Holder names who has what is busy.
	Holder string `json:"holder,omitempty"`
	// Seen is the end of what a console said while console/expect waited, at most 4 KiB.
	Seen string `json:"seen,omitempty"`
	// Offset is the console offset at which console/expect gave up.
	Offset *int64 `json:"offset,omitempty"`
	// Incident is the key under which the broker's log tells more.
	Incident string `json:"incident,omitempty"`
}

// Error returns the message and the code's word.
func (e *Error) Error() string {
	if kind := e.Code.Kind(); kind != "" {
		return fmt.Sprintf("%s (%s)", e.Message, kind)
	}
	return fmt.Sprintf("%s (code %d)", e.Message, e.Code)
}

// RPCError returns the parts of the reply's error object.
func (e *Error) RPCError() (code int64, message string, data any) {
	if e.Data == nil {
		return int64(e.Code), e.Message, nil
	}
	return int64(e.Code), e.Message, e.Data
}

// Errorf returns an Error with the code, its kind and a message.
func Errorf(code ErrorCode, format string, args ...any) *Error {
	e := &Error{Code: code, Message: fmt.Sprintf(format, args...)}
	if kind := code.Kind(); kind != "" {
		e.Data = &ErrorData{Kind: kind}
	}
	return e
}

// HostError is the failure of one host in a request to several.
type HostError struct {
	// Host is the host's name.
	Host string `json:"host"`
	// Type is the session type whose driver failed; left out when the whole host failed.
	Type string `json:"type,omitempty"`
	// Error is what happened.
	Error *Error `json:"error"`
}
