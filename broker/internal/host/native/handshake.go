package native

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"golang.org/x/crypto/ssh"

	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/host/remote"
	"github.com/conbroker/conbroker/broker/internal/host/sshconfig"
	"github.com/conbroker/conbroker/broker/internal/prompt"
)

// handshake is the connection to one hop, from the network connection to the authenticated user.
type handshake struct {
	connector *connector
	settings  sshconfig.Settings
	secrets   *remote.Attempt
	patience  *remote.Patience

	// ctx is that of the attempt, for the questions in callbacks.
	ctx context.Context
	// reason is why a callback gave up, which the library's own error would hide.
	reason error
	// greeted: the server showed its key, so it has taken the connection.
	greeted bool
}

// extend makes the connection to the next hop, through the last if there is one.
func (c *chain) extend(ctx context.Context, h *handshake) error {
	h.ctx = ctx
	raw, err := c.dial(ctx, h.settings)
	if err != nil {
		return fmt.Errorf("%w: %w", host.ErrUnreachable, err)
	}
	client, err := h.run(ctx, raw)
	if err != nil {
		_ = raw.Close() // the handshake's error is the one to tell
		return h.sort(err)
	}
	c.clients = append(c.clients, client)
	return nil
}

// dial makes the network connection.
func (c *chain) dial(ctx context.Context, s sshconfig.Settings) (net.Conn, error) {
	address := net.JoinHostPort(s.Get("hostname"), cmp.Or(s.Get("port"), "22"))
	if len(c.clients) > 0 {
		return c.last().DialContext(ctx, "tcp", address)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}

// run does the handshake. A server that falls silent at any point is given up with ctx, which closes the connection.
func (h *handshake) run(ctx context.Context, raw net.Conn) (*ssh.Client, error) {
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() }) // the handshake then fails
	defer stop()
	known, err := h.knownHosts()
	if err != nil {
		return nil, err
	}
	methods, done := h.methods()
	defer done()
	conn, channels, requests, err := ssh.NewClientConn(raw, known.address, &ssh.ClientConfig{
		User: h.settings.Get("user"), Auth: methods, HostKeyCallback: known.check, HostKeyAlgorithms: known.algorithms,
		// The library goes on with the next method after an error; what the person refused once is not asked in another way.
		AuthCallback: func(*ssh.ClientAuthContext) (ssh.AuthMethod, error) { return nil, h.reason },
	})
	if err != nil {
		return nil, err
	}
	return ssh.NewClient(conn, channels, requests), nil
}

// sort names the reason for which a handshake failed.
func (h *handshake) sort(err error) error {
	switch {
	case h.reason != nil:
		return h.reason
	case isAuthentication(err):
		return fmt.Errorf("%w: %w", host.ErrAuthentication, err)
	case !h.greeted && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)):
		return fmt.Errorf("%w: %w: %w", host.ErrUnreachable, remote.ErrDropped, err)
	}
	return fmt.Errorf("%w: %w", host.ErrUnreachable, err)
}

// ask asks the person; a secret that was given for a living connection is not asked for again.
func (h *handshake) ask(text string, secret bool) (string, error) {
	if secret {
		if known, ok := h.secrets.Find(text); ok {
			return known, nil
		}
	}
	defer h.patience.Pause()()
	answer, err := h.connector.options.Prompts.Ask(h.ctx, prompt.From(h.ctx), prompt.Prompt{
		Host: h.connector.options.Name, User: h.settings.Get("user"), Text: text, Secret: secret,
	})
	if err != nil {
		h.reason = fmt.Errorf("%w: %w", host.ErrAuthentication, err)
		return "", h.reason
	}
	if secret {
		h.secrets.Give(text, answer)
	}
	return answer, nil
}
