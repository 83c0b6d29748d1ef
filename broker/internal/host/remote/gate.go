package remote

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// gateWidth is how many handshakes one gateway sees at once; sshd begins to drop connections at 10 that are not
// authenticated yet (MaxStartups 10:30:100).
const gateWidth = 8

// Gate bounds the handshakes with each gateway. One Gate is shared by all hosts of a broker.
type Gate struct {
	mu    sync.Mutex
	doors map[string]*door
}

type door struct {
	places chan struct{}
	users  int
}

// NewGate returns a gate through which nobody goes yet.
func NewGate() *Gate { return &Gate{doors: make(map[string]*door)} }

// Enter waits for a place at a gateway and returns how to leave it.
func (g *Gate) Enter(ctx context.Context, gateway string) (leave func(), err error) {
	g.mu.Lock()
	d := g.doors[gateway]
	if d == nil {
		d = &door{places: make(chan struct{}, gateWidth)}
		g.doors[gateway] = d
	}
	d.users++
	g.mu.Unlock()
	select {
	case d.places <- struct{}{}:
		return func() { <-d.places; g.drop(gateway, d) }, nil
	case <-ctx.Done():
		g.drop(gateway, d)
		return nil, context.Cause(ctx)
	}
}

func (g *Gate) drop(gateway string, d *door) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if d.users--; d.users == 0 {
		delete(g.doors, gateway)
	}
}

// Patience bounds the time that is spent without asking the person anything.
type Patience struct {
	cancel context.CancelCauseFunc
	left   time.Duration
	cause  error

	mu     sync.Mutex
	asking int
	since  time.Time
	timer  *time.Timer
}

// NewPatience returns a context that ends after d, not counted while a question is open. Give it back with Done.
func NewPatience(ctx context.Context, d time.Duration) (context.Context, *Patience) {
	p := &Patience{left: d, cause: fmt.Errorf("%w: no answer within %v", ErrTimeout, d), since: time.Now()}
	ctx, p.cancel = context.WithCancelCause(ctx)
	p.timer = time.AfterFunc(d, p.lose)
	return ctx, p
}

// ErrTimeout is the end of patience.
var ErrTimeout = errors.New("timed out")

func (p *Patience) lose() { p.cancel(p.cause) }

// Pause stops the clock while a question is open; resume starts it again.
func (p *Patience) Pause() (resume func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asking++; p.asking == 1 && p.timer.Stop() {
		p.left -= time.Since(p.since)
	}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.asking--; p.asking == 0 {
			p.since = time.Now()
			p.timer.Reset(max(p.left, time.Second))
		}
	}
}

// Done stops the clock and ends the context.
func (p *Patience) Done() {
	p.timer.Stop()
	p.cancel(nil)
}
