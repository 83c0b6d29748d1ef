package broker

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/conbroker/conbroker/broker/internal/config"
	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/rpc/client"
	"github.com/conbroker/conbroker/rpc/protocol"
)

func byLabel(label string) protocol.Address { return protocol.Address{Label: label} }

func TestCreateModes(t *testing.T) {
	for _, c := range []struct {
		name  string
		state driver.State // of the session before; empty: none
		mode  protocol.CreateMode
		code  protocol.ErrorCode
		calls string // what the driver did
	}{
		{"start", "", "", 0, "create tst100,console tst100,begin tst100"},
		{"start on a running one", driver.StateRunning, "", protocol.CodeAlreadyRunning, ""},
		{"start on a paused one", driver.StatePaused, protocol.ModeStart, protocol.CodeAlreadyRunning, ""},
		{"connect without one", "", protocol.ModeConnect, protocol.CodeNotRunning, ""},
		{"connect", driver.StateRunning, protocol.ModeConnect, 0, "console tst100"},
		{"reuse without one", "", protocol.ModeReuse, 0, "create tst100,console tst100,begin tst100"},
		{"reuse", driver.StateRunning, protocol.ModeReuse, 0, "console tst100"},
		{"reconnect", driver.StateRunning, protocol.ModeReconnect, 0, "console tst100"},
		{"resume a paused one", driver.StatePaused, protocol.ModeResume, 0, "unpause tst100,console tst100"},
		{"resume a running one", driver.StateRunning, protocol.ModeResume, protocol.CodeAlreadyRunning, ""},
		{"resume with a driver that cannot", "", protocol.ModeResume, protocol.CodeUnsupported, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := machine("tst100", "/vm/tst100.toml")
			d := newFake("FAKE", m)
			if c.state != "" {
				d.start(m, c.state)
			}
			conn := newLab(t, d).connect(client.Handlers{})
			result, err := conn.SessionCreate(t.Context(), &protocol.SessionCreateParams{Address: byLabel("tst100"), Mode: c.mode, Console: "cli"})
			if got := strings.Join(d.log(), ","); got != c.calls {
				t.Errorf("the driver did %q, want %q", got, c.calls)
			}
			if c.code != 0 {
				wantCode(t, err, c.code)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if result.Session.State != protocol.StateRunning || result.Console == "" || result.Attach[2] != result.Console {
				t.Errorf("result %+v", result)
			}
			if result.Started != (c.state == "") {
				t.Errorf("started = %v", result.Started)
			}
		})
	}
}

func TestCreateWithoutConsole(t *testing.T) {
	d := newFake("FAKE", machine("tst100", "/vm/tst100.toml"))
	conn := newLab(t, d).connect(client.Handlers{})
	result, err := conn.SessionCreate(t.Context(), &protocol.SessionCreateParams{Address: byLabel("tst100"), Console: "none"})
	if err != nil {
		t.Fatal(err)
	}
	if result.Console != "" || slices.Contains(d.log(), "console tst100") {
		t.Errorf("a console was opened: %+v, %v", result, d.log())
	}
}

func TestCreateThatFailsLeavesNothing(t *testing.T) {
	for _, action := range []string{"console", "begin"} {
		d := newFake("FAKE", machine("tst100", "/vm/tst100.toml"))
		d.fail[action] = errors.New("no")
		conn := newLab(t, d).connect(client.Handlers{})
		if _, err := conn.SessionCreate(t.Context(), &protocol.SessionCreateParams{Address: byLabel("tst100"), Console: "cli"}); err == nil {
			t.Errorf("%s failed, create did not", action)
		}
		if !slices.Contains(d.log(), "poweroff:0 tst100") || len(d.running) != 0 {
			t.Errorf("after a failed %s: %v, running %v", action, d.log(), d.running)
		}
	}
}

func TestAddressThatFitsSeveral(t *testing.T) {
	d := newFake("FAKE", machine("tst100", "/vm/tst100.toml"), machine("tst100", "/vm/backup/tst100.toml"))
	d.start(d.machines[0], driver.StateRunning)
	conn := newLab(t, d).connect(client.Handlers{})
	_, err := conn.SessionCreate(t.Context(), &protocol.SessionCreateParams{Address: byLabel("tst100"), Mode: "reuse"})
	e := wantCode(t, err, protocol.CodeAmbiguous)
	if len(e.Data.Candidates) != 2 || e.Data.Candidates[1].Path != "/vm/backup/tst100.toml" || e.Data.Candidates[0].State != "running" || e.Data.Candidates[1].State != "off" {
		t.Errorf("candidates %+v", e.Data.Candidates)
	}
	_, err = conn.SessionCancel(t.Context(), &protocol.SessionCancelParams{Address: &protocol.Address{Label: "tst100"}})
	wantCode(t, err, protocol.CodeAmbiguous)
	if calls := d.log(); len(calls) != 0 {
		t.Errorf("something was done to one of them: %v", calls)
	}
	_, err = conn.SessionCancel(t.Context(), &protocol.SessionCancelParams{Address: &protocol.Address{Filename: "vm/tst100.toml"}})
	if err != nil {
		t.Errorf("by path: %v", err)
	}
}

func TestAddressThatFitsNothing(t *testing.T) {
	d := newFake("FAKE", machine("tst100", "/vm/tst100.toml"))
	conn := newLab(t, d).connect(client.Handlers{})
	for name, c := range map[string]struct {
		address protocol.Address
		code    protocol.ErrorCode
	}{
		"an unknown label":      {byLabel("tst999"), protocol.CodeNotFound},
		"a part of a label":     {byLabel("tst10"), protocol.CodeNotFound},
		"a pattern":             {byLabel("tst.*"), protocol.CodeNotFound},
		"no key at all":         {protocol.Address{}, protocol.CodeInvalidParams},
		"a base path only":      {protocol.Address{BasePath: []string{"/vm"}}, protocol.CodeInvalidParams},
		"a malformed uuid":      {protocol.Address{UUID: "xyz"}, protocol.CodeInvalidParams},
		"a key that disagrees":  {protocol.Address{Label: "tst100", MAC: "00:50:56:13:11:99"}, protocol.CodeNotFound},
		"a part of a file name": {protocol.Address{Filename: "st100.toml"}, protocol.CodeNotFound},
	} {
		_, err := conn.SessionCreate(t.Context(), &protocol.SessionCreateParams{Address: c.address})
		if e := wantCode(t, err, c.code); c.code == protocol.CodeNotFound && e.Data.Host != "localhost" {
			t.Errorf("%s: the error does not name the host: %+v", name, e)
		}
	}
	if calls := d.log(); len(calls) != 0 {
		t.Errorf("something was done: %v", calls)
	}
}

func TestFileThatCannotBeReadIsTheAnswer(t *testing.T) {
	d := newFake("FAKE", machine("tst100", "/vm/tst100.toml"))
	mistake := &config.Error{File: "/vm/odd.toml", Line: 3, Text: `unknown key "memroy"`}
	d.problems = []host.Problem{{Path: "/vm/odd.toml", Err: &driver.MachineError{Label: "tst101", Err: mistake}}}
	conn := newLab(t, d).connect(client.Handlers{})
	for _, address := range []protocol.Address{{Label: "tst101"}, {Label: "odd"}, {Pathname: "/vm/odd.toml"}, {Filename: "odd.toml"}} {
		_, err := conn.SessionCreate(t.Context(), &protocol.SessionCreateParams{Address: address})
		if e := wantCode(t, err, protocol.CodeConfigInvalid); e.Data.File != "/vm/odd.toml" || e.Data.Line != 3 {
			t.Errorf("data %+v", e.Data)
		}
	}
	result, err := conn.MachineEnumerate(t.Context(), &protocol.MachineEnumerateParams{})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Machines) != 1 || len(result.Problems) != 1 || result.Problems[0].Line != 3 {
		t.Errorf("enumerate %+v", result)
	}
}

func TestTwoCreatesAtOnce(t *testing.T) {
	d := newFake("FAKE", machine("tst100", "/vm/tst100.toml"))
	l := newLab(t, d)
	a, b := l.connect(client.Handlers{}), l.connect(client.Handlers{})
	errs := make(chan error, 2)
	for _, conn := range []*client.Client{a, b} {
		go func() {
			_, err := conn.SessionCreate(context.Background(), &protocol.SessionCreateParams{Address: byLabel("tst100")})
			errs <- err
		}()
	}
	first, second := <-errs, <-errs
	if first != nil {
		first, second = second, first
	}
	if first != nil {
		t.Fatal(first)
	}
	wantCode(t, second, protocol.CodeAlreadyRunning)
}

func TestNoticeAndProgressReachTheClient(t *testing.T) {
	d := newFake("FAKE", machine("tst100", "/vm/tst100.toml"))
	notices := make(chan string, 10)
	kinds := make(chan protocol.ProgressKind, 100)
	conn := newLab(t, d).connect(client.Handlers{
		OnShowMessage: func(_ context.Context, p *protocol.MessageParams) error { notices <- p.Message; return nil },
		OnProgress: func(_ context.Context, p *protocol.ProgressParams) error {
			if string(p.Token) == `"job"` {
				kinds <- p.Value.Kind
			}
			return nil
		},
	})
	_, err := conn.SessionCreate(t.Context(), &protocol.SessionCreateParams{
		WorkDone: protocol.WorkDone{WorkDoneToken: protocol.ProgressToken(`"job"`)}, Address: byLabel("tst100"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if text := <-notices; text != "starting the fake" {
		t.Errorf("notice %q", text)
	}
	var got []protocol.ProgressKind
	for len(got) == 0 || got[len(got)-1] != protocol.ProgressEnd {
		got = append(got, <-kinds)
	}
	if got[0] != protocol.ProgressBegin || len(got) < 4 {
		t.Errorf("progress %v", got)
	}
}

func TestEscalationMustBeTheHostsOwn(t *testing.T) {
	d := newFake("FAKE", machine("tst100", "/vm/tst100.toml"))
	conn := newLab(t, d).connect(client.Handlers{})
	_, err := conn.SessionCreate(t.Context(), &protocol.SessionCreateParams{Address: byLabel("tst100"), Escalation: "sudo"})
	wantCode(t, err, protocol.CodeUnsupported)
	_, err = conn.ConsoleOpen(t.Context(), &protocol.ConsoleOpenParams{Session: "localhost/FAKE/tst100/00000000", Escalation: "sudo"})
	wantCode(t, err, protocol.CodeUnsupported)
	if _, err := conn.SessionCreate(t.Context(), &protocol.SessionCreateParams{Address: byLabel("tst100"), Escalation: "none"}); err != nil {
		t.Errorf("the configured one: %v", err)
	}
}
