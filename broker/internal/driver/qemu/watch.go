package qemu

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/conbroker/conbroker/broker/internal/host"
)

// surveyEvery is how often a host that cannot watch directories is looked at.
const surveyEvery = 5 * time.Second

// Watch tells of machines that come and go, and of what QEMU says about those that run. Each machine has four places for
// watchers; one that finds none free still tells of its coming and going.
func (d *Driver) Watch(ctx context.Context, h host.Host) (<-chan struct{}, error) {
	env, err := host.ReadEnvironment(ctx, h)
	if err != nil {
		return nil, fmt.Errorf("watch QEMU machines: %w", err)
	}
	w := &watch{
		host: h, paths: places(env), changed: make(chan struct{}, 1), again: make(chan struct{}, 1),
		known: make(map[string]bool), watched: make(map[string]bool),
	}
	ctx, cancel := context.WithCancel(ctx)
	wake, err := w.wakers(ctx)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("watch QEMU machines: %w", err)
	}
	if _, err := w.look(ctx); err != nil {
		cancel()
		w.listeners.Wait()
		return nil, fmt.Errorf("watch QEMU machines: %w", err)
	}
	go func() {
		w.run(ctx, wake)
		cancel()
		w.listeners.Wait()
		close(w.changed)
	}()
	return w.changed, nil
}

// watch is one call of Watch.
type watch struct {
	host  host.Host
	paths paths
	// changed is what the caller reads; again asks run for another look.
	changed, again chan struct{}
	// known are the runs and saved states of the last look.
	known map[string]bool

	listeners sync.WaitGroup
	mu        sync.Mutex
	watched   map[string]bool // guarded by mu: runs that have a listener
}

// wakers returns channels that tell when to look again.
func (w *watch) wakers(ctx context.Context) ([]<-chan struct{}, error) {
	watcher, ok := w.host.(host.DirWatcher)
	if !ok {
		return nil, nil
	}
	var all []<-chan struct{}
	for _, dir := range []string{w.paths.run, w.paths.save} {
		c, err := watcher.WatchDir(ctx, dir)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// run looks whenever there is reason to, until ctx ends or looking fails.
func (w *watch) run(ctx context.Context, wake []<-chan struct{}) {
	var tick <-chan time.Time
	if wake == nil {
		wake = []<-chan struct{}{nil, nil}
		ticker := time.NewTicker(surveyEvery)
		defer ticker.Stop()
		tick = ticker.C
	}
	for {
		open := true
		select {
		case <-ctx.Done():
			return
		case _, open = <-wake[0]:
		case _, open = <-wake[1]:
		case <-w.again:
		case <-tick:
		}
		if !open {
			return
		}
		differs, err := w.look(ctx)
		if err != nil {
			return
		}
		if differs {
			signal(w.changed)
		}
	}
}

// look compares what runs with what ran before, and listens to what is new.
func (w *watch) look(ctx context.Context) (differs bool, err error) {
	runs, suspended, err := survey(ctx, w.host, w.paths)
	if err != nil {
		return false, err
	}
	now := make(map[string]bool)
	for _, r := range runs {
		now[r.dir] = true
		w.listen(ctx, r)
	}
	for _, r := range suspended {
		now[r.saved] = true
	}
	for name := range now {
		differs = differs || !w.known[name]
	}
	differs = differs || len(now) != len(w.known)
	w.known = now
	return differs, nil
}

// listen passes on what QEMU says about a run, until it ends.
func (w *watch) listen(ctx context.Context, r *run) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watched[r.dir] {
		return
	}
	w.watched[r.dir] = true
	w.listeners.Go(func() {
		if w.passOn(ctx, r) {
			signal(w.again)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.watched, r.dir)
	})
}

// passOn returns true when the machine is gone.
func (w *watch) passOn(ctx context.Context, r *run) (ended bool) {
	m, err := listen(ctx, w.host, r)
	if err != nil {
		return false
	}
	defer m.Close()
	for {
		select {
		case <-ctx.Done():
			return false
		case e, ok := <-m.Events():
			if !ok {
				return w.settle(ctx, r)
			}
			if changesState(e.Name) {
				signal(w.changed)
			}
		}
	}
}

// settle waits until the process of a run that has hung up is gone, so that the next look does not find it again.
func (w *watch) settle(ctx context.Context, r *run) bool {
	_, _, err := awaitEnd(ctx, w.host, r, quitTime, "")
	return err == nil
}

// changesState reports whether an event can change what List returns.
func changesState(event string) bool {
	switch event {
	case "STOP", "RESUME", "SHUTDOWN", "RESET", "SUSPEND", "WAKEUP", "GUEST_PANICKED", "GUEST_CRASHLOADED", "BLOCK_IO_ERROR":
		return true
	}
	return false
}

// signal tells a reader that may not be there.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
