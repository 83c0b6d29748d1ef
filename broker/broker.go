// Package broker holds the use cases of conbroker: create, cancel, list, enumerate, show and info of machines on hosts, and the
// consoles to them. A [Broker] is shared by all connections; each connection is served by a session of its own, made by
// [Broker.Serve]. What a machine is and does is the drivers' business, how bytes flow that of the consoles package, and how
// messages travel that of rpc.
package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/conbroker/conbroker/broker/internal/config"
	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/inventory"
	"github.com/conbroker/conbroker/broker/internal/prompt"
	"github.com/conbroker/conbroker/consoles"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// Options are what the program gives its broker.
type Options struct {
	// Config is the configuration. It is asked at each request, so a changed file takes effect without a restart.
	Config *config.Source
	// Drivers are the session types, in the order in which they are asked.
	Drivers driver.Registry
	// OpenHost makes the way to a host. It is called once per host, and again after the host was closed.
	OpenHost func(ctx context.Context, settings config.HostSettings) (host.Host, error)
	// Prompts holds the questions to people; the ways to hosts ask through it. Nil means that nothing ever asks.
	Prompts *prompt.Registry
	// Inventory is the cache of enumerations.
	Inventory *inventory.Store
	// RecordDir is where consoles are recorded when the configuration says so.
	RecordDir string
	// Attach returns the command that attaches a terminal to a console of this broker.
	Attach func(console string) []string
	// Persistent: the broker outlives its connections, so consoles that it holds are kept for later.
	Persistent bool
	// Hold is called when a console or tunnel opens; what it returns is called when it ended. It keeps the program alive
	// meanwhile. May be nil.
	Hold func() (release func())
	// Version and Build name the program.
	Version, Build string
	// Logger gets what nobody waits for. May be nil.
	Logger *slog.Logger
}

// Broker is what all connections share.
type Broker struct {
	options Options
	log     *slog.Logger
	started time.Time
	hub     *consoles.Hub
	hosts   *hostPool
	guests  *guestConsoles
	watches *watches
	tunnels *tunnels
	locks   keyedMutex

	sessionsMu sync.Mutex
	sessions   map[*session]struct{}

	holdsMu sync.Mutex
	holds   map[*consoles.Console]func()
}

// New returns a broker. Close it when no connection needs it any more.
func New(o Options) (*Broker, error) {
	if o.Prompts == nil {
		o.Prompts = prompt.NewRegistry()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	settings, err := o.Config.Current()
	if err != nil {
		return nil, err
	}
	b := &Broker{
		options: o, log: o.Logger, started: time.Now(),
		sessions: make(map[*session]struct{}), holds: make(map[*consoles.Console]func()),
	}
	b.hub = consoles.NewHub(consoles.Options{
		Scrollback: int(settings.Consoles.Scrollback), Logger: o.Logger, OnChange: b.consoleChanged,
	})
	b.hosts = newHostPool(o.OpenHost)
	b.guests = newGuestConsoles()
	b.watches = newWatches(b)
	b.tunnels = newTunnels(o.Hold)
	return b, nil
}

// Hub is the console hub, for the program's attach socket.
func (b *Broker) Hub() *consoles.Hub { return b.hub }

// Close ends watches, tunnels, consoles and the ways to the hosts. Guests run on.
func (b *Broker) Close() error {
	b.watches.close()
	b.tunnels.close()
	return errors.Join(b.hub.Close(), b.hosts.close())
}

// config returns the configuration as it is now. A file with a mistake does not take effect; the last good one stays.
func (b *Broker) config() *config.Config {
	settings, err := b.options.Config.Current()
	if err != nil {
		b.log.Warn("the configuration has a mistake; the last good one stays in force", "error", err)
	}
	return settings
}

// consoleChanged keeps what depends on the hub's consoles up to date.
func (b *Broker) consoleChanged(c consoles.Change) {
	switch c.Kind {
	case consoles.Opened:
		b.hold(c.Console)
	case consoles.ConsoleClosed:
		b.release(c.Console)
		b.guests.forget(c.Console)
	case consoles.Forgotten:
		for _, s := range b.allSessions() {
			s.forgetConsole(c.Console)
		}
		return
	case consoles.RecordingFault:
		b.reportRecording(c.Console)
		return
	default:
		return
	}
	if o := originOf(c.Console); o.session != "" {
		b.watches.refresh(o.host)
	}
}

// hold keeps the program alive for an open console.
func (b *Broker) hold(c *consoles.Console) {
	if b.options.Hold == nil {
		return
	}
	release := b.options.Hold()
	b.holdsMu.Lock()
	defer b.holdsMu.Unlock()
	b.holds[c] = release
}

// release is the end of hold.
func (b *Broker) release(c *consoles.Console) {
	b.holdsMu.Lock()
	release := b.holds[c]
	delete(b.holds, c)
	b.holdsMu.Unlock()
	if release != nil {
		release()
	}
}

// reportRecording tells every person that a recording has a hole, or goes on.
func (b *Broker) reportRecording(c *consoles.Console) {
	recording := c.Info().Recording
	text := fmt.Sprintf("recording of console %s to %s goes on; %d bytes are missing in it", c.ID(), recording.Path, recording.Lost)
	kind := protocol.MessageInfo
	if recording.Error != "" {
		text = fmt.Sprintf("recording of console %s to %s failed: %s; the console itself is not affected, and recording goes on when it can",
			c.ID(), recording.Path, recording.Error)
		kind = protocol.MessageError
	}
	b.log.Warn(text)
	for _, s := range b.allSessions() {
		s.show(kind, text)
	}
}

// allSessions returns the connections that are served now.
func (b *Broker) allSessions() []*session {
	b.sessionsMu.Lock()
	defer b.sessionsMu.Unlock()
	all := make([]*session, 0, len(b.sessions))
	for s := range b.sessions {
		all = append(all, s)
	}
	return all
}

// keyedMutex gives one mutex per key, and forgets those that nobody holds.
type keyedMutex struct {
	mu    sync.Mutex
	slots map[string]*slot
}

// slot is one key's mutex: a channel with room for one, so that waiting can be cancelled.
type slot struct {
	turn  chan struct{}
	users int
}

// lock waits for the key's mutex and returns the way to unlock it.
func (k *keyedMutex) lock(ctx context.Context, key string) (unlock func(), err error) {
	k.mu.Lock()
	if k.slots == nil {
		k.slots = make(map[string]*slot)
	}
	s, ok := k.slots[key]
	if !ok {
		s = &slot{turn: make(chan struct{}, 1)}
		k.slots[key] = s
	}
	s.users++
	k.mu.Unlock()
	select {
	case s.turn <- struct{}{}:
		return func() { <-s.turn; k.leave(key, s) }, nil
	case <-ctx.Done():
		k.leave(key, s)
		return nil, ctx.Err()
	}
}

// leave drops one user of a slot.
func (k *keyedMutex) leave(key string, s *slot) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s.users--; s.users == 0 {
		delete(k.slots, key)
	}
}
