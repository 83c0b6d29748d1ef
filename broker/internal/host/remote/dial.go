package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/conbroker/conbroker/broker/internal/host"
)

// directTCP is the payload of a direct-tcpip channel (RFC 4254, 7.2).
type directTCP struct {
	Address    string
	Port       uint32
	Origin     string
	OriginPort uint32
}

// directUnix is the payload of a direct-streamlocal@openssh.com channel (OpenSSH's PROTOCOL, 2.4).
type directUnix struct {
	Path     string
	Reserved string
	Unused   uint32
}

// Dial connects from the host to a TCP or Unix socket address. Deadlines of the connection work.
func (h *Host) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	action := "connect to " + address
	ctx, done, err := h.begin(ctx)
	if err != nil {
		return nil, h.failure(action, err)
	}
	defer done()
	name, payload, err := dialPayload(network, address)
	if err != nil {
		return nil, h.failure(action, err)
	}
	c, err := h.dial(ctx, name, payload)
	if err != nil {
		return nil, h.failure(action, h.dialReason(ctx, network, address, err))
	}
	c.remote = peer{network, address}
	if !h.keep(c) {
		_ = c.Close() // the host's end is the error to tell
		return nil, h.failure(action, net.ErrClosed)
	}
	return c, nil
}

func dialPayload(network, address string) (name string, payload []byte, err error) {
	switch network {
	case "unix":
		return "direct-streamlocal@openssh.com", ssh.Marshal(directUnix{Path: address}), nil
	case "tcp":
		name, text, err := net.SplitHostPort(address)
		if err != nil {
			return "", nil, err
		}
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return "", nil, fmt.Errorf("port %q is no number up to 65535", text)
		}
		return "direct-tcpip", ssh.Marshal(directTCP{Address: name, Port: uint32(port), Origin: "127.0.0.1"}), nil
	}
	return "", nil, fmt.Errorf("network %q is neither tcp nor unix", network)
}

// dial opens the channel, on another connection if the one at hand is dead.
func (h *Host) dial(ctx context.Context, name string, payload []byte) (*conn, error) {
	for {
		l, err := h.pool.reserve(ctx, forwardChannel)
		if err != nil {
			return nil, err
		}
		ch, reqs, err := l.open(ctx, forwardChannel, name, payload)
		if errors.Is(err, errDown) {
			select {
			case <-l.down:
			case <-ctx.Done():
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		h.work.Go(func() {
			ssh.DiscardRequests(reqs)
			l.release(forwardChannel)
		})
		c := &conn{}
		c.duct = newDuct(ch, func(f func()) { h.work.Go(f) }, func() {
			h.forget(c)
			l.pool.work.Go(func() { _ = ch.Close() }) // it may be closed already
		})
		return c, nil
	}
}

// dialReason sorts the server's refusal of a forwarded connection. OpenSSH gives the error of connect(2) in words for TCP and
// none for Unix sockets, so the host is asked about the file.
func (h *Host) dialReason(ctx context.Context, network, address string, err error) error {
	var refusal *ssh.OpenChannelError
	if !errors.As(err, &refusal) {
		return err
	}
	words := strings.ToValidUTF8(refusal.Message, "\uFFFD")
	if refusal.Reason == ssh.Prohibited {
		return fmt.Errorf("%w: the server does not forward connections there: %s", host.ErrPermission, words)
	}
	if network == "unix" {
		if reason := h.socketReason(ctx, address); reason != nil {
			return reason
		}
	}
	return fmt.Errorf("%w: nobody listens there, or it cannot be reached from the host: %s", host.ErrUnreachable, words)
}

// socketReason tells why a socket could not be connected to; nil if the file says nothing about it.
func (h *Host) socketReason(ctx context.Context, path string) error {
	const script = `[ -e "$1" ] || exit 3; [ -w "$1" ] || exit 4`
	r, err := h.run(ctx, order{Command: host.Command{Argv: []string{"sh", "-c", script, "sh", path}}}, nil)
	switch {
	case err == nil && r.ExitCode == 3:
		return host.ErrFileNotFound
	case err == nil && r.ExitCode == 4:
		return host.ErrPermission
	}
	return nil
}

// conn is a connection forwarded by the host.
type conn struct {
	*duct
	remote peer
}

// peer is an address as Dial got it.
type peer struct{ network, address string }

// Network is "tcp" or "unix".
func (p peer) Network() string { return p.network }

// String is the address as Dial got it.
func (p peer) String() string { return p.address }

// LocalAddr is not known: it is one of the host.
func (c *conn) LocalAddr() net.Addr { return peer{c.remote.network, ""} }

// RemoteAddr is the address that was dialled.
func (c *conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines.
func (c *conn) SetDeadline(t time.Time) error {
	c.readBy.set(t)
	c.writeBy.set(t)
	return nil
}

// SetReadDeadline bounds Read.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.readBy.set(t)
	return nil
}

// SetWriteDeadline bounds Write. Bytes of a write that was given up may still arrive.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.writeBy.set(t)
	return nil
}
