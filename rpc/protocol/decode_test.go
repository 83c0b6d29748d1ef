package protocol_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/conbroker/conbroker/rpc/protocol"
)

func TestDecodeParams(t *testing.T) {
	tests := []struct {
		name, params string
		into, want   any
	}{
		{"absent", ``, new(protocol.SessionListParams), &protocol.SessionListParams{}},
		{"null", ` null `, new(protocol.SessionListParams), &protocol.SessionListParams{}},
		{"empty", `{"more": [1]}`, new(protocol.Empty), &protocol.Empty{}},
		{"null members", `{"hosts": null, "roles": ["S", "T"]}`, new(protocol.SessionListParams),
			&protocol.SessionListParams{Roles: []protocol.Role{protocol.RoleServer, protocol.RoleTunnel}}},
		{"embedded twice", `{"workDoneToken": 7, "hosts": ["a"], "stop": true}`, new(protocol.SessionWatchParams),
			&protocol.SessionWatchParams{Stop: true, SessionListParams: protocol.SessionListParams{
				Hosts: []string{"a"}, WorkDone: protocol.WorkDone{WorkDoneToken: protocol.ProgressToken("7")}}}},
		{"integers of other languages", `{"console": "c", "size": {"cols": 80.0, "rows": 2.4e1}}`, new(protocol.ConsoleResizeParams),
			&protocol.ConsoleResizeParams{Console: "c", Size: protocol.Size{Cols: 80, Rows: 24}}},
		{"key of a session", `{"session": "k"}`, new(protocol.TunnelOpenParams), &protocol.TunnelOpenParams{Session: "k"}},
		{"record of a session", `{"session": {"key": "k", "label": "x"}}`, new(protocol.TunnelOpenParams), &protocol.TunnelOpenParams{Session: "k"}},
		{"pointers", `{"session": "k", "timeout": 0.5, "address": {"label": "x"}}`, new(protocol.SessionCancelParams),
			&protocol.SessionCancelParams{Session: "k", Timeout: new(0.5), Address: &protocol.Address{Label: "x"}}},
		{"names are exact", `{"probe": true, "PROBE": 1}`, new(protocol.HostListParams), &protocol.HostListParams{Probe: true}},
		{"map", `{"groups": {"a": ["b"]}, "hosts": []}`, new(protocol.HostListResult),
			&protocol.HostListResult{Hosts: []protocol.Host{}, Groups: map[string][]string{"a": {"b"}}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := protocol.DecodeParams(json.RawMessage(test.params), test.into); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, test.into); diff != "" {
				t.Errorf("decoded (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeParamsRefuses(t *testing.T) {
	cancel := func() any { return new(protocol.SessionCancelParams) }
	create := func() any { return new(protocol.SessionCreateParams) }
	tests := []struct {
		params string
		into   any
		want   string
	}{
		{`[]`, cancel(), "params: expected an object, got an array: parameters are given by name"},
		{`"x"`, cancel(), "params: expected an object, got a string"},
		{`nonsense`, cancel(), "params: expected an object, got what is no JSON"},
		{`{"timeout": "20"}`, cancel(), "params.timeout: expected a number, got a string"},
		{`{"timeout": 1e999}`, cancel(), "params.timeout: expected a number, got the number 1e999"},
		{`{"all": "yes"}`, cancel(), "params.all: expected true or false, got a string"},
		{`{"method": "kill"}`, cancel(), `params.method: "kill" is not one of poweroff, reset, reboot, pause, suspend, init`},
		{`{"method": ["reset"]}`, cancel(), "params.method: expected one of poweroff, reset, reboot, pause, suspend, init, got an array"},
		{`{"session": {"label": "x"}}`, cancel(), "params.session: session must be a key, or a session record that has one"},
		{`{"workDoneToken": {}}`, cancel(), "params.workDoneToken: expected a string or an integer, got an object"},
		{`{"workDoneToken": 1.5}`, cancel(), "params.workDoneToken: expected a string or an integer, got the number 1.5"},
		{`{}`, create(), "params.address: missing, expected an object"},
		{`{"address": null}`, create(), "params.address: expected an object, got null"},
		{`{"Address": {}}`, create(), "params.address: missing, expected an object"},
		{`{"address": {"label": 100}}`, create(), "params.address.label: expected a string, got the number 100"},
		{`{"address": {"basepath": "xen"}}`, create(), "params.address.basepath: expected an array, got a string"},
		{`{"address": {"basepath": ["a", false]}}`, create(), "params.address.basepath[1]: expected a string, got false"},
		{`{"address": {}, "size": {"cols": 80.5, "rows": 24}}`, create(), "params.size.cols: expected an integer, got the number 80.5"},
		{`{"address": {}, "size": {"cols": 80}}`, create(), "params.size.rows: missing, expected an integer"},
		{`{"address": {}, "size": {"cols": 1e300, "rows": 24}}`, create(), "params.size.cols: expected an integer, got the number 1e300"},
		{`{"roles": ["S", "X"]}`, new(protocol.SessionListParams), `params.roles[1]: "X" is not one of S, C, T`},
		{`{"console": "c"}`, new(protocol.ConsoleInputParams), "params.data: missing, expected a string"},
		{`{"groups": {"a": {}}, "hosts": []}`, new(protocol.HostListResult), "params.groups.a: expected an array, got an object"},
		{`{"groups": [], "hosts": []}`, new(protocol.HostListResult), "params.groups: expected an object, got an array"},
	}
	for _, test := range tests {
		err := protocol.DecodeParams(json.RawMessage(test.params), test.into)
		var refused *protocol.Error
		if !errors.As(err, &refused) || refused.Code != protocol.CodeInvalidParams || refused.Message != test.want {
			t.Errorf("%s: got %v\nwant: %s", test.params, err, test.want)
		}
	}
}

func TestDecodeParamsEchoesLittle(t *testing.T) {
	params := `{"method": "` + strings.Repeat("ä\u001b", 10000) + `"}`
	params = strings.ReplaceAll(params, "\u001b", `\u001b`)
	err := protocol.DecodeParams(json.RawMessage(params), new(protocol.SessionCancelParams))
	if err == nil || len(err.Error()) > 500 || strings.ContainsRune(err.Error(), '\u001b') {
		t.Errorf("the error repeats too much: %v", err)
	}
}

func TestListsAreNeverNull(t *testing.T) {
	for want, v := range map[string]any{
		`{"sessions":[],"errors":[]}`:                              protocol.SessionListResult{},
		`{"machines":[],"errors":[],"problems":[]}`:                &protocol.MachineEnumerateResult{},
		`{"hosts":[],"groups":{}}`:                                 protocol.HostListResult{},
		`{"host":"h","changed":[],"removed":[]}`:                   &protocol.SessionDidChangeParams{Host: "h"},
		`{"reports":[{"host":"h","facts":[]}],"errors":[]}`:        protocol.HostReportResult{Reports: []protocol.HostReport{{Host: "h"}}},
		`{"methods":[],"types":[],"persistent":false,"maxBody":0}`: protocol.ServerCapabilities{},
		`{"results":[]}`:                                           protocol.SessionCancelResult{},
	} {
		got, err := json.Marshal(v)
		if err != nil || string(got) != want {
			t.Errorf("%T: %s (%v), want %s", v, got, err, want)
		}
	}
}

func TestWords(t *testing.T) {
	want := []string{"poweroff", "reset", "reboot", "pause", "suspend", "init"}
	if diff := cmp.Diff(want, protocol.CancelMethod("").Words()); diff != "" {
		t.Errorf("words (-want +got):\n%s", diff)
	}
}

// FuzzDecodeParams: whatever comes in either decodes, and then encodes and decodes to the same, or is refused as it should be.
func FuzzDecodeParams(f *testing.F) {
	f.Add([]byte(`{"address": {"label": "tst100", "basepath": ["a"]}, "mode": "reuse", "size": {"cols": 80.0, "rows": 24}, "workDoneToken": 7}`))
	f.Add([]byte(`{"address": null}`))
	f.Add([]byte(`[1, {"a": "b"}]`))
	f.Add([]byte(` null`))
	f.Fuzz(func(t *testing.T, params []byte) {
		var first, second protocol.SessionCreateParams
		if err := protocol.DecodeParams(params, &first); err != nil {
			var refused *protocol.Error
			if !errors.As(err, &refused) || refused.Code != protocol.CodeInvalidParams || len(refused.Message) > 1000 {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		encoded, err := json.Marshal(first)
		if err != nil {
			t.Fatal(err)
		}
		if err := protocol.DecodeParams(encoded, &second); err != nil {
			t.Fatalf("%s decoded, but not again as %s: %v", params, encoded, err)
		}
		again, err := json.Marshal(second)
		if err != nil || string(again) != string(encoded) {
			t.Errorf("%s became %s (%v)", encoded, again, err)
		}
	})
}

func BenchmarkDecodeParams(b *testing.B) {
	b.Run("ack", func(b *testing.B) {
		benchmarkDecode[protocol.ConsoleAckParams](b, `{"attachment": "a1", "offset": 131072}`)
	})
	b.Run("input", func(b *testing.B) {
		benchmarkDecode[protocol.ConsoleInputParams](b, `{"console": "c1", "data": "x"}`)
	})
	b.Run("create", func(b *testing.B) {
		benchmarkDecode[protocol.SessionCreateParams](b, `{"type": "QEMU", "address": {"label": "tst100"}, "mode": "reuse", "size": {"cols": 80, "rows": 24}}`)
	})
}

func benchmarkDecode[P any](b *testing.B, params string) {
	b.ReportAllocs()
	for b.Loop() {
		if err := protocol.DecodeParams(json.RawMessage(params), new(P)); err != nil {
			b.Fatal(err)
		}
	}
}
