package broker

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// The pauses before a host that could not be watched is tried again.
const (
	minRetry = time.Second
	maxRetry = time.Minute
)

// watches tell connections what changes on hosts. A host is watched while somebody wants to know.
type watches struct {
	broker *Broker
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu    sync.Mutex
	hosts map[string]*hostWatch
}

func newWatches(b *Broker) *watches {
	ctx, cancel := context.WithCancel(context.Background())
	return &watches{broker: b, ctx: ctx, cancel: cancel, hosts: make(map[string]*hostWatch)}
}

// close ends all watches.
func (w *watches) close() {
	w.cancel()
	w.work.Wait()
}

// hostWatch knows what ran on a host when it last looked.
type hostWatch struct {
	broker *Broker
	name   string
	poke   chan struct{} // holds one value: look again
	cancel context.CancelFunc

	// mu is held while the host is asked, too: whoever subscribes sees a state and then every change after it.
	mu          sync.Mutex
	current     map[string]protocol.Session
	failure     *protocol.Error
	subscribers map[*subscription]struct{}
}

// subscription is one connection's session/watch.
type subscription struct {
	s      *session
	params protocol.SessionListParams
	hosts  []string

	mu      sync.Mutex
	open    bool // the reply is out; changes may follow
	waiting []protocol.SessionDidChangeParams
}

// SessionWatch implements protocol.Server.
func (s *session) SessionWatch(ctx context.Context, params *protocol.SessionWatchParams) (*protocol.SessionListResult, error) {
	empty := &protocol.SessionListResult{Sessions: []protocol.Session{}, Errors: []protocol.HostError{}}
	if params.Stop {
		s.replaceWatch(nil)
		return empty, nil
	}
	names, err := s.broker.hostNames(params.Hosts)
	if err != nil {
		return nil, err
	}
	if err := s.broker.checkTypes(params.Types); err != nil {
		return nil, err
	}
	sub := &subscription{s: s, params: params.SessionListParams, hosts: names}
	perHost, errs := overHosts(names, func(name string) ([]protocol.Session, []protocol.HostError) {
		return s.broker.watches.subscribe(ctx, name, sub)
	})
	s.replaceWatch(sub)
	if err := ctx.Err(); err != nil {
		s.replaceWatch(nil)
		return nil, err
	}
	afterReply(ctx, sub.start)
	return &protocol.SessionListResult{Sessions: append(empty.Sessions, slices.Concat(perHost...)...), Errors: errs}, nil
}

// replaceWatch makes sub the session's watch and ends the one before it.
func (s *session) replaceWatch(sub *subscription) {
	s.mu.Lock()
	before := s.watching
	s.watching = sub
	s.mu.Unlock()
	if before != nil {
		s.broker.watches.unsubscribe(before)
	}
}

// subscribe adds a subscription to a host's watch and returns what runs there now.
func (w *watches) subscribe(ctx context.Context, name string, sub *subscription) ([]protocol.Session, []protocol.HostError) {
	w.mu.Lock()
	h, ok := w.hosts[name]
	if !ok {
		h = &hostWatch{broker: w.broker, name: name, poke: make(chan struct{}, 1), subscribers: make(map[*subscription]struct{})}
		var ctx context.Context
		ctx, h.cancel = context.WithCancel(w.ctx)
		w.hosts[name] = h
		w.work.Go(func() { h.run(ctx) })
	}
	w.mu.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.look(ctx)
	h.subscribers[sub] = struct{}{}
	var sessions []protocol.Session
	for _, s := range h.current {
		if sub.wants(s) {
			sessions = append(sessions, s)
		}
	}
	slices.SortFunc(sessions, compareSessions)
	if h.failure != nil {
		return sessions, []protocol.HostError{{Host: name, Error: h.failure}}
	}
	return sessions, nil
}

// unsubscribe ends a subscription, and the watch of hosts that nobody watches any more.
func (w *watches) unsubscribe(sub *subscription) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range sub.hosts {
		h := w.hosts[name]
		if h == nil {
			continue
		}
		h.mu.Lock()
		delete(h.subscribers, sub)
		idle := len(h.subscribers) == 0
		h.mu.Unlock()
		if idle {
			h.cancel()
			delete(w.hosts, name)
		}
	}
}

// refresh has a host looked at again, if it is watched: something that this broker did changed it.
func (w *watches) refresh(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h := w.hosts[name]; h != nil {
		h.again()
	}
}

// again asks for another look.
func (h *hostWatch) again() {
	select {
	case h.poke <- struct{}{}:
	default:
	}
}

// run looks at the host whenever a driver, or this broker, says that something changed. A watch that is lost is made again.
func (h *hostWatch) run(ctx context.Context) {
	retry := minRetry
	for ctx.Err() == nil {
		watching, stop := context.WithCancel(ctx)
		lost := h.follow(watching)
		h.again()
		ok := h.serve(ctx, lost)
		stop()
		if ok {
			retry = minRetry
		}
		select {
		case <-time.After(retry):
			retry = min(2*retry, maxRetry)
		case <-ctx.Done():
		}
	}
}

// serve looks whenever it is told to, until a driver's watch is lost. It reports whether the host answered.
func (h *hostWatch) serve(ctx context.Context, lost <-chan struct{}) (answered bool) {
	for {
		select {
		case <-h.poke:
			h.mu.Lock()
			h.look(ctx)
			answered = h.failure == nil
			h.mu.Unlock()
		case <-lost:
			return answered
		case <-ctx.Done():
			return answered
		}
	}
}

// follow starts the watches of the host's drivers. The channel returned is closed when one of them could not be started or is
// lost.
func (h *hostWatch) follow(ctx context.Context) (lost <-chan struct{}) {
	broken := make(chan struct{})
	var once sync.Once
	fail := func() { once.Do(func() { close(broken) }) }
	p, err := h.broker.place(ctx, h.name, nil)
	if err != nil {
		fail()
		return broken
	}
	for _, d := range p.drivers {
		watcher, ok := d.(driver.Watcher)
		if !ok {
			continue
		}
		changes, err := watcher.Watch(ctx, p.Host)
		if p.absent(err) {
			continue
		}
		if err != nil {
			h.broker.log.Debug("watch could not be started", "host", h.name, "type", d.Type(), "error", err)
			fail()
			continue
		}
		h.broker.watches.work.Go(func() {
			for range changes {
				h.again()
			}
			fail()
		})
	}
	return broken
}

// look asks the host and tells the subscribers what is different. h.mu is held.
func (h *hostWatch) look(ctx context.Context) {
	sessions, errs := h.broker.listHost(ctx, h.name, nil)
	if ctx.Err() != nil {
		return
	}
	now := make(map[string]protocol.Session, len(sessions))
	for _, s := range sessions {
		now[s.Key] = s
	}
	var failure *protocol.Error
	if len(errs) > 0 {
		failure = errs[0].Error
		h.keepFailed(now, errs)
	}
	change := difference(h.name, h.current, now)
	change.Error = failure
	if len(change.Changed)+len(change.Removed) > 0 || !reflect.DeepEqual(failure, h.failure) {
		for sub := range h.subscribers {
			sub.deliver(change, h.current)
		}
	}
	h.current, h.failure = now, failure
}

// keepFailed leaves the sessions of a driver, or of a whole host, that could not be asked as they were: not knowing is not
// being gone.
func (h *hostWatch) keepFailed(now map[string]protocol.Session, errs []protocol.HostError) {
	for key, s := range h.current {
		if slices.ContainsFunc(errs, func(e protocol.HostError) bool { return e.Type == "" || e.Type == s.Type }) {
			now[key] = s
		}
	}
}

// difference says what is new, different or gone.
func difference(hostName string, before, now map[string]protocol.Session) protocol.SessionDidChangeParams {
	change := protocol.SessionDidChangeParams{Host: hostName, Changed: []protocol.Session{}, Removed: []string{}}
	for key, s := range now {
		if old, ok := before[key]; !ok || !reflect.DeepEqual(old, s) {
			change.Changed = append(change.Changed, s)
		}
	}
	for key := range before {
		if _, ok := now[key]; !ok {
			change.Removed = append(change.Removed, key)
		}
	}
	slices.SortFunc(change.Changed, compareSessions)
	slices.Sort(change.Removed)
	return change
}

// wants tells whether a session is one of those asked for.
func (sub *subscription) wants(s protocol.Session) bool {
	return (len(sub.params.Types) == 0 || containsFold(sub.params.Types, s.Type)) &&
		(len(sub.params.Roles) == 0 || slices.Contains(sub.params.Roles, s.Role))
}

// deliver sends the part of a change that the subscription asked for, or keeps it until the reply is out.
func (sub *subscription) deliver(change protocol.SessionDidChangeParams, before map[string]protocol.Session) {
	mine := protocol.SessionDidChangeParams{Host: change.Host, Changed: []protocol.Session{}, Removed: []string{}, Error: change.Error}
	for _, s := range change.Changed {
		if sub.wants(s) {
			mine.Changed = append(mine.Changed, s)
		}
	}
	for _, key := range change.Removed {
		if sub.wants(before[key]) {
			mine.Removed = append(mine.Removed, key)
		}
	}
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if !sub.open {
		sub.waiting = append(sub.waiting, mine)
		return
	}
	sub.s.notify("session/didChange", mine)
}

// start sends what changed while the reply was on its way.
func (sub *subscription) start() {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	sub.open = true
	for _, change := range sub.waiting {
		sub.s.notify("session/didChange", change)
	}
	sub.waiting = nil
}
