// Package remote is the Host behind SSH, whoever makes the connections: the user's own ssh program (package openssh) or
// this program itself (package native). It keeps warm connections, spreads channels over them, makes further ones when
// the server takes no more, runs commands, terminals and forwarded connections in channels, and raises commands by sudo or
// ksu.
package remote

import (
	"context"
	"errors"

	"golang.org/x/crypto/ssh"
)

// Connection is one authenticated SSH connection, in the part that [ssh.Conn] has as well.
type Connection interface {
	// OpenChannel opens a channel; see [ssh.Conn].
	OpenChannel(name string, data []byte) (ssh.Channel, <-chan *ssh.Request, error)
	// Wait blocks until the connection has ended and says why, in the words of whoever noticed. It may be called by
	// several goroutines.
	Wait() error
	// Close ends the connection, and with it all channels.
	Close() error
}

// Connector makes connections to one host.
type Connector interface {
	// Connect makes a connection. Questions go to the client that ctx carries. When ctx ends, everything that was
	// started ends. The error wraps a reason of package host; one that also wraps [ErrDropped] is worth another try.
	Connect(ctx context.Context) (Connection, error)
	// User is the account on the host as far as it is known; after a Connect it is.
	User() string
}

// ErrDropped says that a server closed the connection before it said anything, as sshd does beyond its MaxStartups.
var ErrDropped = errors.New("the server dropped the connection before the handshake")
