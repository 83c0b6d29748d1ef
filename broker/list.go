package broker

import (
	"context"
	"slices"
	"sync"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// SessionList implements protocol.Server.
func (s *session) SessionList(ctx context.Context, params *protocol.SessionListParams) (*protocol.SessionListResult, error) {
	report := s.begin(params.WorkDone, "List sessions")
	defer report.end()
	names, err := s.broker.hostNames(params.Hosts)
	if err != nil {
		return nil, err
	}
	if err := s.broker.checkTypes(params.Types); err != nil {
		return nil, err
	}
	perHost, errs := overHosts(names, func(name string) ([]protocol.Session, []protocol.HostError) {
		defer report.step(name)
		return s.broker.listHost(ctx, name, params.Types)
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return &protocol.SessionListResult{Sessions: filterRoles(slices.Concat(perHost...), params.Roles), Errors: errs}, nil
}

// checkTypes refuses session types that no host can have, rather than answering with an empty list.
func (b *Broker) checkTypes(types []string) error {
	_, err := b.drivers(b.config().Host(host.LocalName), types)
	return err
}

// listHost returns what runs on one host, in the order of the drivers, and what could not be asked.
func (b *Broker) listHost(ctx context.Context, name string, types []string) ([]protocol.Session, []protocol.HostError) {
	p, err := b.place(ctx, name, types)
	if err != nil {
		return nil, hostFailed(name, "", err)
	}
	perDriver := make([][]protocol.Session, len(p.drivers))
	failures := make([][]protocol.HostError, len(p.drivers))
	var wg sync.WaitGroup
	for i, d := range p.drivers {
		wg.Go(func() {
			sessions, err := d.List(ctx, p.Host)
			if err != nil && !p.absent(err) {
				failures[i] = hostFailed(name, d.Type(), err)
				return
			}
			perDriver[i] = b.wireSessions(name, d, sessions)
		})
	}
	wg.Wait()
	all := slices.Concat(perDriver...)
	if name == host.LocalName {
		all = append(all, b.tunnels.rows(types)...)
	}
	return all, slices.Concat(failures...)
}

// wireSessions converts a driver's sessions.
func (b *Broker) wireSessions(hostName string, d driver.Driver, sessions []driver.Session) []protocol.Session {
	out := make([]protocol.Session, len(sessions))
	for i, s := range sessions {
		f := found{host: hostName, driver: d, session: s}
		out[i] = wireSession(f, b.guests.console(f.key()))
	}
	return out
}

// filterRoles keeps the sessions with one of the roles; no roles keep all. The result is never nil.
func filterRoles(sessions []protocol.Session, roles []protocol.Role) []protocol.Session {
	kept := make([]protocol.Session, 0, len(sessions))
	for _, s := range sessions {
		if len(roles) == 0 || slices.Contains(roles, s.Role) {
			kept = append(kept, s)
		}
	}
	return kept
}

// hostFailed is the entry for a host, or a driver on it, that could not be asked.
func hostFailed(hostName, sessionType string, err error) []protocol.HostError {
	return []protocol.HostError{{Host: hostName, Type: sessionType, Error: wireError(err, hostName)}}
}
