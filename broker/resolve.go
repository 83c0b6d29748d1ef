package broker

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"

	"github.com/conbroker/conbroker/broker/internal/address"
	"github.com/conbroker/conbroker/broker/internal/config"
	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/inventory"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// target is what an address can select on a host: a configured machine, the session that runs from it, or both.
type target struct {
	driver  driver.Driver
	machine *driver.Machine
	session *found
}

// label is the target's name for people.
func (t target) label() string {
	if t.machine != nil {
		return t.machine.Label
	}
	return t.session.session.Label
}

// matches tells whether an address fits the configured machine or the running session.
func (t target) matches(a address.Address) bool {
	return t.machine != nil && a.Matches(inventory.Target(*t.machine)) ||
		t.session != nil && a.Matches(sessionTarget(*t.session))
}

// candidate describes the target in an ambiguous error.
func (t target) candidate(hostName string) protocol.Candidate {
	var c protocol.Candidate
	if t.session != nil {
		s := wireSession(*t.session, "")
		c = protocol.Candidate{Type: s.Type, Label: s.Label, ID: s.ID, Path: s.Path, UUID: s.UUID, MAC: s.MAC, TCP: s.TCP, State: s.State}
	}
	if t.machine != nil {
		m := wireMachine(hostName, *t.machine, protocol.StateOff)
		state := m.State
		if t.session != nil {
			state = c.State
		}
		c = protocol.Candidate{Type: m.Type, Label: m.Label, ID: m.ID, Path: m.Path, UUID: m.UUID, MAC: m.MAC, TCP: m.TCP, Serial: m.Serial, State: state}
	}
	c.Host = hostName
	return c
}

// resolve is the one resolver for every action: it returns the only target on the host that the address fits. None is
// notFound, several are ambiguous with all candidates.
func (b *Broker) resolve(ctx context.Context, p place, wire protocol.Address) (target, error) {
	a, err := addressOf(&wire).Normalize(p.environment.Home)
	if err != nil {
		return target{}, err
	}
	if a.IsZero() {
		return target{}, invalid("the address selects nothing: give a label, uuid, mac, tcp, pathname, filename or id")
	}
	targets, problems, err := b.targets(ctx, p, searchPaths(p, a))
	if err != nil {
		return target{}, err
	}
	var hits []target
	for _, t := range targets {
		if t.matches(a) {
			hits = append(hits, t)
		}
	}
	switch len(hits) {
	case 0:
		return target{}, notFound(p.Name(), a, problems)
	case 1:
		return hits[0], nil
	default:
		return target{}, ambiguous(p.Name(), a, hits)
	}
}

// searchPaths says where configurations are looked for: where the address says, and a path that it names in any case.
func searchPaths(p place, a address.Address) []string {
	roots := p.basePaths
	if len(a.BasePath) > 0 {
		roots = a.BasePath
	}
	for _, file := range []string{a.Pathname, a.ID} {
		if path.IsAbs(file) {
			roots = append(roots[:len(roots):len(roots)], file)
		}
	}
	return roots
}

// targets returns everything that an address may select on the host, each machine joined with its session. A driver that
// fails is an error here: an answer that hides a machine could make an ambiguous address look exact.
func (b *Broker) targets(ctx context.Context, p place, roots []string) ([]target, []host.Problem, error) {
	perDriver := make([][]target, len(p.drivers))
	problems := make([][]host.Problem, len(p.drivers))
	errs := make([]error, len(p.drivers))
	var wg sync.WaitGroup
	for i, d := range p.drivers {
		wg.Go(func() { perDriver[i], problems[i], errs[i] = driverTargets(ctx, p, d, roots) })
	}
	wg.Wait()
	var all []target
	var unread []host.Problem
	for i := range p.drivers {
		all = append(all, perDriver[i]...)
		unread = append(unread, problems[i]...)
	}
	return all, unread, errors.Join(errs...)
}

// driverTargets is targets for one driver.
func driverTargets(ctx context.Context, p place, d driver.Driver, roots []string) ([]target, []host.Problem, error) {
	machines, problems, err := d.Enumerate(ctx, p.Host, roots)
	if err != nil {
		return nil, nil, err
	}
	sessions, err := d.List(ctx, p.Host)
	if err != nil && !p.absent(err) {
		return nil, nil, err
	}
	var targets []target
	joined := make([]bool, len(sessions))
	for _, m := range machines {
		t := target{driver: d, machine: &m}
		for i, s := range sessions {
			if sameMachine(m, s) {
				t.session, joined[i] = &found{host: p.Name(), driver: d, session: s}, true
			}
		}
		targets = append(targets, t)
	}
	for i, s := range sessions {
		if !joined[i] {
			targets = append(targets, target{driver: d, session: &found{host: p.Name(), driver: d, session: s}})
		}
	}
	return targets, problems, nil
}

// sameMachine tells whether a session runs from a machine's configuration. The type's own identifier decides; where a
// session does not know it, the UUID does.
func sameMachine(m driver.Machine, s driver.Session) bool {
	if s.ID != "" && m.ID != "" {
		return s.ID == m.ID
	}
	return m.UUID != "" && m.UUID == s.UUID
}

// notFound is the error for an address that fits nothing. A file that could not be read and may be the one that was meant is
// the better answer.
func notFound(hostName string, a address.Address, problems []host.Problem) error {
	for _, p := range problems {
		if mayBeMeant(a, p) {
			return p.Err
		}
	}
	text := fmt.Sprintf("no machine on %s fits %s", hostName, a)
	if len(problems) > 0 {
		text += fmt.Sprintf("; %d configuration(s) could not be read, such as %v", len(problems), problems[0].Err)
	} else {
		text += "; conbroker enumerate " + hostName + " lists what is there"
	}
	return withHost(protocol.Errorf(protocol.CodeNotFound, "%s", text), hostName)
}

// mayBeMeant tells whether an address may have meant a file that could not be read.
func mayBeMeant(a address.Address, p host.Problem) bool {
	if labelled, ok := errors.AsType[*driver.MachineError](p.Err); ok && labelled.Label != "" && labelled.Label == a.Label {
		return true
	}
	if !is[*config.Error](p.Err) {
		return false
	}
	base := strings.TrimSuffix(path.Base(p.Path), path.Ext(p.Path))
	named := address.Address{Pathname: a.Pathname, Filename: a.Filename, ID: a.ID}
	return a.Label != "" && a.Label == base || !named.IsZero() && named.Matches(address.Target{Path: p.Path, ID: p.Path})
}

// ambiguous is the error for an address that fits several.
func ambiguous(hostName string, a address.Address, hits []target) error {
	e := protocol.Errorf(protocol.CodeAmbiguous, "%s fits %d machines on %s; name one by its path, uuid or mac", a, len(hits), hostName)
	for _, t := range hits {
		e.Data.Candidates = append(e.Data.Candidates, t.candidate(hostName))
	}
	return withHost(e, hostName)
}

// byKey finds a session by the key that an earlier answer gave.
func (b *Broker) byKey(ctx context.Context, key string) (place, found, error) {
	hostName, sessionType, ok := keyScope(key)
	if !ok {
		return place{}, found{}, invalid("%q is not a session key; session/list gives them as \"key\"", key)
	}
	p, err := b.place(ctx, hostName, []string{sessionType})
	if err != nil {
		return place{}, found{}, err
	}
	sessions, err := p.drivers[0].List(ctx, p.Host)
	if err != nil {
		return place{}, found{}, err
	}
	for _, s := range sessions {
		f := found{host: hostName, driver: p.drivers[0], session: s}
		if f.key() == key {
			return p, f, nil
		}
	}
	return place{}, found{}, withHost(protocol.Errorf(protocol.CodeNotRunning, "session %s does not run any more", key), hostName)
}

// running finds the one running session that a request names, by its key or by host, type and address.
func (b *Broker) running(ctx context.Context, ref protocol.SessionRef, hostName, sessionType string, a *protocol.Address) (place, found, error) {
	if ref != "" {
		return b.byKey(ctx, string(ref))
	}
	if a == nil {
		return place{}, found{}, invalid("name the session: give session, or host and address")
	}
	p, err := b.place(ctx, hostName, typeList(sessionType))
	if err != nil {
		return place{}, found{}, err
	}
	t, err := b.resolve(ctx, p, *a)
	if err != nil {
		return place{}, found{}, err
	}
	if t.session == nil {
		return place{}, found{}, notRunning(p.Name(), t)
	}
	return p, *t.session, nil
}

// notRunning is the error for a machine that must run and does not.
func notRunning(hostName string, t target) error {
	return withHost(protocol.Errorf(protocol.CodeNotRunning, "%s on %s is not running; conbroker create l:%s@%s starts it",
		t.label(), hostName, t.label(), hostName), hostName)
}

// typeList is the list of types that an optional type stands for.
func typeList(sessionType string) []string {
	if sessionType == "" {
		return nil
	}
	return []string{sessionType}
}
