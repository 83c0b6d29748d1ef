package consoles

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Defaults of Options.
const (
	defaultScrollback = 1 << 20
	defaultBudget     = 64 << 20
	defaultRetain     = 32
	defaultRetainFor  = 10 * time.Minute
)

// Options configures a Hub. The zero value is usable.
type Options struct {
	// Scrollback is the size of each console's ring in bytes; 1 MiB if 0.
	Scrollback int
	// Budget bounds the bytes of all rings together; 64 MiB if 0. It is never
	// exceeded: when it is used up, the longest idle rings shrink first.
	Budget int64
	// Retain is how many closed consoles stay listed and attachable, so that
	// the last words of a guest that died can be read; 32 if 0. Closed consoles
	// that clients are attached to are not counted.
	Retain int
	// RetainFor is how long they stay; 10 minutes if 0.
	RetainFor time.Duration
	// Logger receives what goes wrong in the background; discarded if nil.
	// Guest output is never logged.
	Logger *slog.Logger
	// OnChange is told about consoles. It is called without locks held, from
	// several goroutines, and should return soon. It must not close a console or
	// the hub, which would wait for the goroutine that it runs on.
	OnChange func(Change)
}

// ChangeKind says what happened to a console.
type ChangeKind string

// The kinds of Change.
const (
	Opened         ChangeKind = "opened"
	Reopened       ChangeKind = "reopened" // the stream ended and a new one took its place
	ConsoleClosed  ChangeKind = "closed"
	Forgotten      ChangeKind = "forgotten" // a closed console left the list
	WriterChange   ChangeKind = "writer"
	SizeChange     ChangeKind = "size"
	RecordingFault ChangeKind = "recording" // recording failed, or goes on after a failure
)

// Change tells that a console changed; its Info shows the present state.
type Change struct {
	Kind    ChangeKind
	Console *Console
}

// Hub holds the consoles of a process.
type Hub struct {
	opt     Options
	log     *slog.Logger
	budget  budget
	buffers sync.Pool // *[maxChunk]byte, for the data of events

	mu       sync.Mutex
	consoles map[string]*Console   // what is listed, by id
	rings    map[*Console]struct{} // what holds memory: also replaced ones that clients still read
	closed   bool
}

// NewHub returns an empty hub. Close it when done.
func NewHub(o Options) *Hub {
	o.Scrollback = max(cmp.Or(o.Scrollback, defaultScrollback), minScrollback)
	o.Budget = cmp.Or(o.Budget, defaultBudget)
	o.Retain = cmp.Or(o.Retain, defaultRetain)
	o.RetainFor = cmp.Or(o.RetainFor, defaultRetainFor)
	h := &Hub{opt: o, log: o.Logger, consoles: make(map[string]*Console), rings: make(map[*Console]struct{})}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	h.budget.limit = o.Budget
	h.buffers.New = func() any { return new([maxChunk]byte) }
	return h
}

// Open makes a console of stream s and starts to read it. The console owns s
// from then on; if Open fails, s still belongs to the caller. A closed console
// with the same id is forgotten.
//
// Errors: ErrExists, ErrClosed (the hub), ErrBudget.
func (h *Hub) Open(spec Spec, s Stream) (*Console, error) {
	if spec.ID == "" {
		return nil, errors.New("open console: it has no id")
	}
	c := newConsole(h, spec, s)
	size := c.ring.nextSize(h.share())
	if !h.allocate(c, 0, size) {
		return nil, fmt.Errorf("open console %s: %w (%d bytes)", spec.ID, ErrBudget, h.budget.limit)
	}
	c.ring.push(make([]byte, size))
	replaced, err := h.add(c)
	if err != nil {
		c.free()
		return nil, fmt.Errorf("open console %s: %w", spec.ID, err)
	}
	if replaced != nil {
		replaced.forget()
	}
	c.start()
	h.changed(Opened, c)
	return c, nil
}

// add lists c. It returns the closed console with its id that c takes the place of.
func (h *Hub) add(c *Console) (replaced *Console, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrClosed
	}
	old := h.consoles[c.spec.ID]
	if old != nil && !old.isClosed() {
		return nil, ErrExists
	}
	h.consoles[c.spec.ID] = c
	h.rings[c] = struct{}{}
	return old, nil
}

// Get returns the console with that id, open or retained.
func (h *Hub) Get(id string) (*Console, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, ok := h.consoles[id]
	return c, ok
}

// List describes all consoles, open and retained, oldest first.
func (h *Hub) List() []Info {
	all := h.all()
	list := make([]Info, len(all))
	for i, c := range all {
		list[i] = c.Info()
	}
	slices.SortFunc(list, func(a, b Info) int {
		return cmp.Or(a.OpenedAt.Compare(b.OpenedAt), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// Len returns the number of open consoles.
func (h *Hub) Len() int {
	n := 0
	for _, c := range h.all() {
		if !c.isClosed() {
			n++
		}
	}
	return n
}

// Held returns the bytes that all rings hold now; never more than Options.Budget.
func (h *Hub) Held() int64 { return h.budget.used.Load() }

// Close closes all consoles, waits until they have ended, and forgets them.
func (h *Hub) Close() error {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	var wg sync.WaitGroup
	for _, c := range h.all() {
		wg.Go(c.Close)
	}
	wg.Wait()
	for _, c := range h.all() {
		h.drop(c)
	}
	return nil
}

// all returns the listed consoles in no particular order.
func (h *Hub) all() []*Console {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]*Console, 0, len(h.consoles))
	for _, c := range h.consoles {
		list = append(list, c)
	}
	return list
}

// holders returns the consoles that hold memory.
func (h *Hub) holders() []*Console {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]*Console, 0, len(h.rings))
	for c := range h.rings {
		list = append(list, c)
	}
	return list
}

// changed tells the owner of the hub. No locks are held.
func (h *Hub) changed(kind ChangeKind, c *Console) {
	if h.opt.OnChange != nil {
		h.opt.OnChange(Change{Kind: kind, Console: c})
	}
}
