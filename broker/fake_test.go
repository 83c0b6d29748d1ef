package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/conbroker/conbroker/broker/internal/config"
	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/host/local"
	"github.com/conbroker/conbroker/broker/internal/inventory"
	"github.com/conbroker/conbroker/consoles"
	"github.com/conbroker/conbroker/rpc/client"
	"github.com/conbroker/conbroker/rpc/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeDriver is a hypervisor in memory: for faults, races and orders of events that a real one does not produce on demand.
type fakeDriver struct {
	name string

	mu       sync.Mutex
	machines []driver.Machine
	problems []host.Problem
	running  map[string]*fakeGuest // by machine ID
	calls    []string
	watchers map[chan struct{}]struct{}
	fail     map[string]error // action -> what it returns
	nextPID  int
	ask      func(ctx context.Context) error // called by Create, if set
}

// fakeGuest is a machine that runs: its console echoes what is typed.
type fakeGuest struct {
	session driver.Session
	near    net.Conn // the broker's end
	far     net.Conn
}

func newFake(name string, machines ...driver.Machine) *fakeDriver {
	return &fakeDriver{
		name: name, machines: machines, running: map[string]*fakeGuest{}, watchers: map[chan struct{}]struct{}{}, fail: map[string]error{},
	}
}

func (d *fakeDriver) Type() string { return d.name }

func (d *fakeDriver) called(action, label string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = append(d.calls, action+" "+label)
	return d.fail[action]
}

func (d *fakeDriver) log() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.calls)
}

func (d *fakeDriver) Probe(context.Context, host.Host) (driver.Info, error) {
	return driver.Info{Type: d.name, State: driver.ProbeEnabled, Version: "fake 1.0"}, d.fail["probe"]
}

func (d *fakeDriver) List(context.Context, host.Host) ([]driver.Session, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []driver.Session
	for _, m := range d.machines {
		if g := d.running[m.ID]; g != nil {
			all = append(all, g.session)
		}
	}
	return all, d.fail["list"]
}

func (d *fakeDriver) Enumerate(_ context.Context, _ host.Host, roots []string) ([]driver.Machine, []host.Problem, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.machines), slices.Clone(d.problems), d.fail["enumerate"]
}

func (d *fakeDriver) start(m driver.Machine, state driver.State) driver.Session {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.nextPID++
	near, far := net.Pipe()
	s := driver.Session{
		Type: d.name, Label: m.Label, ID: m.ID, UUID: m.UUID, NICs: m.NICs, State: state, Role: driver.RoleServer,
		PID: fmt.Sprint(1000 + d.nextPID), Path: m.Path, ClientPort: 5900,
	}
	d.running[m.ID] = &fakeGuest{session: s, near: near, far: far}
	go io.Copy(far, far)
	d.changed()
	return s
}

// changed tells the watchers; d.mu is held.
func (d *fakeDriver) changed() {
	for w := range d.watchers {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

func (d *fakeDriver) Create(ctx context.Context, _ host.Host, m driver.Machine, o driver.CreateOptions) (driver.Session, error) {
	if err := d.called("create", m.Label); err != nil {
		return driver.Session{}, err
	}
	if d.ask != nil {
		if err := d.ask(ctx); err != nil {
			return driver.Session{}, err
		}
	}
	o.Notice("starting the fake")
	return d.start(m, driver.StateStarting), nil
}

func (d *fakeDriver) set(s driver.Session, state driver.State) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.running[s.ID]
	if g == nil {
		return driver.ErrNotRunning
	}
	g.session.State = state
	d.changed()
	return nil
}

func (d *fakeDriver) Begin(_ context.Context, _ host.Host, s driver.Session) error {
	if err := d.called("begin", s.Label); err != nil {
		return err
	}
	return d.set(s, driver.StateRunning)
}

func (d *fakeDriver) end(s driver.Session) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.running[s.ID]
	if g == nil {
		return driver.ErrNotRunning
	}
	delete(d.running, s.ID)
	g.far.Close()
	g.near.Close()
	d.changed()
	return nil
}

// stop ends the guests that a test left running.
func (d *fakeDriver) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, g := range d.running {
		g.far.Close()
	}
}

func (d *fakeDriver) Poweroff(_ context.Context, _ host.Host, s driver.Session, grace time.Duration) error {
	if err := d.called(fmt.Sprintf("poweroff:%v", grace.Seconds()), s.Label); err != nil {
		return err
	}
	return d.end(s)
}

func (d *fakeDriver) Reset(_ context.Context, _ host.Host, s driver.Session) error {
	return d.called("reset", s.Label)
}

func (d *fakeDriver) Reboot(_ context.Context, _ host.Host, s driver.Session, _ time.Duration) error {
	return d.called("reboot", s.Label)
}

func (d *fakeDriver) Pause(_ context.Context, _ host.Host, s driver.Session) error {
	return errors.Join(d.called("pause", s.Label), d.set(s, driver.StatePaused))
}

func (d *fakeDriver) Unpause(_ context.Context, _ host.Host, s driver.Session) error {
	return errors.Join(d.called("unpause", s.Label), d.set(s, driver.StateRunning))
}

func (d *fakeDriver) Console(_ context.Context, _ host.Host, s driver.Session, _ host.Terminal) (consoles.Stream, error) {
	if err := d.called("console", s.Label); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return fakeStream{d.running[s.ID].near}, nil
}

func (d *fakeDriver) Watch(ctx context.Context, _ host.Host) (<-chan struct{}, error) {
	changes := make(chan struct{}, 1)
	d.mu.Lock()
	d.watchers[changes] = struct{}{}
	d.mu.Unlock()
	context.AfterFunc(ctx, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.watchers, changes)
		close(changes)
	})
	return changes, nil
}

// fakeStream is the broker's end of a guest's console.
type fakeStream struct{ net.Conn }

func (fakeStream) Resize(consoles.Size) error { return nil }
func (fakeStream) Wait() consoles.ExitStatus  { return consoles.ExitStatus{Reason: "the guest is gone"} }

// machine makes a configured machine.
func machine(label, path string) driver.Machine {
	return driver.Machine{
		Type: "FAKE", Label: label, ID: path, Path: path, UUID: fmt.Sprintf("%032x", len(path)*7+len(label)),
		NICs: []driver.NIC{{MAC: "00:50:56:13:11:40", IP: "192.168.1.220"}},
	}
}

// lab is a broker with fake drivers on the real local host.
type lab struct {
	t      *testing.T
	broker *Broker
	dir    string
}

func newLab(t *testing.T, drivers ...driver.Driver) *lab {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"} {
		t.Setenv(name, filepath.Join(dir, name))
	}
	b, err := New(Options{
		Config: config.NewSource(""), Drivers: drivers, Inventory: inventory.Open(filepath.Join(dir, "inventory")),
		OpenHost: func(context.Context, config.HostSettings) (host.Host, error) { return local.New(local.Options{}), nil },
		Attach:   func(console string) []string { return []string{"conbroker", "attach", console} }, RecordDir: filepath.Join(dir, "rec"),
		Version: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		for _, d := range drivers {
			d.(*fakeDriver).stop()
		}
	})
	return &lab{t: t, broker: b, dir: dir}
}

// connect opens a connection to the lab's broker.
func (l *lab) connect(handlers client.Handlers) *client.Client {
	l.t.Helper()
	return l.connectAs(client.Options{Name: "test", Handler: handlers, Prompt: handlers.OnPrompt != nil})
}

// connectAs opens a connection with other options.
func (l *lab) connectAs(o client.Options) *client.Client {
	l.t.Helper()
	near, far := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- l.broker.Serve(context.Background(), far) }()
	c, err := client.New(l.t.Context(), near, o)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		c.Close()
		if err := <-served; err != nil {
			l.t.Errorf("serve: %v", err)
		}
	})
	return c
}

// wantCode fails the test unless err is a protocol error with the code.
func wantCode(t *testing.T, err error, code protocol.ErrorCode) *protocol.Error {
	t.Helper()
	wire, ok := errors.AsType[*protocol.Error](err)
	if !ok || wire.Code != code {
		t.Fatalf("got error %v, want code %d (%s)", err, code, code.Kind())
	}
	return wire
}
