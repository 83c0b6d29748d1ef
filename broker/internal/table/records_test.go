package table

import (
	"bytes"
	"encoding/json"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/conbroker/conbroker/rpc/protocol"
	"github.com/google/go-cmp/cmp"
)

func TestSessionRecords(t *testing.T) {
	for name, o := range map[string]RecordOptions{
		"list_machine": {}, "list_title": {Title: true}, "list_titleidx": {TitleIdx: true},
		"list_maxkey": {MaxKey: true, TitleIdx: true}, "list_terse": {Title: true, Terse: true},
	} {
		golden(t, name, func(w io.Writer) error { return SessionRecords(sessions()).Render(w, o) })
	}
	golden(t, "list_hostile", func(w io.Writer) error { return SessionRecords(hostile()).Render(w, RecordOptions{}) })
}

func TestRecordFieldsAreAtTheirNumbers(t *testing.T) {
	r := SessionRecords(sessions())
	if len(r.Names) != 22 || len(r.Rows[0]) != 22 {
		t.Fatalf("LIST has %d names and %d fields, want 22", len(r.Names), len(r.Rows[0]))
	}
	tunnel := r.Rows[3]
	want := map[int]string{1: "ws2", 2: "SSH(XEN)", 3: "tst100", 9: "5950", 10: "5900", 12: "anna", 13: "users", 14: "TUNNEL", 17: "", 0: "", 23: ""}
	for n, value := range want {
		if tunnel.Field(n) != value {
			t.Errorf("LIST field %d: got %q, want %q", n, tunnel.Field(n), value)
		}
	}
}

func TestMachineRecords(t *testing.T) {
	machines := []protocol.Machine{
		{Host: "lab00", Type: "XEN", Label: "tst100", ID: "/x/tst100.conf", UUID: "6842caf91e3e43249ed596b8b9f2c5c2", MAC: "00:50:56:13:11:40", TCP: "192.168.1.220",
			NICs:   []protocol.NIC{{MAC: "00:50:56:13:11:40", IP: "192.168.1.220"}, {MAC: "00:50:56:13:11:41"}},
			Serial: "2008010101", Category: "VM", Arch: "x86_64", Memory: 512, VCPUs: 2},
		{Host: "lab00", Type: "PM", Label: "lab00", TCP: "192.168.1.1"},
	}
	r := MachineRecords(machines)
	golden(t, "enumerate_titleidx", func(w io.Writer) error { return r.Render(w, RecordOptions{TitleIdx: true}) })
	if len(r.Names) != 47 || len(r.Rows) != 3 {
		t.Fatalf("got %d names and %d records, want 47 and one for each of 3 interfaces", len(r.Names), len(r.Rows))
	}
	want := map[int]string{6: "00:50:56:13:11:41", 7: "", 17: "2008010101", 18: "VM", 28: "", 38: "x86_64", 40: "512", 41: "2"}
	for n, value := range want {
		if r.Rows[1].Field(n) != value {
			t.Errorf("ENUMERATE field %d (%s): got %q, want %q", n, r.Names[n-1], r.Rows[1].Field(n), value)
		}
	}
	if pm := r.Rows[2]; pm.Field(28) != "lab00" || pm.Field(7) != "192.168.1.1" {
		t.Errorf("the PM record is %q, want its host in field 28 and its address in field 7", pm)
	}
}

func FuzzRecord(f *testing.F) {
	f.Add("a;b", "100%\n\x1b\u202e")
	f.Add("\xff\x00", "")
	f.Fuzz(func(t *testing.T, a, b string) {
		var out strings.Builder
		records := Records{Names: []string{"A", "B"}, Rows: []Record{{a, b}}}
		if err := records.Render(&out, RecordOptions{}); err != nil {
			t.Fatal(err)
		}
		fields := strings.Split(strings.TrimSuffix(out.String(), "\n"), ";")
		var got []string
		for _, field := range fields {
			value, err := url.PathUnescape(field)
			if err != nil {
				t.Fatalf("%q: %v", field, err)
			}
			got = append(got, value)
		}
		if diff := cmp.Diff([]string{a, b}, got); diff != "" {
			t.Errorf("the fields do not come back (-want +got):\n%s", diff)
		}
	})
}

func TestJSON(t *testing.T) {
	result := protocol.SessionListResult{Sessions: append(sessions()[:2], hostile()...), Errors: []protocol.HostError{}}
	golden(t, "json_line", func(w io.Writer) error { return JSON(w, result, false) })
	golden(t, "json_indented", func(w io.Writer) error { return JSON(w, result, true) })
}

func FuzzJSON(f *testing.F) {
	f.Add("a\u009b31m\u202e\u2028<&>\U000e0041")
	f.Add("\x7f\xff\"\\")
	f.Fuzz(func(t *testing.T, s string) {
		var out bytes.Buffer
		if err := JSON(&out, map[string]string{s: s}, true); err != nil {
			t.Fatal(err)
		}
		var got map[string]string
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatalf("%q: %v", out.String(), err)
		}
		want := strings.ToValidUTF8(s, "\ufffd")
		for k, v := range got {
			if k != v || strings.ReplaceAll(v, "\ufffd", "") != strings.ReplaceAll(want, "\ufffd", "") {
				t.Errorf("%q came back as %q: %q", s, k, v)
			}
		}
		if bytes.ContainsFunc(out.Bytes(), func(r rune) bool { return r != '\n' && obeyed(r) }) {
			t.Errorf("%q holds what a terminal obeys", out.String())
		}
	})
}
