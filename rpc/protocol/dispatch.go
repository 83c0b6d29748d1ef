package protocol

import (
	"context"
	"encoding/json"
)

// Direction says who sends a method.
type Direction string

// The directions.
const (
	// ClientToServer: a frontend asks the broker.
	ClientToServer Direction = "clientToServer"
	// ServerToClient: the broker tells a frontend.
	ServerToClient Direction = "serverToClient"
)

// Method describes a method of the protocol. [Methods] lists them all.
type Method struct {
	// Name is its name on the wire, such as "session/create".
	Name string
	// Direction says who sends it.
	Direction Direction
	// Notification: it has no reply.
	Notification bool
	// AlsoNotification: it is a request that is meant to be sent as a notification too.
	AlsoNotification bool
	// Ordered: it takes effect in the order in which it was sent.
	Ordered bool
	// Doc is what it does, as one paragraph of text.
	Doc string
}

// request decodes params and calls one request of a [Server]. A nil result without an error is sent as an empty object.
func request[P, R any](ctx context.Context, raw json.RawMessage, call func(context.Context, *P) (*R, error)) (any, error) {
	params := new(P)
	if err := DecodeParams(raw, params); err != nil {
		return nil, err
	}
	result, err := call(ctx, params)
	if err != nil {
		return nil, err
	}
	if result == nil {
		result = new(R)
	}
	return result, nil
}

// notification decodes params and calls one notification of a [Server].
func notification[P any](ctx context.Context, raw json.RawMessage, call func(context.Context, *P) error) (any, error) {
	params := new(P)
	if err := DecodeParams(raw, params); err != nil {
		return nil, err
	}
	return nil, call(ctx, params)
}

// deliver decodes params and calls one notification of a [Client]. It is lenient: a newer broker may use words and members that
// this client does not know.
func deliver[P any](ctx context.Context, raw json.RawMessage, call func(context.Context, *P) error) error {
	params := new(P)
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, params); err != nil {
			return Errorf(CodeInvalidParams, "params: %v", err)
		}
	}
	return call(ctx, params)
}

func methodNotFound(method string) *Error {
	return Errorf(CodeMethodNotFound, "there is no method %s", quote(method))
}
