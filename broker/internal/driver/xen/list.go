package xen

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

// List returns the domains of the host, domain 0 among them, and the suspended machines whose state file exists. It takes one
// round trip. Path and ID are known for domains that xl started with an absolute path and still watches over.
func (d *Driver) List(ctx context.Context, h host.Host) ([]driver.Session, error) {
	s, err := d.look(ctx, h, full)
	if err != nil {
		return nil, fmt.Errorf("list %s sessions: %w", Type, err)
	}
	sessions := make([]driver.Session, 0, len(s.domains)+len(s.saved))
	for _, dom := range s.domains {
		sessions = append(sessions, s.session(dom))
	}
	for _, r := range s.saved {
		if s.byName(r.Label) == nil {
			sessions = append(sessions, s.suspended(r))
		}
	}
	return sessions, nil
}

// session is a domain as a record of LIST.
func (s *survey) session(d *domain) driver.Session {
	session := driver.Session{
		Type: Type, Label: d.name, ID: d.config, UUID: d.uuid, NICs: d.nics, State: d.state(), Role: driver.RoleServer,
		PID: strconv.Itoa(d.id), Hypervisor: s.hypervisor, Accelerator: accelerator(d.kind), Arch: s.machine, Path: d.config,
		ClientPort: d.vncPort, Handle: d,
	}
	if d.id == 0 {
		session.User, session.Group, session.Control = "root", "root", true
	}
	if len(d.nics) > 0 {
		session.Interface = d.nics[0].Name
	}
	if d.vncPort >= vncBase {
		session.Display = ":" + strconv.Itoa(d.vncPort-vncBase)
	}
	return session
}

// suspended is a saved machine as a record of LIST.
func (s *survey) suspended(r *record) driver.Session {
	return driver.Session{
		Type: Type, Label: r.Label, ID: r.Config, UUID: r.UUID, NICs: r.NICs, State: driver.StateSuspended,
		Role: driver.RoleServer, Hypervisor: s.hypervisor, Arch: s.machine, Path: r.Config, StateFile: r.State, Handle: r,
	}
}

// accelerator is the kind of a domain in the words of the tables.
func accelerator(kind string) string {
	switch kind {
	case "pv", "":
		return "PARA"
	}
	return strings.ToUpper(kind)
}

// find returns what a session is now: the same domain, or after a reboot its successor of the same name and UUID. A session
// that is gone is ErrNotRunning, and so is a suspended one.
func (d *Driver) find(ctx context.Context, h host.Host, session driver.Session) (*domain, error) {
	if session.State == driver.StateSuspended {
		return nil, fmt.Errorf("it is suspended: %w", driver.ErrNotRunning)
	}
	s, err := d.look(ctx, h, brief)
	if err != nil {
		return nil, err
	}
	if id, err := strconv.Atoi(session.PID); err == nil {
		if now := s.byID(id); now != nil && now.uuid == session.UUID {
			return now, guard(now)
		}
	}
	if now := s.byName(session.Label); now != nil && now.uuid == session.UUID {
		return now, nil
	}
	return nil, driver.ErrNotRunning
}

// guard keeps domain 0 from what is meant for guests.
func guard(d *domain) error {
	if d.id == 0 {
		return fmt.Errorf("domain 0 is the host itself: %w", driver.ErrUnsupported)
	}
	return nil
}
