package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"syscall"

	"github.com/conbroker/conbroker/broker/internal/host"
)

// Dial connects to a TCP or Unix socket address of this computer or its network.
func (h *Host) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	action := "connect to " + address
	if network != "tcp" && network != "unix" {
		return nil, h.failure(action, fmt.Errorf("network %q is neither tcp nor unix", network))
	}
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, h.failure(action, dialReason(ctx, err))
	}
	kept := &conn{Conn: c, host: h}
	if !h.keep(kept) {
		_ = c.Close() // the host's end is the error to tell
		return nil, h.errClosed(action)
	}
	return kept, nil
}

// dialReason keeps the end of ctx apart from an address where nobody answers.
func dialReason(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %w", host.ErrFileNotFound, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: %w", host.ErrPermission, err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: nobody listens there: %w", host.ErrUnreachable, err)
	}
	return fmt.Errorf("%w: %w", host.ErrUnreachable, err)
}

// conn is a connection that the host closes when it is closed itself.
type conn struct {
	net.Conn
	host *Host
}

// CloseWrite tells the other side that nothing more will come.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Close ends the connection.
func (c *conn) Close() error {
	c.host.forget(c)
	return c.Conn.Close()
}
