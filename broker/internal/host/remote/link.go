package remote

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/conbroker/conbroker/broker/internal/host"
)

// channelKind tells channels that count for the server's MaxSessions from those that do not.
type channelKind int

const (
	forwardChannel channelKind = iota
	sessionChannel
)

// link is one connection in use. All counts are guarded by the pool's mu.
type link struct {
	pool *pool
	conn Connection

	// sessions and forwards count the channels that are open or being opened.
	sessions, forwards int
	// limit is how many sessions the server bore when it refused one; it holds while limited, until one is closed. borne
	// says that the server took at least one.
	limit          int
	limited, borne bool
	// idle closes a connection that nobody needs; nil while it is needed.
	idle *time.Timer

	// down is closed when the connection has ended; err then says why.
	down chan struct{}
	err  error
}

func (l *link) hasRoom(kind channelKind) bool {
	return kind == forwardChannel || !l.limited || l.sessions < l.limit
}

func (l *link) load() int { return l.sessions + l.forwards }

// take counts a channel; mu is held.
func (l *link) take(kind channelKind) {
	if l.idle != nil {
		l.idle.Stop()
		l.idle = nil
	}
	*l.count(kind)++
}

func (l *link) count(kind channelKind) *int {
	if kind == sessionChannel {
		return &l.sessions
	}
	return &l.forwards
}

// release gives a channel's room back.
func (l *link) release(kind channelKind) {
	p := l.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	*l.count(kind)--
	if kind == sessionChannel {
		l.limited = false
	}
	l.rest()
	p.announce()
}

// rest has a connection without channels closed after a while if there is another; mu is held.
func (l *link) rest() {
	if l.load() == 0 && l.idle == nil && len(l.pool.links) > 1 && !l.pool.closed {
		l.idle = time.AfterFunc(surplusTime, l.closeSurplus)
	}
}

// closeSurplus ends the connection if nobody needs it still.
func (l *link) closeSurplus() {
	p := l.pool
	p.mu.Lock()
	needed := l.load() > 0 || len(p.links) < 2 || p.closed
	l.idle = nil
	p.mu.Unlock()
	if !needed {
		_ = l.conn.Close() // it was not in use
	}
}

// bore notes that the server took a session.
func (l *link) bore() {
	l.pool.mu.Lock()
	defer l.pool.mu.Unlock()
	l.borne = true
}

// refused gives back the room of a session that the server refused, and remembers the limit. It reports whether a further
// connection may help: it may if this one bears, or bore, sessions. Those that were given up may still live on the server.
func (l *link) refused() bool {
	p := l.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	l.sessions--
	l.limit, l.limited = l.sessions, true
	p.perLink = max(l.sessions, 1)
	l.rest()
	p.announce()
	return l.sessions > 0 || l.borne
}

// opened is what became of opening a channel.
type opened struct {
	ch   ssh.Channel
	reqs <-chan *ssh.Request
	err  error
}

// open opens a channel for which room was taken. When ctx ends first, the channel is closed once it is there. The room is
// given back unless a channel is returned.
func (l *link) open(ctx context.Context, kind channelKind, name string, data []byte) (ssh.Channel, <-chan *ssh.Request, error) {
	result := make(chan opened, 1)
	l.pool.work.Go(func() {
		ch, reqs, err := l.conn.OpenChannel(name, data)
		result <- opened{ch, reqs, err}
	})
	select {
	case o := <-result:
		return o.ch, o.reqs, l.openError(kind, o.err)
	case <-ctx.Done():
	}
	l.pool.work.Go(func() {
		defer l.release(kind)
		if o := <-result; o.err == nil {
			_ = o.ch.Close() // nobody waits for it any more
			ssh.DiscardRequests(o.reqs)
		}
	})
	return nil, nil, context.Cause(ctx)
}

// errFull says that a connection bears no further session; another may.
var errFull = errors.New("the server takes no further session on this connection")

// errDown says that the connection ended before the channel was open, so nothing was done in it.
var errDown = errors.New("the connection ended before the channel was open")

// openError gives the room back if there is an error, and sorts it.
func (l *link) openError(kind channelKind, err error) error {
	if err == nil {
		return nil
	}
	var refusal *ssh.OpenChannelError
	switch {
	case !errors.As(err, &refusal):
		l.release(kind)
		return fmt.Errorf("%w: %w", errDown, err)
	case kind == forwardChannel:
		l.release(kind)
		return err
	case l.refused():
		return errFull
	}
	return errNoSessions
}

// reason says why the connection ended, as an error of the way to the host; nil while it lives.
func (l *link) reason(wait time.Duration) error {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-l.down:
		return fmt.Errorf("%w: the connection broke: %w", host.ErrUnreachable, l.err)
	case <-t.C:
		return nil
	}
}
