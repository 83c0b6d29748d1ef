package broker

import (
	"context"
	"net"
	"strconv"
	"sync"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/tunnel"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// tunnels are the open tunnels of this broker.
type tunnels struct {
	hold func() func()

	mu     sync.Mutex
	nextID int
	byID   map[string]*openTunnel
}

// openTunnel is one tunnel and what LIST tells of it.
type openTunnel struct {
	way     *tunnel.Tunnel
	session driver.Session
	record  protocol.Tunnel
	release func()
}

func newTunnels(hold func() func()) *tunnels {
	if hold == nil {
		hold = func() func() { return func() {} }
	}
	return &tunnels{hold: hold, byID: make(map[string]*openTunnel)}
}

// open makes a tunnel to a session's VNC server.
func (t *tunnels) open(p place, f found) (*protocol.Tunnel, error) {
	port := f.session.ClientPort
	if port == 0 {
		return nil, protocol.Errorf(protocol.CodeUnsupported, "%s on %s has no VNC server; give it a display, or create it with console vnc", f.session.Label, f.host)
	}
	far := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	way, err := tunnel.Open(func(ctx context.Context) (net.Conn, error) { return p.Dial(ctx, "tcp", far) })
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.nextID++
	o := &openTunnel{way: way, session: f.session, release: t.hold(), record: protocol.Tunnel{
		Tunnel: "t" + strconv.Itoa(t.nextID), Host: f.host, Type: f.session.Type, Label: f.session.Label,
		Address: "127.0.0.1", CPort: way.Port(), SPort: port,
	}}
	t.byID[o.record.Tunnel] = o
	record := o.record
	return &record, nil
}

// end closes a tunnel.
func (t *tunnels) end(id string) error {
	t.mu.Lock()
	o, ok := t.byID[id]
	delete(t.byID, id)
	t.mu.Unlock()
	if !ok {
		return protocol.Errorf(protocol.CodeNotFound, "there is no tunnel %q", id)
	}
	defer o.release()
	return o.way.Close()
}

// close ends all tunnels.
func (t *tunnels) close() {
	t.mu.Lock()
	all := t.byID
	t.byID = make(map[string]*openTunnel)
	t.mu.Unlock()
	for _, o := range all {
		o.way.Close()
		o.release()
	}
}

// len counts the open tunnels.
func (t *tunnels) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.byID)
}

// rows are the tunnels as sessions of the local host, for LIST.
func (t *tunnels) rows(types []string) []protocol.Session {
	t.mu.Lock()
	defer t.mu.Unlock()
	var rows []protocol.Session
	for id, o := range t.byID {
		if len(types) > 0 && !containsFold(types, o.session.Type) {
			continue
		}
		row := wireSession(found{host: host.LocalName, session: o.session}, "")
		row.Key = host.LocalName + "/tunnel/" + id
		row.Type = "SSH(" + o.session.Type + ")"
		row.Role = protocol.RoleTunnel
		row.CPort, row.SPort, row.PID, row.Display = o.record.CPort, o.record.SPort, "", ""
		rows = append(rows, row)
	}
	return rows
}

// TunnelOpen implements protocol.Server.
func (s *session) TunnelOpen(ctx context.Context, params *protocol.TunnelOpenParams) (*protocol.TunnelOpenResult, error) {
	p, f, err := s.broker.running(ctx, params.Session, params.Host, params.Type, params.Address)
	if err != nil {
		return nil, wireError(err, params.Host)
	}
	opened, err := s.broker.tunnels.open(p, f)
	if err != nil {
		return nil, wireError(err, f.host)
	}
	s.broker.watches.refresh(host.LocalName)
	return &protocol.TunnelOpenResult{Tunnel: *opened}, nil
}

// TunnelClose implements protocol.Server.
func (s *session) TunnelClose(_ context.Context, params *protocol.TunnelCloseParams) (*protocol.Empty, error) {
	if err := s.broker.tunnels.end(params.Tunnel); err != nil {
		return nil, err
	}
	s.broker.watches.refresh(host.LocalName)
	return &protocol.Empty{}, nil
}
