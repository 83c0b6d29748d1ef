package endpoint

import (
	"sync"
	"time"
)

// DefaultIdleExit is how long a daemon stays with nothing to do.
const DefaultIdleExit = 10 * time.Minute

// Use is a reason for the daemon to stay.
type Use int

// The uses.
const (
	// Client is a connected frontend.
	Client Use = iota
	// Console is an open console, with or without clients.
	Console

	uses = iota
)

// Idle tells when a daemon may end: when it has had neither clients nor open consoles for a while. A daemon that has just
// started is idle. Its methods may be called from several goroutines.
type Idle struct {
	after time.Duration
	done  chan struct{}

	// mu guards the fields below; done is closed with over set.
	mu    sync.Mutex
	held  [uses]int
	timer *time.Timer
	// turn counts the clocks, so that one that rings while it is replaced is known as an old one.
	turn int
	over bool
}

// NewIdle returns a tracker that ends after the duration; 0 means that only [Idle.Retire] ends it.
func NewIdle(after time.Duration) *Idle {
	i := &Idle{after: after, done: make(chan struct{})}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.wind()
	return i
}

// Acquire holds the daemon for a use; false when it is ending already, and nothing is held then. Each true is given back
// with one [Idle.Release].
func (i *Idle) Acquire(u Use) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.over {
		return false
	}
	i.held[u]++
	i.stop()
	return true
}

// Release gives one use back.
func (i *Idle) Release(u Use) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.held[u] == 0 {
		panic("endpoint: Release without Acquire")
	}
	i.held[u]--
	i.wind()
}

// Held returns how many clients and consoles there are.
func (i *Idle) Held() (clients, consoles int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.held[Client], i.held[Console]
}

// Retire ends the tracker at once if nothing is held, and reports whether it is at its end.
func (i *Idle) Retire() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.over && i.free() {
		i.finish()
	}
	return i.over
}

// Over reports whether the end was reached.
func (i *Idle) Over() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.over
}

// Done is closed at the end; from then on every Acquire fails.
func (i *Idle) Done() <-chan struct{} { return i.done }

// wind starts the clock if nothing is held. mu is held.
func (i *Idle) wind() {
	if i.after <= 0 || i.over || !i.free() {
		return
	}
	i.stop()
	turn := i.turn
	i.timer = time.AfterFunc(i.after, func() { i.expire(turn) })
}

// stop stops the clock. mu is held.
func (i *Idle) stop() {
	i.turn++
	if i.timer != nil {
		i.timer.Stop()
	}
}

// expire ends the tracker unless the clock was stopped while it rang.
func (i *Idle) expire(turn int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.turn == turn && !i.over && i.free() {
		i.finish()
	}
}

// finish reaches the end. mu is held.
func (i *Idle) finish() {
	i.over = true
	i.stop()
	close(i.done)
}

// free reports whether nothing is held. mu is held.
func (i *Idle) free() bool { return i.held == [uses]int{} }
