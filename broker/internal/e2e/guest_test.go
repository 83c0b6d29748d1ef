package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conbroker/conbroker/rpc/client"
	"github.com/conbroker/conbroker/rpc/protocol"
)

func TestCreateWorkListCancel(t *testing.T) {
	modes(t, func(t *testing.T, remote string) {
		b := newBed(t, "tst100")
		k := b.start(remote, client.Handlers{})
		created := k.create(protocol.SessionCreateParams{})
		if s := created.Session; s.Type != "QEMU" || s.MAC != "00:50:56:13:11:40" || s.TCP != "192.168.1.220" || s.UUID != "6842caf91e3e43249ed596b8b9f2c5c2" || s.State != protocol.StateRunning {
			t.Errorf("session %+v", s)
		}
		boot := k.expect(created.Console, prompt)
		if !strings.Contains(boot.Before, "conbroker demo guest") {
			t.Errorf("the first words of the guest are missing: %q", boot.Before)
		}
		if said := k.shell(created.Console, "uname -n -s"); said != "Linux tst100" {
			t.Errorf("uname said %q", said)
		}
		if said := k.shell(created.Console, `printf %s 'grün €' | od -An -tx1`); said != "67 72 c3 bc 6e 20 e2 82 ac" {
			t.Errorf("the guest got other bytes than were typed: %q", said)
		}
		screen, err := k.ConsoleSnapshot(t.Context(), &protocol.ConsoleSnapshotParams{Console: created.Console})
		if err != nil || !strings.Contains(screen.Text, "67 72 c3 bc") {
			t.Errorf("snapshot %+v, %v", screen, err)
		}
		_, err = k.SessionCreate(t.Context(), &protocol.SessionCreateParams{Address: b.address("tst100")})
		wantCode(t, err, protocol.CodeAlreadyRunning)
		outcome := k.cancel(created.Session.Key, protocol.SessionCancelParams{})
		if outcome.State != protocol.StateOff || k.state() != protocol.StateOff || len(b.qemu()) != 0 {
			t.Errorf("after poweroff: %s, %s, %v", outcome.State, k.state(), b.qemu())
		}
	})
}

func TestRebootAndResetKeepTheConsole(t *testing.T) {
	b := newBed(t, "tst100")
	k := b.start("off", client.Handlers{})
	created := k.create(protocol.SessionCreateParams{})
	k.expect(created.Console, prompt)
	for _, method := range []protocol.CancelMethod{protocol.CancelReboot, protocol.CancelReset} {
		k.shell(created.Console, "touch /tmp/before")
		long := patience.Seconds()
		if outcome := k.cancel(created.Session.Key, protocol.SessionCancelParams{Method: method, Timeout: &long}); outcome.State != protocol.StateRunning {
			t.Errorf("after %s: %s", method, outcome.State)
		}
		k.expect(created.Console, prompt)
		if said := k.shell(created.Console, "ls /tmp"); strings.Contains(said, "before") {
			t.Errorf("after %s the guest is still the old one: %q", method, said)
		}
	}
	k.cancel(created.Session.Key, atOnce())
}

func TestPauseSuspendResume(t *testing.T) {
	b := newBed(t, "tst100")
	k := b.start("off", client.Handlers{})
	created := k.create(protocol.SessionCreateParams{})
	k.expect(created.Console, prompt)
	k.shell(created.Console, "echo kept > /tmp/state")

	if outcome := k.cancel(created.Session.Key, protocol.SessionCancelParams{Method: protocol.CancelPause}); outcome.State != protocol.StatePaused {
		t.Errorf("after pause: %s", outcome.State)
	}
	resumed := k.create(protocol.SessionCreateParams{Mode: protocol.ModeResume})
	if resumed.Started || resumed.Console != created.Console || resumed.Session.State != protocol.StateRunning {
		t.Errorf("resume of a paused guest: %+v", resumed)
	}

	chosen := filepath.Join(b.dir, "state", "my state.stat")
	for _, stateFile := range []string{"", chosen} {
		outcome := k.cancel(created.Session.Key, protocol.SessionCancelParams{Method: protocol.CancelSuspend, StateFile: stateFile})
		if outcome.StateFile == "" || stateFile != "" && outcome.StateFile != stateFile || len(b.qemu()) != 0 {
			t.Fatalf("suspend to %q: %+v, running %v", stateFile, outcome, b.qemu())
		}
		if info, err := os.Stat(outcome.StateFile); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("state file: %v, %v", info, err)
		}
		back := k.create(protocol.SessionCreateParams{Mode: protocol.ModeResume, StateFile: stateFile})
		if said := k.shell(back.Console, "cat /tmp/state"); said != "kept" {
			t.Errorf("after resume from %q the guest said %q", stateFile, said)
		}
	}
	k.cancel(created.Session.Key, atOnce())
}

func TestGuestThatDiesWhileItsConsoleIsOpen(t *testing.T) {
	modes(t, func(t *testing.T, remote string) {
		b := newBed(t, "tst100")
		changes := make(chan *protocol.SessionDidChangeParams, 100)
		k := b.start(remote, client.Handlers{OnSessionDidChange: func(_ context.Context, p *protocol.SessionDidChangeParams) error {
			changes <- p
			return nil
		}})
		if _, err := k.SessionWatch(t.Context(), &protocol.SessionWatchParams{SessionListParams: protocol.SessionListParams{Types: []string{"QEMU"}}}); err != nil {
			t.Fatal(err)
		}
		created := k.create(protocol.SessionCreateParams{})
		k.expect(created.Console, prompt)
		k.shell(created.Console, "echo last words")
		view, err := k.Attach(t.Context(), protocol.ConsoleAttachParams{Console: created.Console})
		if err != nil {
			t.Fatal(err)
		}
		b.qemu()[0].kill()
		seen := readAll(t, view)
		if !strings.Contains(seen, "last words") || view.Exit() == nil {
			t.Errorf("the viewer saw %q, exit %+v", seen, view.Exit())
		}
		for gone := false; !gone; {
			change := <-changes
			for _, key := range change.Removed {
				gone = gone || key == created.Session.Key
			}
		}
		_, err = k.ConsoleOpen(t.Context(), &protocol.ConsoleOpenParams{Session: protocol.SessionRef(created.Session.Key)})
		wantCode(t, err, protocol.CodeNotRunning)
		again := k.create(protocol.SessionCreateParams{}) // what the dead one left does not stand in the way
		k.expect(again.Console, prompt)
		k.cancel(again.Session.Key, atOnce())
	})
}

func TestVNC(t *testing.T) {
	b := newBed(t, "tst100")
	k := b.start("off", client.Handlers{})
	created, err := k.SessionCreate(t.Context(), &protocol.SessionCreateParams{Address: b.address("tst100"), Console: protocol.ConsoleVNC})
	if err != nil {
		t.Fatal(err)
	}
	if s := created.Session; s.CPort < 5900 || s.Display == "" {
		t.Errorf("no display: %+v", s)
	}
	opened, err := k.ConsoleOpen(t.Context(), &protocol.ConsoleOpenParams{Session: protocol.SessionRef(created.Session.Key), Kind: protocol.OpenVNC})
	if err != nil {
		t.Fatal(err)
	}
	if banner := dial(t, opened.Tunnel.Address, opened.Tunnel.CPort, 12); !strings.HasPrefix(banner, "RFB 003.") {
		t.Errorf("through the tunnel came %q", banner)
	}
	list, err := k.SessionList(t.Context(), &protocol.SessionListParams{Roles: []protocol.Role{protocol.RoleTunnel}})
	if err != nil || len(list.Sessions) != 1 || list.Sessions[0].Type != "SSH(QEMU)" || list.Sessions[0].CPort != opened.Tunnel.CPort {
		t.Errorf("tunnel rows %+v, %v", list, err)
	}
	if _, err := k.TunnelClose(t.Context(), &protocol.TunnelCloseParams{Tunnel: opened.Tunnel.Tunnel}); err != nil {
		t.Error(err)
	}
	k.cancel(created.Session.Key, atOnce())
}

func TestRecordingHoldsOutputAndNoInput(t *testing.T) {
	b := newBed(t, "tst100")
	config := filepath.Join(b.dir, "config", "conbroker", "config.toml")
	if err := os.MkdirAll(filepath.Dir(config), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte("[consoles]\nrecord = \"on\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	k := b.start("off", client.Handlers{})
	created := k.create(protocol.SessionCreateParams{})
	k.expect(created.Console, prompt)
	k.shell(created.Console, "stty -echo")
	k.shell(created.Console, "secret=hunter2")
	k.shell(created.Console, "echo ${#secret} letters")
	k.cancel(created.Session.Key, atOnce())
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(b.dir, "state", "conbroker", "recordings", "*-"+created.Console+".cast"))
	if err != nil || len(files) != 1 {
		t.Fatalf("recordings %v, %v", files, err)
	}
	info, err := os.Stat(files[0])
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(text), `{"version":2,`) || !strings.Contains(string(text), "conbroker demo guest") || !strings.Contains(string(text), "7 letters") {
		t.Errorf("the recording does not show what the guest said:\n%s", text)
	}
	if strings.Contains(string(text), "hunter2") {
		t.Error("the recording holds what was typed")
	}
}
