package remote

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/conbroker/conbroker/broker/internal/host"
)

const (
	// maxDialling bounds how many further connections are made at once for one host.
	maxDialling = 4
	// dropRetries is how often a connection that the server dropped is tried again, the first time after dropDelay.
	dropRetries = 5
	dropDelay   = 150 * time.Millisecond
	// backOffFirst and backOffMost bound how long after a failure the next try waits.
	backOffFirst = 200 * time.Millisecond
	backOffMost  = 10 * time.Second
	// roomPatience is how long a request waits for room on the connections there are before it makes a further one, which
	// takes longer than most commands do.
	roomPatience = 150 * time.Millisecond
	// surplusTime is how long an idle connection is kept while there is another.
	surplusTime = 30 * time.Second
)

// pool keeps the connections to one host. The first request makes the first connection, in its own context, so that
// questions reach its client; others wait for it. A request that was given up makes room for the next to try.
type pool struct {
	connector Connector
	// work counts goroutines that end when the connections do.
	work *sync.WaitGroup

	// mu guards the rest.
	mu    sync.Mutex
	links []*link
	// dialling counts attempts under way, waiting the requests that wait for one.
	dialling, waiting int
	// perLink is how many sessions a connection was last seen to bear; 0 if none was refused yet.
	perLink int
	// changed is closed and made anew whenever a waiting request should look again.
	changed chan struct{}
	// failed counts failures; row those since the last success, which ended at failedAt with lastErr.
	failed, row int
	failedAt    time.Time
	lastErr     error
	closed      bool
}

func newPool(c Connector, work *sync.WaitGroup) *pool {
	return &pool{connector: c, work: work, changed: make(chan struct{})}
}

// announce wakes who waits; mu is held.
func (p *pool) announce() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// reserve returns a connection with room for a channel of the kind, and takes the room. A new connection is made when
// there is none.
func (p *pool) reserve(ctx context.Context, kind channelKind) (*link, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen, patience := p.failed, time.Now().Add(roomPatience)
	for {
		if p.closed {
			return nil, net.ErrClosed
		}
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		if l := p.roomiest(kind); l != nil {
			l.take(kind)
			return l, nil
		}
		if p.failed != seen {
			return nil, p.lastErr
		}
		if left := time.Until(patience); left > 0 && len(p.links) > 0 {
			p.wait(ctx, left)
			continue
		}
		if !p.mayDial() {
			p.wait(ctx, time.Hour)
			continue
		}
		if err := p.dial(ctx); err != nil {
			return nil, err
		}
	}
}

// roomiest is the connection with the fewest channels that has room for one more; mu is held.
func (p *pool) roomiest(kind channelKind) *link {
	var best *link
	for _, l := range p.links {
		if l.hasRoom(kind) && (best == nil || l.load() < best.load()) {
			best = l
		}
	}
	return best
}

// mayDial reports whether one more attempt makes sense: one for the first connection, later as many as those who wait
// need; mu is held.
func (p *pool) mayDial() bool {
	if len(p.links) == 0 {
		return p.dialling == 0
	}
	return p.dialling < maxDialling && p.waiting >= p.dialling*max(p.perLink, 1)
}

// wait waits for a change, at most for d; mu is held before and after, not meanwhile.
func (p *pool) wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	changed := p.changed
	p.waiting++
	p.mu.Unlock()
	select {
	case <-changed:
	case <-t.C:
	case <-ctx.Done():
	}
	p.mu.Lock()
	p.waiting--
}

// dial makes a connection and adds it; mu is held before and after, not meanwhile.
func (p *pool) dial(ctx context.Context) error {
	p.dialling++
	delay := time.Until(p.failedAt.Add(backOff(p.row)))
	p.mu.Unlock()
	c, err := p.connect(ctx, delay)
	p.mu.Lock()
	p.dialling--
	defer p.announce()
	switch {
	case err == nil && p.closed:
		p.work.Go(func() { _ = c.Close() }) // nobody is left who could be told
		return net.ErrClosed
	case err == nil:
		p.row = 0
		p.add(c)
		return nil
	case ctx.Err() == nil:
		p.failed++
		p.row++
		p.failedAt, p.lastErr = time.Now(), err
	}
	return err
}

// connect waits out the back-off, then makes a connection, with further tries if the server drops it.
func (p *pool) connect(ctx context.Context, delay time.Duration) (Connection, error) {
	if err := pause(ctx, delay); err != nil {
		return nil, err
	}
	for try := 0; ; try++ {
		c, err := p.connector.Connect(ctx)
		if err == nil || try == dropRetries || !errors.Is(err, ErrDropped) {
			return c, err
		}
		if err := pause(ctx, jitter(dropDelay<<try)); err != nil {
			return nil, err
		}
	}
}

// backOff is how long after the last of row failures the next try may be made.
func backOff(row int) time.Duration {
	if row == 0 {
		return 0
	}
	return min(backOffFirst<<min(row-1, 10), backOffMost)
}

// jitter spreads d over half to one and a half of it.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d) }

// pause waits for d, or less if ctx ends, and then returns why.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// add takes a new connection into use and watches its end; mu is held.
func (p *pool) add(c Connection) {
	l := &link{pool: p, conn: c, down: make(chan struct{})}
	p.links = append(p.links, l)
	p.work.Go(func() {
		l.err = c.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		close(l.down)
		p.links = slices.DeleteFunc(p.links, func(other *link) bool { return other == l })
		p.announce()
	})
}

// close ends all connections; requests that wait fail.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	links := slices.Clone(p.links)
	p.announce()
	p.mu.Unlock()
	for _, l := range links {
		p.work.Go(func() { _ = l.conn.Close() }) // its users see the end
	}
}

// connections counts the live connections.
func (p *pool) connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

// errNoSessions is the answer of a server that takes not even one session on a connection.
var errNoSessions = fmt.Errorf("%w: the server takes no session on a new connection (see MaxSessions in its sshd_config)", host.ErrPermission)

// drain waits until no channel is open any more, at most for d.
func (p *pool) drain(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		p.mu.Lock()
		load, changed := 0, p.changed
		for _, l := range p.links {
			load += l.load()
		}
		p.mu.Unlock()
		if load == 0 {
			return
		}
		select {
		case <-changed:
		case <-t.C:
			return
		}
	}
}
