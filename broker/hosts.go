package broker

import (
	"context"
	"errors"
	"sync"

	"github.com/conbroker/conbroker/broker/internal/config"
	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// hostPool keeps one way to each host, made when it is first needed.
type hostPool struct {
	open func(ctx context.Context, settings config.HostSettings) (host.Host, error)

	// making is held per host while the way to it is made, so that it is made once; waiting for it can be cancelled.
	making keyedMutex

	mu      sync.Mutex
	entries map[string]*hostEntry
}

// hostEntry is one host: its way, and what the last attempt to reach it brought.
type hostEntry struct {
	way  host.Host         // under the pool's making
	home *host.Environment // likewise

	stateMu sync.Mutex
	state   protocol.HostState
	err     error
	types   []string
}

func newHostPool(open func(ctx context.Context, settings config.HostSettings) (host.Host, error)) *hostPool {
	return &hostPool{open: open, entries: make(map[string]*hostEntry)}
}

// entry returns the record of a host, new if need be.
func (p *hostPool) entry(name string) *hostEntry {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, ok := p.entries[name]
	if !ok {
		e = &hostEntry{state: protocol.HostUnknown}
		p.entries[name] = e
	}
	return e
}

// get returns the way to a host and the user's surroundings there.
func (p *hostPool) get(ctx context.Context, settings config.HostSettings) (host.Host, host.Environment, error) {
	unlock, err := p.making.lock(ctx, settings.Name)
	if err != nil {
		return nil, host.Environment{}, err
	}
	defer unlock()
	e := p.entry(settings.Name)
	if err := e.connect(ctx, p.open, settings); err != nil {
		if ctx.Err() == nil {
			e.note(protocol.HostFailed, err)
		}
		return nil, host.Environment{}, err
	}
	e.note(protocol.HostConnected, nil)
	return e.way, *e.home, nil
}

// connect makes what is missing of the entry.
func (e *hostEntry) connect(ctx context.Context, open func(context.Context, config.HostSettings) (host.Host, error), settings config.HostSettings) error {
	if e.way == nil {
		way, err := open(ctx, settings)
		if err != nil {
			return err
		}
		e.way = way
	}
	if e.home == nil {
		environment, err := host.ReadEnvironment(ctx, e.way)
		if err != nil {
			return err
		}
		e.home = &environment
	}
	return nil
}

// note remembers what an attempt brought.
func (e *hostEntry) note(state protocol.HostState, err error) {
	e.stateMu.Lock()
	defer e.stateMu.Unlock()
	e.state, e.err = state, err
}

// found remembers the session types that a host turned out to have.
func (e *hostEntry) found(types []string) {
	e.stateMu.Lock()
	defer e.stateMu.Unlock()
	e.types = types
}

// describe returns what is remembered.
func (e *hostEntry) describe() (state protocol.HostState, types []string, err error) {
	e.stateMu.Lock()
	defer e.stateMu.Unlock()
	return e.state, e.types, e.err
}

// close gives all ways back. No request runs any more.
func (p *hostPool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, e := range p.entries {
		if e.way != nil {
			errs = append(errs, e.way.Close())
		}
	}
	return errors.Join(errs...)
}

// place is a host that a request acts on: the way to it, the drivers that the request asks for, and where machine
// configurations are searched.
type place struct {
	host.Host
	environment host.Environment
	drivers     []driver.Driver
	basePaths   []string
	// named: the request, or the configuration of the host, says which session types to look at. Otherwise all are tried, and
	// one whose tool the host does not have is just not there.
	named bool
}

// absent tells whether an error of a driver only says that the host does not have the session type, and nobody said that it has.
func (p place) absent(err error) bool {
	return !p.named && errors.Is(err, host.ErrNotInstalled)
}

// place opens a host for a request. An empty name is the local host; types narrow the drivers.
func (b *Broker) place(ctx context.Context, name string, types []string) (place, error) {
	settings, drivers, err := b.scope(name, types)
	if err != nil {
		return place{}, err
	}
	way, environment, err := b.hosts.get(ctx, settings)
	if err != nil {
		return place{}, err
	}
	named := len(types) > 0 || len(settings.Types) > 0
	return place{Host: way, environment: environment, drivers: drivers, basePaths: settings.BasePaths, named: named}, nil
}

// scope finds the settings of a host and the drivers that a request asks for, without touching the host.
func (b *Broker) scope(name string, types []string) (config.HostSettings, []driver.Driver, error) {
	if name == "" {
		name = host.LocalName
	}
	names, err := b.config().ResolveHosts([]string{name})
	if err != nil {
		return config.HostSettings{}, nil, protocol.Errorf(protocol.CodeNotFound, "host %q: %v", name, err)
	}
	if len(names) != 1 {
		return config.HostSettings{}, nil, invalid("%q is a group of %d hosts; this request takes one host", name, len(names))
	}
	settings := b.config().Host(names[0])
	drivers, err := b.drivers(settings, types)
	return settings, drivers, err
}

// checkEscalation refuses an escalation that a host is not configured with: the way to a host is shared by all requests, and a
// request that asked for other rights must not run with those that are there.
func (b *Broker) checkEscalation(hostName string, wanted protocol.Escalation) error {
	settings, _, err := b.scope(hostName, nil)
	if err != nil || wanted == "" || string(wanted) == settings.Escalation {
		return err
	}
	return withHost(protocol.Errorf(protocol.CodeUnsupported, "%s is configured with escalation %q; to use %q, set hosts.%s.escalation in the configuration",
		settings.Name, settings.Escalation, wanted, settings.Name), settings.Name)
}

// drivers returns the drivers for the types asked for, or for those that the host is configured to have, or all.
func (b *Broker) drivers(settings config.HostSettings, types []string) ([]driver.Driver, error) {
	if len(types) == 0 {
		types = settings.Types
	}
	if len(types) == 0 {
		return b.options.Drivers, nil
	}
	var selected []driver.Driver
	for _, t := range types {
		d, ok := b.options.Drivers.Get(t)
		if !ok {
			return nil, protocol.Errorf(protocol.CodeUnsupported, "there is no driver for session type %q; this broker has %v", t, b.options.Drivers.Types())
		}
		selected = append(selected, d)
	}
	return selected, nil
}

// hostNames expands the hosts and groups of a request; none means all configured hosts.
func (b *Broker) hostNames(names []string) ([]string, error) {
	if len(names) == 0 {
		return b.config().HostNames(), nil
	}
	expanded, err := b.config().ResolveHosts(names)
	if err != nil {
		return nil, protocol.Errorf(protocol.CodeNotFound, "%v", err)
	}
	return expanded, nil
}

// overHosts runs f for each host at once, so that a dead one delays no other, and returns what failed, in the order of names.
func overHosts[T any](names []string, f func(name string) (T, []protocol.HostError)) ([]T, []protocol.HostError) {
	results := make([]T, len(names))
	failures := make([][]protocol.HostError, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() { results[i], failures[i] = f(name) })
	}
	wg.Wait()
	errs := []protocol.HostError{}
	for _, f := range failures {
		errs = append(errs, f...)
	}
	return results, errs
}

// HostList implements protocol.Server.
func (s *session) HostList(ctx context.Context, params *protocol.HostListParams) (*protocol.HostListResult, error) {
	settings := s.broker.config()
	names := settings.HostNames()
	hosts, _ := overHosts(names, func(name string) (protocol.Host, []protocol.HostError) {
		if params.Probe {
			s.broker.probe(ctx, name)
		}
		return s.broker.describeHost(settings.Host(name)), nil
	})
	groups := settings.Groups
	if groups == nil {
		groups = map[string][]string{}
	}
	return &protocol.HostListResult{Hosts: hosts, Groups: groups}, ctx.Err()
}

// probe asks a host which session types it has; what it finds, or why it could not, is remembered by the pool.
func (b *Broker) probe(ctx context.Context, name string) {
	p, err := b.place(ctx, name, nil)
	if err != nil {
		return
	}
	var types []string
	for _, d := range probeAll(ctx, p) {
		if d.info.State == driver.ProbeEnabled {
			types = append(types, d.info.Type)
		}
	}
	b.hosts.entry(name).found(types)
}

// describeHost is what is known of a host without asking it.
func (b *Broker) describeHost(settings config.HostSettings) protocol.Host {
	state, types, err := b.hosts.entry(settings.Name).describe()
	if types == nil {
		types = settings.Types
	}
	if types == nil {
		types = []string{}
	}
	return protocol.Host{
		Host: settings.Name, Address: settings.Address, Transport: protocol.Transport(settings.Transport), State: state,
		Types: types, Escalation: protocol.Escalation(settings.Escalation), Error: wireError(err, settings.Name),
	}
}
