package client

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/conbroker/conbroker/rpc"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// CallRaw sends any request: params are a JSON object or empty, the result is JSON as the broker wrote it. It is for programs that
// pass requests on; the other methods are typed.
func (c *Client) CallRaw(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	var result json.RawMessage
	var sent any
	if len(params) > 0 {
		sent = params
	}
	if err := c.conn.Call(ctx, method, sent, &result); err != nil {
		return nil, c.failure(err)
	}
	return result, nil
}

// call sends one request. Nil params are sent as an empty object.
func call[R, P any](ctx context.Context, c *Client, method string, params *P) (*R, error) {
	var sent P
	if params != nil {
		sent = *params
	}
	defer c.progress.follow(ctx, &sent)()
	result := new(R)
	if err := c.conn.Call(ctx, method, &sent, result); err != nil {
		return nil, c.failure(err)
	}
	return result, nil
}

func (c *Client) notify(method string, params any) error {
	if err := c.conn.Notify(method, params); err != nil {
		return c.failure(err)
	}
	return nil
}

// failure turns the error of a call into the protocol's own, if the broker answered with one.
func (c *Client) failure(err error) error {
	var refused *rpc.ResponseError
	switch {
	case errors.As(err, &refused):
		return protocolError(refused)
	case errors.Is(err, rpc.ErrClosed):
		return c.closedError()
	}
	return err
}

func protocolError(refused *rpc.ResponseError) *protocol.Error {
	e := &protocol.Error{Code: protocol.ErrorCode(refused.Code), Message: refused.Message}
	var data protocol.ErrorData
	if len(refused.Data) > 0 && json.Unmarshal(refused.Data, &data) == nil {
		e.Data = &data
	}
	return e
}
