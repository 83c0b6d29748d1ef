package attach

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/conbroker/conbroker/consoles"
)

// Version is the version of the protocol of this package. Both sides come from
// one program, so there is no negotiation: another version is refused.
const Version = 1

// maxLine bounds the line that opens each direction, its newline included.
const maxLine = 4 << 10

// maxName bounds the names that a client gives for itself and its terminal, in bytes.
const maxName = 256

// Hello is what a client asks for.
type Hello struct {
	// Version is set by Dial.
	Version int `json:"version"`
	// Console is the id of the console in the hub.
	Console string `json:"console"`
	// Mode is read or write; empty means write.
	Mode consoles.Mode `json:"mode,omitempty"`
	// Takeover takes the write role from its holder instead of failing.
	Takeover bool `json:"takeover,omitempty"`
	// Size is that of the client's terminal; nil if it has none.
	Size *Size `json:"size,omitempty"`
	// Term is the client's TERM, for logs.
	Term string `json:"term,omitempty"`
	// Client names the client to those who share the console.
	Client string `json:"client,omitempty"`
	// Replay says what comes first; empty means the screen as it is now.
	Replay consoles.Replay `json:"replay,omitempty"`
	// From resumes at an absolute offset instead of a replay.
	From *int64 `json:"from,omitempty"`
}

// Size is the size of a terminal in character cells.
type Size struct {
	Cols int `json:"cols"`
	Rows int `json:"rows"`
}

// Welcome is the server's answer to a Hello that it accepts.
type Welcome struct {
	// Label names the console for people: the machine's label or the host's name.
	Label string `json:"label"`
	// Offset is where in the console's stream the output begins.
	Offset int64 `json:"offset"`
	// Mode is what was granted.
	Mode consoles.Mode `json:"mode"`
	// Size is the console's size.
	Size Size `json:"size"`
	// Writer names the client that types; empty if none does.
	Writer string `json:"writer,omitempty"`
}

// ErrorCode is the word for why a server refused.
type ErrorCode string

// The codes.
const (
	// CodeInvalid: the client's message makes no sense.
	CodeInvalid ErrorCode = "invalid"
	// CodeVersion: client and server are of different versions.
	CodeVersion ErrorCode = "version"
	// CodeNotFound: there is no such console.
	CodeNotFound ErrorCode = "notFound"
	// CodeBusy: another client writes; Holder names it.
	CodeBusy ErrorCode = "busy"
	// CodeReadOnly: this client watches, and tried to type.
	CodeReadOnly ErrorCode = "readOnly"
	// CodeUnsupported: the console cannot do this.
	CodeUnsupported ErrorCode = "unsupported"
	// CodeFailed: anything else; the message says what.
	CodeFailed ErrorCode = "failed"
)

// Error is a refusal by the server: of the whole attachment, or of one request on it.
type Error struct {
	Code    ErrorCode `json:"code"`
	Message string    `json:"message"`
	// Holder names who has what is busy.
	Holder string `json:"holder,omitempty"`
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// answer is the server's line: exactly one of the two is set.
type answer struct {
	OK    *Welcome `json:"ok,omitempty"`
	Error *Error   `json:"error,omitempty"`
}

// errLineTooLong says that a peer's first line does not end.
var errLineTooLong = fmt.Errorf("the first line is longer than %d bytes", maxLine)

// check says what is wrong with a hello from the wire, and cleans its names.
func (h *Hello) check() *Error {
	switch {
	case h.Version != Version:
		return &Error{Code: CodeVersion, Message: fmt.Sprintf(
			"this client speaks version %d of the attach protocol and the broker version %d: "+
				"use the conbroker program that the broker was started from, or restart the broker", h.Version, Version)}
	case h.Console == "":
		return &Error{Code: CodeInvalid, Message: "the client names no console"}
	case h.Mode != "" && h.Mode != consoles.Read && h.Mode != consoles.Write:
		return &Error{Code: CodeInvalid, Message: fmt.Sprintf("mode %q is neither read nor write", h.Mode)}
	}
	switch h.Replay {
	case "", consoles.ReplayScreen, consoles.ReplayRaw, consoles.ReplayNone:
	default:
		return &Error{Code: CodeInvalid, Message: fmt.Sprintf("replay %q is none of screen, raw and none", h.Replay)}
	}
	h.Client, h.Term = cleanName(h.Client), cleanName(h.Term)
	return nil
}

// options translates a checked hello for the hub.
func (h *Hello) options() consoles.AttachOptions {
	o := consoles.AttachOptions{
		Client: h.Client, Mode: h.Mode, Takeover: h.Takeover, Replay: h.Replay, From: h.From,
	}
	if o.Mode == "" {
		o.Mode = consoles.Write
	}
	if h.Size != nil {
		size := consoles.Size(*h.Size).Clamp()
		o.Size = &size
	}
	return o
}

// cleanName makes a peer's text fit to be shown to others and logged.
func cleanName(s string) string {
	if len(s) > maxName {
		s = s[:maxName]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError || (r >= 0x7f && r < 0xa0) {
			return -1
		}
		return r
	}, s)
}

// writeLine sends v as one line.
func writeLine(w io.Writer, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode the first line: %w", err)
	}
	if len(line) >= maxLine {
		return errLineTooLong
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

// decodeLine decodes a peer's first line into v.
func decodeLine(line []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(line))
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("the first line is not the JSON expected: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the first line has more than one JSON value")
	}
	return nil
}
