package broker

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/consoles"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// origin says what a console belongs to; it is the Meta of each console of this broker.
type origin struct {
	host        string
	sessionType string
	session     string // key; empty for a shell on a host
	pid         string // of the session, to tell a machine from the next one that runs under its name
	kind        protocol.OpenKind
}

// originOf returns what a console belongs to.
func originOf(c *consoles.Console) origin { return c.Meta().(origin) }

// guestConsoles knows the open console of each session.
type guestConsoles struct {
	mu    sync.Mutex
	byKey map[string]*consoles.Console
}

func newGuestConsoles() *guestConsoles {
	return &guestConsoles{byKey: make(map[string]*consoles.Console)}
}

// get returns the console of a session, if it is open.
func (g *guestConsoles) get(key string) (*consoles.Console, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c, ok := g.byKey[key]
	return c, ok
}

// console returns the key of the console of a session, empty if there is none.
func (g *guestConsoles) console(key string) string {
	if c, ok := g.get(key); ok {
		return c.ID()
	}
	return ""
}

// put records a console that was opened. One that ended meanwhile is left out.
func (g *guestConsoles) put(key string, c *consoles.Console) {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-c.Done():
	default:
		g.byKey[key] = c
	}
}

// forget drops a console that ended.
func (g *guestConsoles) forget(c *consoles.Console) {
	g.mu.Lock()
	defer g.mu.Unlock()
	key := originOf(c).session
	if g.byKey[key] == c {
		delete(g.byKey, key)
	}
}

// dismiss ends all attachments to a session's console; the console goes on.
func (g *guestConsoles) dismiss(key, reason string) {
	if c, ok := g.get(key); ok {
		c.Dismiss(reason)
	}
}

// openGuest returns the console of a session: the one that is open, or a new one.
func (b *Broker) openGuest(ctx context.Context, p place, f found, t host.Terminal) (c *consoles.Console, opened bool, err error) {
	key := f.key()
	unlock, err := b.locks.lock(ctx, "console/"+key)
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	if c, ok := b.guests.get(key); ok {
		if originOf(c).pid == f.session.PID {
			return c, false, nil
		}
		c.Close() // of an earlier machine of that name, whose end has not been noticed yet
	}
	if f.session.State == driver.StateSuspended {
		return nil, false, protocol.Errorf(protocol.CodeNotRunning, "%s on %s is suspended; conbroker create --mode=resume brings it back", f.session.Label, f.host)
	}
	consoler, ok := f.driver.(driver.Consoler)
	if !ok {
		return nil, false, unsupported("open the console of", f)
	}
	stream, err := consoler.Console(ctx, p.Host, f.session, t)
	if err != nil {
		return nil, false, err
	}
	c, err = b.openConsole(stream, f.session.Label, t, origin{
		host: f.host, sessionType: f.session.Type, session: key, pid: f.session.PID, kind: protocol.OpenGuest,
	})
	if err != nil {
		return nil, false, err
	}
	b.guests.put(key, c)
	return c, true, nil
}

// openShell opens a shell on a host.
func (b *Broker) openShell(ctx context.Context, hostName string, t host.Terminal) (*consoles.Console, error) {
	p, err := b.place(ctx, hostName, []string{driver.TypePM})
	if err != nil {
		return nil, err
	}
	sessions, err := p.drivers[0].List(ctx, p.Host)
	if err != nil {
		return nil, err
	}
	consoler, ok := p.drivers[0].(driver.Consoler)
	if !ok || len(sessions) == 0 {
		return nil, protocol.Errorf(protocol.CodeUnsupported, "%s gives no shell", p.Name())
	}
	stream, err := consoler.Console(ctx, p.Host, sessions[0], t)
	if err != nil {
		return nil, err
	}
	return b.openConsole(stream, p.Name(), t, origin{host: p.Name(), sessionType: driver.TypePM, kind: protocol.OpenHost})
}

// openConsole gives a stream to the hub.
func (b *Broker) openConsole(stream consoles.Stream, label string, t host.Terminal, o origin) (*consoles.Console, error) {
	id := consoleID(label)
	c, err := b.hub.Open(consoles.Spec{
		ID: id, Label: label, Kind: string(o.kind), Host: o.host, Title: label + " on " + o.host, Size: t.Size, Term: t.Term,
		Meta: o, Record: b.recording(id),
	}, stream)
	if err != nil {
		if closeErr := stream.Close(); closeErr != nil {
			b.log.Warn("closing a stream that became no console failed", "label", label, "error", closeErr)
		}
		return nil, err
	}
	return c, nil
}

// recording says where a console is recorded, as the configuration wants it.
func (b *Broker) recording(id string) consoles.RecordSpec {
	if b.config().ConsoleSettings().Record != "on" {
		return consoles.RecordSpec{}
	}
	if err := os.MkdirAll(b.options.RecordDir, 0o700); err != nil {
		b.log.Warn("the directory for recordings could not be made", "error", err)
	}
	name := time.Now().UTC().Format("20060102T150405Z") + "-" + id + ".cast"
	return consoles.RecordSpec{Path: filepath.Join(b.options.RecordDir, name)}
}

// consoleID makes the key of a console: readable by its label, and never used again for another machine, not even by the next
// broker.
func consoleID(label string) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return '_'
	}, label)
	if len(clean) > 32 {
		clean = clean[:32]
	}
	var unique [5]byte
	rand.Read(unique[:])
	return strings.TrimLeft(clean, ".-") + "-" + strings.ToLower(base32.StdEncoding.EncodeToString(unique[:]))
}

// ConsoleOpen implements protocol.Server.
func (s *session) ConsoleOpen(ctx context.Context, params *protocol.ConsoleOpenParams) (*protocol.ConsoleOpenResult, error) {
	report := s.begin(params.WorkDone, "Open console")
	defer report.end()
	if err := s.broker.checkEscalation(hostOf(params.Session, params.Host), params.Escalation); err != nil {
		return nil, err
	}
	t := terminal(params.Size, params.Term)
	if params.Kind == protocol.OpenHost {
		c, err := s.broker.openShell(ctx, params.Host, t)
		if err != nil {
			return nil, wireError(err, params.Host)
		}
		return s.openedConsole(c, true), nil
	}
	p, f, err := s.broker.running(ctx, params.Session, params.Host, params.Type, params.Address)
	if err != nil {
		return nil, wireError(err, params.Host)
	}
	if params.Kind == protocol.OpenVNC {
		tunnel, err := s.broker.tunnels.open(p, f)
		if err != nil {
			return nil, wireError(err, f.host)
		}
		return &protocol.ConsoleOpenResult{Tunnel: tunnel, Label: f.session.Label, Host: f.host, Opened: true}, nil
	}
	c, opened, err := s.broker.openGuest(ctx, p, f, t)
	if err != nil {
		return nil, wireError(err, f.host)
	}
	return s.openedConsole(c, opened), nil
}

// openedConsole is the answer for an open console.
func (s *session) openedConsole(c *consoles.Console, opened bool) *protocol.ConsoleOpenResult {
	info := c.Info()
	return &protocol.ConsoleOpenResult{
		Console: info.ID, Attach: s.broker.options.Attach(info.ID), Label: info.Label, Host: info.Host, Opened: opened,
	}
}

// find returns a console by its key.
func (b *Broker) find(id string) (*consoles.Console, error) {
	if c, ok := b.hub.Get(id); ok {
		return c, nil
	}
	return nil, protocol.Errorf(protocol.CodeNotFound, "there is no console %q; console/list shows those that this broker holds", id)
}

// ConsoleList implements protocol.Server.
func (s *session) ConsoleList(context.Context, *protocol.Empty) (*protocol.ConsoleListResult, error) {
	result := &protocol.ConsoleListResult{Consoles: []protocol.Console{}}
	for _, info := range s.broker.hub.List() {
		if c, ok := s.broker.hub.Get(info.ID); ok {
			result.Consoles = append(result.Consoles, s.wireConsole(info, originOf(c)))
		}
	}
	return result, nil
}

// wireConsole converts the description of a console.
func (s *session) wireConsole(i consoles.Info, o origin) protocol.Console {
	c := protocol.Console{
		Console: i.ID, Label: i.Label, Host: i.Host, Type: o.sessionType, Kind: o.kind, State: protocol.ConsoleState(i.State),
		Session: o.session, Size: wireSize(i.Size), Opened: i.OpenedAt.UTC().Format(time.RFC3339), Offset: i.Offset,
		Oldest: i.Oldest, Writer: i.Writer, Attachments: len(i.Attachments), Recording: i.Recording.Path,
		RecordingError: i.Recording.Error, RecordingLost: i.Recording.Lost, Attach: s.broker.options.Attach(i.ID),
	}
	if i.State == consoles.StateClosed {
		exit := wireExit(i.Exit)
		c.Exit = &exit
	}
	return c
}

// wireSize converts a size.
func wireSize(s consoles.Size) protocol.Size { return protocol.Size{Cols: s.Cols, Rows: s.Rows} }

// wireExit converts an exit status.
func wireExit(e consoles.ExitStatus) protocol.ConsoleExit {
	return protocol.ConsoleExit{Code: e.Code, Signal: e.Signal, Reason: e.Reason}
}

// ConsoleClose implements protocol.Server.
func (s *session) ConsoleClose(_ context.Context, params *protocol.ConsoleCloseParams) (*protocol.Empty, error) {
	c, err := s.broker.find(params.Console)
	if err != nil {
		return nil, err
	}
	c.Close()
	return &protocol.Empty{}, nil
}

// ConsoleSnapshot implements protocol.Server.
func (s *session) ConsoleSnapshot(_ context.Context, params *protocol.ConsoleSnapshotParams) (*protocol.ConsoleSnapshotResult, error) {
	c, err := s.broker.find(params.Console)
	if err != nil {
		return nil, err
	}
	screen := c.Snapshot()
	return &protocol.ConsoleSnapshotResult{
		Text: strings.Join(screen.Lines, "\n"), Lines: screen.Lines,
		Cursor: protocol.Cursor{Col: screen.Col, Row: screen.Row, Visible: screen.CursorVisible},
		Size:   wireSize(screen.Size), Title: screen.Title, AltScreen: screen.AltScreen, Offset: screen.Offset,
	}, nil
}

// badSize refuses a size that no terminal has.
func badSize(size *protocol.Size) error {
	if size != nil && (size.Cols < 1 || size.Rows < 1 || size.Cols > 1000 || size.Rows > 1000) {
		return invalid("size %dx%d: columns and rows must be 1 to 1000", size.Cols, size.Rows)
	}
	return nil
}

// noAttachment is the error for an attachment that this connection does not have.
func noAttachment(id string) error {
	return protocol.Errorf(protocol.CodeNotFound, "this connection has no attachment %q", id)
}
