package broker

import (
	"errors"
	"slices"
	"testing"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/rpc/client"
	"github.com/conbroker/conbroker/rpc/protocol"
)

func seconds(n float64) *float64 { return &n }

func TestCancelMethods(t *testing.T) {
	for _, c := range []struct {
		name   string
		params protocol.SessionCancelParams
		state  driver.State
		calls  []string
		code   protocol.ErrorCode // of the session's own outcome
		after  protocol.SessionState
	}{
		{"the default", protocol.SessionCancelParams{}, driver.StateRunning, []string{"poweroff:20 tst100"}, 0, "off"},
		{"at once", protocol.SessionCancelParams{Timeout: seconds(0)}, driver.StateRunning, []string{"poweroff:0 tst100"}, 0, "off"},
		{"a paused guest", protocol.SessionCancelParams{Timeout: seconds(2.5)}, driver.StatePaused, []string{"unpause tst100", "poweroff:2.5 tst100"}, 0, "off"},
		{"a suspended guest", protocol.SessionCancelParams{}, driver.StateSuspended, nil, protocol.CodeNotRunning, "suspended"},
		{"a suspended guest by force", protocol.SessionCancelParams{Force: true}, driver.StateSuspended, []string{"poweroff:20 tst100"}, 0, "off"},
		{"reset", protocol.SessionCancelParams{Method: "reset"}, driver.StateRunning, []string{"reset tst100"}, 0, "running"},
		{"reboot", protocol.SessionCancelParams{Method: "reboot"}, driver.StateRunning, []string{"reboot tst100"}, 0, "running"},
		{"pause", protocol.SessionCancelParams{Method: "pause"}, driver.StateRunning, []string{"pause tst100"}, 0, "paused"},
		{"suspend without the ability", protocol.SessionCancelParams{Method: "suspend"}, driver.StateRunning, nil, protocol.CodeUnsupported, "running"},
		{"init without the ability", protocol.SessionCancelParams{Method: "init", Level: "6"}, driver.StateRunning, nil, protocol.CodeUnsupported, "running"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := machine("tst100", "/vm/tst100.toml")
			d := newFake("FAKE", m)
			d.start(m, c.state)
			conn := newLab(t, d).connect(client.Handlers{})
			c.params.Address = &protocol.Address{Label: "tst100"}
			result, err := conn.SessionCancel(t.Context(), &c.params)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(d.log(), c.calls) {
				t.Errorf("the driver did %v, want %v", d.log(), c.calls)
			}
			outcome := result.Results[0]
			if outcome.State != c.after {
				t.Errorf("state after: %s, want %s", outcome.State, c.after)
			}
			if c.code != 0 {
				wantCode(t, outcome.Error, c.code)
			} else if outcome.Error != nil {
				t.Error(outcome.Error)
			}
		})
	}
}

func TestCancelThatSelectsBadly(t *testing.T) {
	m := machine("tst100", "/vm/tst100.toml")
	d := newFake("FAKE", m)
	pm := newFake(driver.TypePM, driver.Machine{Type: driver.TypePM, Label: "here", ID: "pm"})
	pm.start(pm.machines[0], driver.StateRunning)
	conn := newLab(t, d, pm).connect(client.Handlers{})
	tst100 := &protocol.Address{Label: "tst100"}
	for name, c := range map[string]struct {
		params protocol.SessionCancelParams
		code   protocol.ErrorCode
	}{
		"nothing":                      {protocol.SessionCancelParams{}, protocol.CodeInvalidParams},
		"two things":                   {protocol.SessionCancelParams{All: true, Address: tst100}, protocol.CodeInvalidParams},
		"what does not run":            {protocol.SessionCancelParams{Address: tst100}, protocol.CodeNotRunning},
		"a level without init":         {protocol.SessionCancelParams{Address: tst100, Level: "3"}, protocol.CodeInvalidParams},
		"init without a level":         {protocol.SessionCancelParams{Address: tst100, Method: "init"}, protocol.CodeInvalidParams},
		"a state file for reset":       {protocol.SessionCancelParams{Address: tst100, Method: "reset", StateFile: "/x"}, protocol.CodeInvalidParams},
		"a negative timeout":           {protocol.SessionCancelParams{Address: tst100, Timeout: seconds(-1)}, protocol.CodeInvalidParams},
		"a key that is none":           {protocol.SessionCancelParams{Session: "tst100"}, protocol.CodeInvalidParams},
		"a key of nothing":             {protocol.SessionCancelParams{Session: "localhost/FAKE/tst100/00000000"}, protocol.CodeNotRunning},
		"the host by its label":        {protocol.SessionCancelParams{Address: &protocol.Address{Label: "here"}}, protocol.CodeNotFound},
		"the host by its type":         {protocol.SessionCancelParams{All: true, Type: "PM"}, protocol.CodeInvalidParams},
		"self without the host name":   {protocol.SessionCancelParams{Self: true}, protocol.CodeInvalidParams},
		"self with another host name":  {protocol.SessionCancelParams{Self: true, Confirm: "lab00"}, protocol.CodeInvalidParams},
		"other rights than configured": {protocol.SessionCancelParams{Address: tst100, Escalation: "ksu"}, protocol.CodeUnsupported},
		"a type without a driver":      {protocol.SessionCancelParams{All: true, Type: "VAX"}, protocol.CodeUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := conn.SessionCancel(t.Context(), &c.params)
			wantCode(t, err, c.code)
		})
	}
	if calls := append(d.log(), pm.log()...); len(calls) != 0 {
		t.Errorf("something was done: %v", calls)
	}
}

func TestCancelAllAndSelf(t *testing.T) {
	one, two := machine("tst100", "/vm/tst100.toml"), machine("tst101", "/vm/101/tst101.toml")
	d := newFake("FAKE", one, two)
	pm := newFake(driver.TypePM, driver.Machine{Type: driver.TypePM, Label: "here", ID: "pm"})
	pm.start(pm.machines[0], driver.StateRunning)
	d.start(one, driver.StateRunning)
	d.start(two, driver.StateRunning)
	conn := newLab(t, d, pm).connect(client.Handlers{})

	d.fail["poweroff:1"] = errors.New("it will not")
	result, err := conn.SessionCancel(t.Context(), &protocol.SessionCancelParams{Self: true, Confirm: "localhost", Timeout: seconds(1)})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Results) != 3 || result.Results[0].Error == nil || result.Results[2].Error == nil || len(pm.log()) != 0 {
		t.Errorf("the host went down although a machine on it could not be ended: %+v, %v", result.Results, pm.log())
	}
	result, err = conn.SessionCancel(t.Context(), &protocol.SessionCancelParams{Self: true, Confirm: "localhost", Timeout: seconds(0)})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Results) != 3 || len(d.running) != 0 || !slices.Equal(pm.log(), []string{"poweroff:0 here"}) {
		t.Errorf("%+v, still running %v, host %v", result.Results, d.running, pm.log())
	}
}

func TestCancelByKeyFromList(t *testing.T) {
	m := machine("tst100", "/vm/tst100.toml")
	d := newFake("FAKE", m)
	d.start(m, driver.StateRunning)
	conn := newLab(t, d).connect(client.Handlers{})
	list, err := conn.SessionList(t.Context(), &protocol.SessionListParams{})
	if err != nil {
		t.Fatal(err)
	}
	raw := []byte(`{"session": ` + mustJSON(t, list.Sessions[0]) + `, "timeout": 0}`)
	if _, err := conn.CallRaw(t.Context(), "session/cancel", raw); err != nil {
		t.Errorf("with the whole record as the session: %v", err)
	}
	if len(d.running) != 0 {
		t.Error("it still runs")
	}
}
