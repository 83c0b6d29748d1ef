package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// protocolDir is the folder of package protocol, seen from this one.
const protocolDir = "../.."

func loadProtocol(t *testing.T) *api {
	t.Helper()
	a, err := load(protocolDir)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestGeneratedFilesAreFresh(t *testing.T) {
	a := loadProtocol(t)
	for _, out := range outputs() {
		want, err := out.render(a)
		if err != nil {
			t.Fatalf("%s: %v", out.path, err)
		}
		path := filepath.Join(protocolDir, out.path)
		got, err := os.ReadFile(path)
		if err != nil || string(got) != string(want) {
			t.Errorf("%s is stale: run \"go generate ./rpc/protocol\" (%v)", filepath.Clean(path), err)
		}
	}
}

func TestRunWritesOnlyWhatChanged(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "rpc", "protocol")
	if err := os.CopyFS(dir, os.DirFS(protocolDir)); err != nil {
		t.Fatal(err)
	}
	stale := filepath.Join(dir, "methods_gen.go")
	if err := os.WriteFile(stale, []byte("package broken {"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(dir); err != nil {
		t.Fatal(err)
	}
	fresh, err := os.Stat(stale)
	if err != nil {
		t.Fatal(err)
	}
	if err := run(dir); err != nil {
		t.Fatal(err)
	}
	again, err := os.Stat(stale)
	if err != nil {
		t.Fatal(err)
	}
	if !again.ModTime().Equal(fresh.ModTime()) {
		t.Error("the second run wrote a file that had not changed")
	}
}

func TestLoadRefuses(t *testing.T) {
	const codes = "package protocol\nconst Version = \"1\"\ntype ErrorCode int\nconst CodeNotFound ErrorCode = 1\ntype Empty struct{}\n"
	tests := []struct{ name, source, want string }{
		{"no directive", "type Server interface{ A(c int, p *Empty) error }", "directive"},
		{"unknown word", "type Server interface{\n//conbroker:request a slowly\nA(c int, p *Empty) (*Empty, error) }", "unknown word slowly"},
		{"wrong results", "type Server interface{\n//conbroker:notification a\nA(c int, p *Empty) (*Empty, error) }", "1 results"},
		{"unknown params", "type Server interface{\n//conbroker:notification a\nA(c int, p *Nothing) error }", "Nothing is no struct"},
		{"unknown kind", "type Server interface{\n//conbroker:request a\n//conbroker:errors odd\nA(c int, p *Empty) (*Empty, error) }", "no error kind odd"},
		{"unknown type", "type P struct{ A Odd `json:\"a\"` }", "unknown type Odd"},
		{"no JSON", "type P struct{ A chan int `json:\"a\"` }", "ChanType"},
		{"syntax", "type", "expected"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "p.go"), []byte(codes+test.source), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := load(dir)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("load: %v, want an error with %q", err, test.want)
			}
		})
	}
}

func TestModel(t *testing.T) {
	a := loadProtocol(t)
	var watch []string
	for _, f := range a.fieldsOf("SessionWatchParams") {
		watch = append(watch, f.Name)
	}
	if diff := cmp.Diff([]string{"workDoneToken", "hosts", "types", "roles", "stop"}, watch); diff != "" {
		t.Errorf("members of session/watch (-want +got):\n%s", diff)
	}
	if a.structNamed("Method") != nil || a.enumNamed("Direction") != nil {
		t.Error("what only describes the protocol is taken for a part of it")
	}
	if got := a.enumNamed("OpenKind").words(); got != "guest host vnc" {
		t.Errorf("words of OpenKind: %s", got)
	}
}

func (e *enumType) words() string {
	var all []string
	for _, w := range e.Words {
		all = append(all, w.Value)
	}
	return strings.Join(all, " ")
}

func TestDocs(t *testing.T) {
	s := &structType{Doc: "Complete except for Errors.", Fields: []field{
		{GoName: "Size", Name: "size", Doc: "Size and Term are those of the terminal."},
		{GoName: "Term", Name: "term"},
		{GoName: "Errors", Name: "errors", Doc: "Errors: what failed; host.Errors and \"Errors\" are others."},
		{GoName: "Mode", Name: "mode", Doc: "Mode is write if left out."},
	}}
	s.shareDocs()
	var got []string
	for _, f := range s.Fields {
		got = append(got, f.Doc)
	}
	want := []string{
		"`size` and `term` are those of the terminal.", "`size` and `term` are those of the terminal.",
		"What failed; host.Errors and \"Errors\" are others.", "`write` if left out.",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs (-want +got):\n%s", diff)
	}
	if s.Doc != "Complete except for `errors`." {
		t.Errorf("struct: %s", s.Doc)
	}
}

func TestKebab(t *testing.T) {
	for in, want := range map[string]string{"logMessage": "log-message", "ExitTLSPort": "exit-tls-port", "session-didChange": "session-did-change"} {
		if got := kebab(in); got != want {
			t.Errorf("kebab(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestLayout(t *testing.T) {
	long := strings.Repeat("x", 100)
	got, err := layout(`{"a":{"b":[1,2]},"c":"` + long + `"}`)
	if err != nil {
		t.Fatal(err)
	}
	if want := "{\n  \"a\": {\"b\": [1, 2]},\n  \"c\": \"" + long + "\"\n}"; got != want {
		t.Errorf("layout:\n%s\nwant:\n%s", got, want)
	}
	if _, err := layout("{"); err == nil {
		t.Error("broken JSON was laid out")
	}
}
