package broker

import (
	"context"
	"encoding/base64"
	"strconv"
	"sync/atomic"
	"unicode/utf8"

	"github.com/conbroker/conbroker/consoles"
	"github.com/conbroker/conbroker/rpc"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// The bounds of the window that a client may ask for, in bytes.
const (
	defaultWindow = 128 << 10
	minWindow     = 4 << 10
	maxWindow     = 4 << 20
)

// viewer is one attachment of one connection. It is a source of output: the connection's writer pulls from it when the pipe can
// take more, so nothing queues between the console's ring and the pipe.
type viewer struct {
	s          *session
	id         string
	console    string
	attachment *consoles.Attachment
	encoding   protocol.Encoding
	handle     atomic.Pointer[rpc.SourceHandle]

	// What follows belongs to the connection's writer.
	carry   []byte          // beginning of a character whose rest has not come yet
	stashed *consoles.Event // event that must wait for what carry holds
	writer  string          // as last told
	size    consoles.Size   // likewise
}

// ConsoleAttach implements protocol.Server.
func (s *session) ConsoleAttach(ctx context.Context, params *protocol.ConsoleAttachParams) (*protocol.ConsoleAttachResult, error) {
	c, err := s.broker.find(params.Console)
	if err != nil {
		return nil, err
	}
	options, err := s.attachOptions(params)
	if err != nil {
		return nil, err
	}
	v := &viewer{s: s, console: c.ID(), encoding: params.Encoding}
	options.OnReady = v.ready
	if v.attachment, err = c.Attach(options); err != nil {
		return nil, wireError(err, "")
	}
	info := c.Info()
	v.writer, v.size = info.Writer, info.Size
	if err := s.add(v); err != nil {
		v.attachment.Detach()
		return nil, err
	}
	result := &protocol.ConsoleAttachResult{
		Attachment: v.id, Offset: v.attachment.Offset(), Mode: protocol.AttachMode(v.attachment.Mode()), Size: wireSize(info.Size),
	}
	afterReply(ctx, func() {
		v.handle.Store(s.conn.AddSource(v))
		v.ready()
	})
	return result, nil
}

// attachOptions converts and checks the params of an attach.
func (s *session) attachOptions(params *protocol.ConsoleAttachParams) (consoles.AttachOptions, error) {
	window := params.Window
	switch {
	case window == 0:
		window = defaultWindow
	case window < minWindow || window > maxWindow:
		return consoles.AttachOptions{}, invalid("window %d: must be %d to %d bytes", window, minWindow, maxWindow)
	}
	if err := badSize(params.Size); err != nil {
		return consoles.AttachOptions{}, err
	}
	mode := consoles.Write
	if params.Mode == protocol.ModeRead {
		mode = consoles.Read
	}
	o := consoles.AttachOptions{
		Client: s.name(), Mode: mode, Takeover: params.Takeover, Replay: consoles.Replay(params.Replay), From: params.From, Window: window,
	}
	if params.Size != nil {
		o.Size = &consoles.Size{Cols: params.Size.Cols, Rows: params.Size.Rows}
	}
	return o, nil
}

// maxViewers bounds the attachments of one connection.
const maxViewers = 4096

// add gives a viewer its key and takes it into the session.
func (s *session) add(v *viewer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.viewers) >= maxViewers {
		return protocol.Errorf(protocol.CodeServerBusy, "this connection has %d attachments already", maxViewers)
	}
	s.nextID++
	v.id = "a" + strconv.Itoa(s.nextID)
	s.viewers[v.id] = v
	return nil
}

// viewer returns an attachment by its key.
func (s *session) viewer(id string) (*viewer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.viewers[id]
	if !ok {
		return nil, noAttachment(id)
	}
	return v, nil
}

// ConsoleDetach implements protocol.Server.
func (s *session) ConsoleDetach(_ context.Context, params *protocol.ConsoleDetachParams) (*protocol.Empty, error) {
	v, err := s.viewer(params.Attachment)
	if err != nil {
		return nil, err
	}
	s.drop(v)
	v.close()
	return &protocol.Empty{}, nil
}

// drop takes a viewer out of the session.
func (s *session) drop(v *viewer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.viewers, v.id)
}

// ConsoleAck implements protocol.Server.
func (s *session) ConsoleAck(_ context.Context, params *protocol.ConsoleAckParams) (*protocol.Empty, error) {
	v, err := s.viewer(params.Attachment)
	if err != nil {
		return nil, err
	}
	if err := v.attachment.Ack(params.Offset); err != nil {
		return nil, invalid("ack: %v", err)
	}
	return &protocol.Empty{}, nil
}

// ready says that there may be something to send.
func (v *viewer) ready() {
	if h := v.handle.Load(); h != nil {
		h.Ready()
	}
}

// close ends the attachment; nothing is sent for it afterwards.
func (v *viewer) close() {
	if h := v.handle.Load(); h != nil {
		h.Remove()
	}
	v.attachment.Detach()
}

// AppendFrame implements rpc.Source.
func (v *viewer) AppendFrame(dst []byte, limit int) (frame []byte, ok, more bool) {
	for {
		event, ok := v.next(limit)
		if !ok {
			return dst, false, false
		}
		if event.Kind == consoles.Closed {
			v.s.drop(v)
			v.attachment.Detach()
		}
		if frame, ok := v.encode(dst, event); ok {
			return frame, true, event.Kind != consoles.Closed
		}
	}
}

// next returns the next event. An event behind an incomplete character comes after an output event with what there is of it.
func (v *viewer) next(limit int) (consoles.Event, bool) {
	if v.stashed != nil {
		event := *v.stashed
		v.stashed = nil
		return event, true
	}
	event, ok := v.attachment.Next(limit)
	plain := ok && event.Kind == consoles.Output && !event.Snapshot
	if ok && !plain && len(v.carry) > 0 && event.Kind != consoles.WriterChanged && event.Kind != consoles.Resized {
		v.stashed = &event
		rest := consoles.Event{Kind: consoles.Output, Data: v.carry, Offset: v.attachment.Offset() - int64(len(v.carry))}
		if event.Kind == consoles.Gap {
			rest.Offset = event.From - int64(len(v.carry))
		}
		v.carry = nil
		return rest, true
	}
	return event, ok
}

// encode appends the message for an event; false if there is nothing to say.
func (v *viewer) encode(dst []byte, e consoles.Event) ([]byte, bool) {
	switch e.Kind {
	case consoles.Output:
		return v.encodeOutput(dst, e)
	case consoles.Gap:
		dst = v.head(dst, "console/gap")
		dst = appendInt(dst, "from", e.From)
		dst = appendInt(dst, "to", e.To)
	case consoles.WriterChanged, consoles.Resized:
		dst = v.encodeChange(dst, e)
	case consoles.Closed:
		dst = v.head(dst, "console/didClose")
		dst = appendInt(dst, "offset", e.Offset)
		dst = append(dst, `,"exit":{"code":`...)
		dst = strconv.AppendInt(dst, int64(e.Exit.Code), 10)
		if e.Exit.Signal != "" {
			dst = appendText(dst, "signal", e.Exit.Signal)
		}
		dst = appendText(dst, "reason", e.Exit.Reason)
		dst = append(dst, '}')
	default:
		return dst, false
	}
	return append(dst, '}', '}'), true
}

// encodeChange appends how the attachment stands now.
func (v *viewer) encodeChange(dst []byte, e consoles.Event) []byte {
	if e.Kind == consoles.Resized {
		v.size = e.Size
	} else {
		v.writer = e.Writer
	}
	dst = v.head(dst, "console/didChange")
	dst = appendText(dst, "mode", string(v.attachment.Mode()))
	dst = appendText(dst, "writer", v.writer)
	dst = append(dst, `,"size":{"cols":`...)
	dst = strconv.AppendInt(dst, int64(v.size.Cols), 10)
	dst = append(dst, `,"rows":`...)
	dst = strconv.AppendInt(dst, int64(v.size.Rows), 10)
	return append(dst, '}')
}

// encodeOutput appends a console/output. As text, a character is never split: its beginning is carried over.
func (v *viewer) encodeOutput(dst []byte, e consoles.Event) ([]byte, bool) {
	data, offset := e.Data, e.Offset
	text := v.encoding != protocol.EncodingBase64
	if text && !e.Snapshot {
		offset -= int64(len(v.carry))
		data = append(v.carry, data...)
		cut := len(data)
		if v.stashed == nil {
			cut = completeLength(data)
		}
		v.carry = append([]byte(nil), data[cut:]...)
		if data = data[:cut]; cut == 0 {
			return dst, false
		}
	}
	dst = v.head(dst, "console/output")
	dst = appendInt(dst, "offset", offset)
	if e.Snapshot {
		dst = append(dst, `,"length":0,"snapshot":true`...)
	} else {
		dst = appendInt(dst, "length", int64(len(data)))
	}
	dst = append(dst, `,"data":"`...)
	if text {
		dst = appendJSONText(dst, data)
	} else {
		dst = base64.StdEncoding.AppendEncode(dst, data)
	}
	return append(dst, '"', '}', '}'), true
}

// head appends the beginning of a notification of this attachment. Its keys need no escaping.
func (v *viewer) head(dst []byte, method string) []byte {
	dst = append(dst, `{"jsonrpc":"2.0","method":"`...)
	dst = append(dst, method...)
	dst = append(dst, `","params":{"attachment":"`...)
	dst = append(dst, v.id...)
	dst = append(dst, `","console":"`...)
	dst = append(dst, v.console...)
	return append(dst, '"')
}

// appendInt appends a member with a number.
func appendInt(dst []byte, name string, value int64) []byte {
	dst = append(dst, ',', '"')
	dst = append(dst, name...)
	dst = append(dst, '"', ':')
	return strconv.AppendInt(dst, value, 10)
}

// appendText appends a member with a text.
func appendText(dst []byte, name, value string) []byte {
	dst = append(dst, ',', '"')
	dst = append(dst, name...)
	dst = append(dst, `":"`...)
	dst = appendJSONText(dst, []byte(value))
	return append(dst, '"')
}

// completeLength returns how much of data is whole characters: all but the beginning of one at the end.
func completeLength(data []byte) int {
	for back := 1; back <= min(utf8.UTFMax-1, len(data)); back++ {
		b := data[len(data)-back]
		if utf8.RuneStart(b) {
			if !utf8.FullRune(data[len(data)-back:]) {
				return len(data) - back
			}
			break
		}
	}
	return len(data)
}

// appendJSONText appends data as the inside of a JSON string. What is not UTF-8 becomes U+FFFD.
func appendJSONText(dst, data []byte) []byte {
	const hex = "0123456789abcdef"
	start := 0
	for i := 0; i < len(data); {
		b := data[i]
		if b >= ' ' && b != '"' && b != '\\' && b < utf8.RuneSelf {
			i++
			continue
		}
		if b >= utf8.RuneSelf {
			if r, size := utf8.DecodeRune(data[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		dst = append(dst, data[start:i]...)
		switch b {
		case '"', '\\':
			dst = append(dst, '\\', b)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			if b >= utf8.RuneSelf {
				dst = append(dst, "\uFFFD"...)
			} else {
				dst = append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
			}
		}
		i++
		start = i
	}
	return append(dst, data[start:]...)
}
