package rpc

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// maxDepth bounds how deeply arrays and objects of one message may nest: what
// decodes params and results further on is recursive.
const maxDepth = 1000

// Request is a request or a notification as it was received.
type Request struct {
	// Method is the decoded method name.
	Method string
	// Params holds the bytes of the params member as received, with the order of
	// keys and all duplicates; nil if there was none. It is an object, an array
	// or null, belongs to the handler and may be kept.
	Params json.RawMessage
	// ID is the id to answer, zero for a notification.
	ID ID

	after []func()
}

// IsNotification reports whether no answer is expected.
func (r *Request) IsNotification() bool { return r.ID.IsZero() }

// AfterReply has f called right after the reply to r was queued (or, for a
// notification, after its handler returned): what f sends arrives behind the
// reply. It may be called by the handler of r only, and f must not block.
func (r *Request) AfterReply(f func()) { r.after = append(r.after, f) }

// message is one well-formed JSON-RPC message: a request, a notification, or a
// reply when call is not zero.
type message struct {
	request Request
	key     string // canonical id of a request
	size    int    // bytes of the body, which request.Params keeps alive

	call   uint64 // reply: our own request that it answers
	result json.RawMessage
	err    *ResponseError
}

// members are the texts of the top-level members, nil where absent.
type members struct {
	jsonrpc, id, method, params, result, err []byte
	duplicate                                string
}

func (m *members) visit(name, value []byte) {
	slot := m.slot(memberName(name))
	switch {
	case slot == nil: // unknown members are none of our business
	case *slot != nil:
		m.duplicate = string(name)
	default:
		*slot = value
	}
}

func (m *members) slot(name string) *[]byte {
	switch name {
	case "jsonrpc":
		return &m.jsonrpc
	case "id":
		return &m.id
	case "method":
		return &m.method
	case "params":
		return &m.params
	case "result":
		return &m.result
	case "error":
		return &m.err
	}
	return nil
}

// memberName decodes the text of a member name.
func memberName(text []byte) string {
	inner := text[1 : len(text)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner)
	}
	var name string
	if json.Unmarshal(text, &name) != nil {
		return ""
	}
	return name
}

// refusal is a body that is no well-formed message, and what to do about it.
type refusal struct {
	id    ID             // id to answer, zero if it could not be read
	error *ResponseError // answer
	call  uint64         // our own request that fails with it, if any
}

// parseMessage takes body apart. Exactly one result is not nil, except for a
// well-formed reply that answers no request of ours: then both are nil.
// The message refers to body.
func parseMessage(body []byte) (*message, *refusal) {
	body = bytes.TrimPrefix(body, utf8BOM)
	var m members
	tooDeep, bad := m.scan(body)
	if bad != nil {
		return nil, &refusal{error: bad}
	}
	if m.method == nil && (m.result != nil || m.err != nil) {
		return m.reply(tooDeep)
	}
	var msg message
	if bad := m.request(&msg, tooDeep); bad != nil {
		return nil, &refusal{id: msg.request.ID, error: bad}
	}
	msg.size = len(body)
	return &msg, nil
}

// scan checks the JSON text and finds the members of its object.
func (m *members) scan(body []byte) (tooDeep bool, bad *ResponseError) {
	s := scanner{data: body}
	if err := s.validUTF8(); err != nil {
		return false, parseError("%v", err)
	}
	first := s.space(0)
	isObject := first < len(body) && body[first] == '{'
	var end int
	var err error
	if isObject {
		end, err = s.object(first, m.visit)
	} else {
		end, err = s.value(first)
	}
	if err == nil && s.space(end) != len(body) {
		err = syntaxError(end, "the end of the frame")
	}
	switch {
	case err != nil:
		return false, parseError("%v", err)
	case !isObject && body[first] == '[':
		return false, invalidRequest("batches are not supported: send one message a frame")
	case !isObject:
		return false, invalidRequest("a message must be an object")
	}
	return s.deepest >= maxDepth, nil
}

// request fills in msg from the members of a request or notification. The id is
// set first, so that a refusal can be answered with it.
func (m *members) request(msg *message, tooDeep bool) *ResponseError {
	req := &msg.request
	if m.id != nil {
		var bad *ResponseError
		if req.ID, msg.key, bad = parseID(m.id); bad != nil {
			return bad
		}
	}
	if bad := m.envelope(tooDeep); bad != nil {
		return bad
	}
	switch {
	case m.method == nil:
		return invalidRequest("neither method nor result nor error")
	case m.result != nil || m.err != nil:
		return invalidRequest("method together with result or error")
	case json.Unmarshal(m.method, &req.Method) != nil || m.method[0] != '"':
		return invalidRequest("method must be a string")
	case m.params != nil && m.params[0] != '{' && m.params[0] != '[' && m.params[0] != 'n':
		return invalidRequest("params must be an object or an array")
	}
	req.Params = m.params
	return nil
}

// envelope checks what requests and replies have in common.
func (m *members) envelope(tooDeep bool) *ResponseError {
	switch {
	case m.duplicate != "":
		return invalidRequest("member %s occurs twice", m.duplicate)
	case m.jsonrpc == nil:
		return invalidRequest(`member "jsonrpc" is missing`)
	case string(m.jsonrpc) != `"2.0"`:
		return invalidRequest(`member "jsonrpc" must be "2.0"`)
	case tooDeep:
		return invalidRequest("nested deeper than %d levels", maxDepth)
	}
	return nil
}

// reply reads a reply. A broken one fails the call that it answers, so that
// nobody waits for ever; the peer is told with id null, because the id of a
// reply is one of ours.
func (m *members) reply(tooDeep bool) (*message, *refusal) {
	call, bad := callID(m.id)
	if bad == nil {
		bad = m.envelope(tooDeep)
	}
	msg := message{call: call, result: m.result}
	if bad == nil {
		bad = m.outcome(&msg)
	}
	switch {
	case bad != nil:
		return nil, &refusal{error: bad, call: call}
	case call == 0:
		return nil, nil
	}
	return &msg, nil
}

// outcome checks that there is either a result or a well-formed error.
func (m *members) outcome(msg *message) *ResponseError {
	if m.err == nil {
		return nil
	}
	if m.result != nil {
		return invalidRequest("a reply with both result and error")
	}
	if json.Unmarshal(m.err, &msg.err) != nil || msg.err == nil {
		return invalidRequest("error must be an object with an integer code and a message")
	}
	return nil
}

// callID returns which of our requests id names, 0 for none: ours count from 1.
func callID(id []byte) (uint64, *ResponseError) {
	if id == nil {
		return 0, invalidRequest("a reply without id")
	}
	if string(id) == "null" {
		return 0, nil
	}
	_, key, bad := parseID(id)
	if bad != nil {
		return 0, bad
	}
	if call, err := strconv.ParseUint(key, 10, 64); err == nil {
		return call, nil
	}
	return 0, nil
}
