package endpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"syscall"
)

// Conn is a connection to the daemon, after the handshake.
type Conn struct {
	*net.UnixConn
	place Place
	peer  PeerHello
}

// Peer returns what the daemon said of itself.
func (c *Conn) Peer() PeerHello { return c.peer }

// died returns a *[DiedError] if the daemon of this connection is not at its place any more, and nil if it still answers.
func (c *Conn) died(ctx context.Context) error {
	peer, err := Probe(ctx, c.place)
	if err == nil && peer.PID == c.peer.PID {
		return nil
	}
	return &DiedError{PID: c.peer.PID, Version: c.peer.Version, Log: c.place.Log}
}

// Dial connects to the running daemon, which may be of another version and build but not of another protocol. The returned
// connection is a *[Conn], ready for JSON-RPC; the caller closes it. Errors: [ErrAbsent] if no daemon runs or the one
// that does is about to end, *[IncompatibleError].
func Dial(ctx context.Context, p Place, hello Hello) (net.Conn, PeerHello, error) {
	conn, a, err := ask(ctx, p, request{Hello: hello, Verb: verbConnect})
	if err != nil {
		return nil, PeerHello{}, err
	}
	if err := verdict(a, hello); err != nil {
		return nil, a.PeerHello, errors.Join(err, conn.Close())
	}
	return &Conn{UnixConn: conn, place: p, peer: a.PeerHello}, a.PeerHello, nil
}

// Probe asks the running daemon what it is. It works with daemons of every protocol and does not keep one alive.
// [ErrAbsent] if none runs or it is about to end.
func Probe(ctx context.Context, p Place) (PeerHello, error) {
	conn, a, err := ask(ctx, p, request{Verb: verbProbe})
	if err != nil {
		return PeerHello{}, err
	}
	_ = conn.Close() // all that matters has been read
	return a.PeerHello, verdict(a, a.Hello)
}

// Retire asks the running daemon to end. It does if it has neither clients nor consoles; otherwise the error is a
// *[BusyError] that says what it holds. It has stopped taking clients when Retire returns, and a daemon that
// starts now waits for its end.
func Retire(ctx context.Context, p Place, hello Hello) error {
	conn, a, err := ask(ctx, p, request{Hello: hello, Verb: verbRetire})
	if errors.Is(err, ErrAbsent) {
		return nil
	}
	if err != nil {
		return err
	}
	_ = conn.Close() // as in Probe
	if a.Refused == "" || a.Refused == refusedRetiring {
		return nil
	}
	return &BusyError{Running: a.PeerHello}
}

// verdict turns the daemon's refusal into an error.
func verdict(a answer, own Hello) error {
	switch a.Refused {
	case "":
		return nil
	case refusedRetiring:
		return fmt.Errorf("%w: process %d is about to end", ErrAbsent, a.PID)
	case refusedProtocol:
		return &IncompatibleError{Running: a.PeerHello, Own: own}
	}
	return fmt.Errorf("the daemon (process %d, version %s) refused the connection: %q", a.PID, a.Version, a.Refused)
}

// ask connects and exchanges the handshake lines.
func ask(ctx context.Context, p Place, r request) (*net.UnixConn, answer, error) {
	opened, err := new(net.Dialer).DialContext(ctx, "unix", p.Socket)
	if err != nil {
		return nil, answer{}, dialReason(ctx, err)
	}
	conn := opened.(*net.UnixConn)
	if err := checkPeer(conn); err != nil {
		return nil, answer{}, errors.Join(fmt.Errorf("the daemon at %s is not yours: %w", p.Socket, err), conn.Close())
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // greet then fails
	a, err := greet(conn, r)
	if !stop() {
		err = errors.Join(context.Cause(ctx), err)
	}
	if err != nil {
		return nil, answer{}, errors.Join(fmt.Errorf("greet the daemon at %s: %w", p.Socket, dialReason(ctx, err)), ignoreClosed(conn.Close()))
	}
	return conn, a, nil
}

// dialReason names the errors of a daemon that is not there, or that went while it was asked.
func dialReason(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	for _, absent := range []error{
		fs.ErrNotExist, syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE, syscall.EAGAIN, io.EOF, io.ErrUnexpectedEOF,
	} {
		if errors.Is(err, absent) {
			return fmt.Errorf("%w: %w", ErrAbsent, err)
		}
	}
	return err
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
