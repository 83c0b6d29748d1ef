package broker

import (
	"context"
	"errors"
	"testing"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/rpc/client"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// watcher is a connection that collects what is pushed.
func (l *lab) watcher() (*client.Client, <-chan *protocol.SessionDidChangeParams) {
	changes := make(chan *protocol.SessionDidChangeParams, 100)
	return l.connect(client.Handlers{OnSessionDidChange: func(_ context.Context, p *protocol.SessionDidChangeParams) error {
		changes <- p
		return nil
	}}), changes
}

func TestWatchPushesChanges(t *testing.T) {
	m := machine("tst100", "/vm/tst100.toml")
	d := newFake("FAKE", m)
	l := newLab(t, d)
	conn, changes := l.watcher()
	first, err := conn.SessionWatch(t.Context(), &protocol.SessionWatchParams{})
	if err != nil || len(first.Sessions) != 0 {
		t.Fatalf("%+v, %v", first, err)
	}
	s := d.start(m, driver.StateRunning)
	change := <-changes
	if len(change.Changed) != 1 || change.Changed[0].Label != "tst100" || change.Host != "localhost" {
		t.Fatalf("after a start by somebody else: %+v", change)
	}
	key := change.Changed[0].Key
	if err := d.set(s, driver.StatePaused); err != nil {
		t.Fatal(err)
	}
	if change = <-changes; change.Changed[0].State != protocol.StatePaused || change.Changed[0].Key != key {
		t.Errorf("after a pause: %+v", change)
	}
	if err := d.end(s); err != nil {
		t.Fatal(err)
	}
	if change = <-changes; len(change.Removed) != 1 || change.Removed[0] != key {
		t.Errorf("after the end: %+v", change)
	}
}

func TestWatchShowsAFailureAndItsEnd(t *testing.T) {
	m := machine("tst100", "/vm/tst100.toml")
	d := newFake("FAKE", m)
	d.start(m, driver.StateRunning)
	l := newLab(t, d)
	conn, changes := l.watcher()
	if _, err := conn.SessionWatch(t.Context(), &protocol.SessionWatchParams{}); err != nil {
		t.Fatal(err)
	}
	set := func(err error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.fail["list"] = err
		d.changed()
	}
	set(errors.New("the tool is gone"))
	if change := <-changes; change.Error == nil || len(change.Removed) != 0 {
		t.Errorf("a host that cannot be asked: %+v", change)
	}
	set(nil)
	if change := <-changes; change.Error != nil || len(change.Changed) != 0 {
		t.Errorf("a host that can be asked again: %+v", change)
	}
}

func TestWatchIsNarrowedAndStopped(t *testing.T) {
	m := machine("tst100", "/vm/tst100.toml")
	d, other := newFake("FAKE", m), newFake("OTHER", machine("tst200", "/vm/tst200.toml"))
	l := newLab(t, d, other)
	conn, changes := l.watcher()
	narrow := &protocol.SessionWatchParams{SessionListParams: protocol.SessionListParams{Types: []string{"FAKE"}}}
	if _, err := conn.SessionWatch(t.Context(), narrow); err != nil {
		t.Fatal(err)
	}
	other.start(other.machines[0], driver.StateRunning)
	d.start(m, driver.StateRunning)
	for change := range changes {
		for _, s := range change.Changed {
			if s.Type != "FAKE" {
				t.Errorf("got a change of type %s", s.Type)
			}
		}
		if len(change.Changed) > 0 {
			break
		}
	}
	if _, err := conn.SessionWatch(t.Context(), &protocol.SessionWatchParams{Stop: true}); err != nil {
		t.Fatal(err)
	}
	if n := len(l.broker.watches.hosts); n != 0 {
		t.Errorf("%d hosts are still watched", n)
	}
}

// A session type whose tool a host does not have is no failure of the host, unless somebody asked for that type.
func TestTypeThatTheHostDoesNotHave(t *testing.T) {
	d, none := newFake("FAKE", machine("tst100", "/vm/tst100.toml")), newFake("NONE")
	none.fail["list"] = &host.Error{Host: host.LocalName, Action: "run xl", Err: host.ErrNotInstalled}
	conn, _ := newLab(t, d, none).watcher()
	list, err := conn.SessionList(t.Context(), &protocol.SessionListParams{})
	if err != nil || len(list.Errors) != 0 {
		t.Errorf("nobody asked for it: %+v, %v", list, err)
	}
	list, err = conn.SessionList(t.Context(), &protocol.SessionListParams{Types: []string{"NONE"}})
	if err != nil || len(list.Errors) != 1 || list.Errors[0].Error.Code != protocol.CodeUnsupported {
		t.Errorf("asked for: %+v, %v", list, err)
	}
	if _, err := conn.SessionCreate(t.Context(), &protocol.SessionCreateParams{Address: byLabel("tst100")}); err != nil {
		t.Errorf("create of another type: %v", err)
	}
	watched, err := conn.SessionWatch(t.Context(), &protocol.SessionWatchParams{})
	if err != nil || len(watched.Errors) != 0 || len(watched.Sessions) != 1 {
		t.Errorf("watch: %+v, %v", watched, err)
	}
}
