package rpc

import (
	"context"
	"errors"
	"fmt"

	"github.com/sourcegraph/jsonrpc2"
)

// Notify sends a notification; nil params are left out. It only queues, before
// all output, and never waits for the peer. The error is ErrClosed, ErrOverflow,
// ErrTooLarge, or says what cannot be encoded.
func (c *Conn) Notify(method string, params any) error {
	body, err := c.encode(0, method, params)
	if err != nil {
		return err
	}
	return c.out.send(body)
}

func (c *Conn) encode(call uint64, method string, params any) ([]byte, error) {
	body, err := encodeCall(call, method, params)
	if err == nil && len(body) > c.opts.MaxBody {
		err = fmt.Errorf("%w: %s with %d bytes, the limit is %d", ErrTooLarge, method, len(body), c.opts.MaxBody)
	}
	return body, err
}

// Call sends a request and waits for its reply, which it decodes into result (a
// pointer, or nil to drop it). It must not be called by an ordered handler: that
// runs on the loop that would read the reply.
//
// When ctx ends, the peer is asked to cancel, and Call waits up to
// Options.CancelWait for the reply that is still due. If that is a result, the
// call has succeeded; else the error is that of ctx. An error of the peer is a
// *ResponseError; after the end of the connection it is ErrClosed.
func (c *Conn) Call(ctx context.Context, method string, params, result any) error {
	call := c.calls.Add(1)
	body, err := c.encode(call, method, params)
	if err != nil {
		return err
	}
	waiter, err := c.peer.DispatchCall(ctx, method, nil,
		jsonrpc2.PickID(jsonrpc2.ID{Num: call}), jsonrpc2.ExtraField(bodyField, body))
	if err != nil {
		return callError(method, err)
	}
	err = waiter.Wait(ctx, result)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return c.abandon(ctx, waiter, call, method, result)
	}
	return callError(method, err)
}

// abandon cancels a call whose ctx has ended. It waits for the reply, because
// only that frees the entry in the table of pending calls.
func (c *Conn) abandon(ctx context.Context, waiter jsonrpc2.Waiter, call uint64, method string, result any) error {
	cancelled := fmt.Errorf("rpc: call %s: %w", method, ctx.Err())
	if c.opts.CancelMethod == "" {
		return cancelled
	}
	if err := c.Notify(c.opts.CancelMethod, map[string]uint64{"id": call}); err != nil {
		return cancelled
	}
	patience, done := context.WithTimeout(context.WithoutCancel(ctx), c.opts.CancelWait)
	defer done()
	if err := waiter.Wait(patience, result); err != nil {
		return cancelled
	}
	return nil
}

// callError maps the errors of jsonrpc2 to ours.
func callError(method string, err error) error {
	var refused *jsonrpc2.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		failure := &ResponseError{Code: refused.Code, Message: refused.Message}
		if refused.Data != nil {
			failure.Data = *refused.Data
		}
		return failure
	case errors.Is(err, jsonrpc2.ErrClosed):
		return ErrClosed
	case errors.Is(err, ErrClosed), errors.Is(err, ErrOverflow):
		return err
	}
	return fmt.Errorf("rpc: call %s: decode result: %w", method, err)
}
