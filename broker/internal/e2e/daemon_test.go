package e2e

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/conbroker/conbroker/rpc/client"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// readAll reads a console to its end.
func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// dial reads the first bytes that a server sends.
func dial(t *testing.T, address string, port, n int) string {
	t.Helper()
	conn, err := net.Dial("tcp", net.JoinHostPort(address, strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	data := make([]byte, n)
	if _, err := io.ReadFull(conn, data); err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestConsoleSurvivesTheEditor(t *testing.T) {
	b := newBed(t, "tst100")
	editor := b.start("auto", client.Handlers{})
	created := editor.create(protocol.SessionCreateParams{})
	editor.expect(created.Console, prompt)
	editor.shell(created.Console, "echo drawn before")
	for _, p := range b.processes("stdio") {
		p.kill()
	}
	<-editor.Done()

	next := b.start("auto", client.Handlers{})
	opened, err := next.ConsoleOpen(t.Context(), &protocol.ConsoleOpenParams{Session: protocol.SessionRef(created.Session.Key)})
	if err != nil {
		t.Fatal(err)
	}
	if opened.Console != created.Console || opened.Opened {
		t.Errorf("the console was not kept: %+v, was %s", opened, created.Console)
	}
	view, err := next.Attach(t.Context(), protocol.ConsoleAttachParams{Console: opened.Console})
	if err != nil {
		t.Fatal(err)
	}
	screen := make([]byte, 64<<10)
	n, err := view.Read(screen)
	if err != nil || !strings.Contains(string(screen[:n]), "drawn before") {
		t.Errorf("the screen after reattaching is %q, %v", screen[:n], err)
	}
	if err := view.Close(); err != nil {
		t.Error(err)
	}
	if said := next.shell(opened.Console, "echo drawn $((40+2))"); said != "drawn 42" {
		t.Errorf("after reattaching the guest said %q", said)
	}
	next.cancel(created.Session.Key, atOnce())
}

func TestGuestSurvivesTheDaemon(t *testing.T) {
	b := newBed(t, "tst100")
	first := b.start("auto", client.Handlers{})
	created := first.create(protocol.SessionCreateParams{})
	first.expect(created.Console, prompt)
	for _, p := range b.processes("conbroker daemon") {
		p.kill()
	}
	<-first.Done()

	second := b.start("auto", client.Handlers{})
	if state := second.state(); state != protocol.StateRunning {
		t.Fatalf("the new daemon sees tst100 as %s", state)
	}
	found := second.create(protocol.SessionCreateParams{Mode: protocol.ModeConnect})
	if found.Session.Key != created.Session.Key || found.Console == created.Console {
		t.Errorf("found %+v, was %+v", found, created)
	}
	if said := second.shell(found.Console, "uname -n"); said != "tst100" {
		t.Errorf("the guest said %q", said)
	}
	second.cancel(found.Session.Key, atOnce())
}

func TestTwoBrokersAtOnce(t *testing.T) {
	b := newBed(t, "tst100")
	one, two := b.start("off", client.Handlers{}), b.start("off", client.Handlers{})
	results := make(chan error, 2)
	for _, k := range []*broker{one, two} {
		go func() {
			_, err := k.SessionCreate(t.Context(), &protocol.SessionCreateParams{Address: b.address("tst100"), Console: protocol.ConsoleNone})
			results <- err
		}()
	}
	won, lost := <-results, <-results
	if won != nil {
		won, lost = lost, won
	}
	if won != nil {
		t.Fatal(won)
	}
	wantCode(t, lost, protocol.CodeAlreadyRunning)
	if running := b.qemu(); len(running) != 1 {
		t.Fatalf("running: %v", running)
	}

	connected := one.create(protocol.SessionCreateParams{Mode: protocol.ModeConnect})
	address := b.address("tst100")
	_, err := two.ConsoleOpen(t.Context(), &protocol.ConsoleOpenParams{Address: &address})
	if e := wantCode(t, err, protocol.CodeBusy); !strings.Contains(e.Data.Holder, "process") {
		t.Errorf("the holder is not named: %+v", e)
	}
	if _, err := one.ConsoleClose(t.Context(), &protocol.ConsoleCloseParams{Console: connected.Console}); err != nil {
		t.Fatal(err)
	}
	opened, err := two.ConsoleOpen(t.Context(), &protocol.ConsoleOpenParams{Address: &address})
	if err != nil {
		t.Fatalf("after the first broker gave the console back: %v", err)
	}
	two.shell(opened.Console, "true")
	one.cancel(connected.Session.Key, atOnce())
}

func TestManyClientsStartOneDaemon(t *testing.T) {
	b := newBed(t)
	results := make(chan error, 8)
	for range cap(results) {
		go func() {
			out, err := b.command(program, "call", "broker/status", "{}").CombinedOutput()
			if err != nil {
				err = fmt.Errorf("%w: %s", err, out)
			}
			results <- err
		}()
	}
	for range cap(results) {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if daemons := b.processes("conbroker daemon"); len(daemons) != 1 {
		t.Errorf("daemons: %v", daemons)
	}
}
