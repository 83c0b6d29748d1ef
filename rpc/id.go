package rpc

import (
	"encoding/json"
	"strconv"
)

// maxIDText bounds the text of a request id, so that ids of requests in flight
// cost little whatever a peer sends.
const maxIDText = 1024

// ID identifies a request: the JSON text of a string or an integer (int64),
// exactly as the peer sent it. The zero ID is that of a notification.
// IDs are comparable, but texts that differ may name the same id ("a", "\u0061").
type ID struct{ text string }

// String returns the JSON text of the id, or "" for a notification.
func (id ID) String() string { return id.text }

// IsZero reports whether there is no id.
func (id ID) IsZero() bool { return id.text == "" }

// json returns the text for a reply: null stands for an id that is not known.
func (id ID) json() string {
	if id.text == "" {
		return "null"
	}
	return id.text
}

// parseID accepts the JSON text of an id. The key is the same for all texts of
// one id: a number in its shortest form, or a string behind a quote.
func parseID(text []byte) (id ID, key string, bad *ResponseError) {
	if len(text) > maxIDText {
		return ID{}, "", invalidRequest("id is longer than %d bytes", maxIDText)
	}
	if len(text) > 0 && text[0] == '"' {
		var s string
		if err := json.Unmarshal(text, &s); err != nil {
			return ID{}, "", invalidRequest("id is not a string")
		}
		return ID{string(text)}, `"` + s, nil
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || text[0] == '+' {
		return ID{}, "", invalidRequest("id must be a string or a 64-bit integer")
	}
	return ID{string(text)}, strconv.FormatInt(n, 10), nil
}
