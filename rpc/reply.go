package rpc

import (
	"context"
	"errors"
	"fmt"
)

// reply encodes the reply to j. What results and errors do while they are
// encoded is as little trusted as their handler.
func (c *Conn) reply(j *job, result any, err error) []byte {
	id := j.request.ID
	if err == nil {
		body, failed := c.bounded(j, func() ([]byte, error) { return encodeResult(id, result) })
		if failed == nil {
			return body
		}
		err = failed
	}
	body, failed := c.bounded(j, func() ([]byte, error) { return encodeError(id, c.failure(j.ctx, err)), nil })
	if failed != nil {
		return encodeError(id, c.failure(j.ctx, failed))
	}
	return body
}

// bounded calls encode, guarded, and refuses a body that no peer would take.
func (c *Conn) bounded(j *job, encode func() ([]byte, error)) ([]byte, error) {
	encoded, err := c.guard(j.ctx, &j.request, func(context.Context) (any, error) { return encode() })
	if err != nil {
		return nil, err
	}
	body, _ := encoded.([]byte)
	if len(body) > c.opts.MaxBody {
		return nil, fmt.Errorf("the reply of %d bytes is over the limit of %d: ask for less", len(body), c.opts.MaxBody)
	}
	return body, nil
}

// failure maps the error of a handler to the error member of the reply.
func (c *Conn) failure(ctx context.Context, err error) *ResponseError {
	var coded CodedError
	switch {
	case errors.As(err, &coded):
		return c.encodeCoded(coded)
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return &ResponseError{Code: c.opts.CancelledCode, Message: "request cancelled"}
	}
	return &ResponseError{Code: CodeInternalError, Message: err.Error()}
}

// encodeCoded leaves data out that cannot be encoded: the code matters more.
func (c *Conn) encodeCoded(coded CodedError) *ResponseError {
	code, message, data := coded.RPCError()
	out := &ResponseError{Code: code, Message: message}
	if data == nil {
		return out
	}
	text, err := encodeJSON(data)
	if err != nil {
		c.opts.Logger.Error("data of an error cannot be encoded", "code", code, "error", err)
		return out
	}
	out.Data = text
	return out
}
