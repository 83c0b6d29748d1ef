package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/conbroker/conbroker/rpc/protocol"
)

// updateGolden is set by "go test -update".
var updateGolden = flag.Bool("update", false, "write the golden files")

// testApp is an app whose output goes to files.
func testApp(t *testing.T) *app {
	t.Helper()
	a := newApp()
	a.env = func(string) string { return "" }
	dir := t.TempDir()
	for name, f := range map[string]**os.File{"in": &a.in, "out": &a.out, "errs": &a.errs} {
		file, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		*f = file
	}
	return a
}

// content returns what was written to one of the app's files.
func content(t *testing.T, f *os.File) string {
	t.Helper()
	data, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// helpTexts returns the help of a command and of those below it, by file name.
func helpTexts(t *testing.T, cmd *cobra.Command, texts map[string]string) {
	t.Helper()
	var b bytes.Buffer
	cmd.SetOut(&b)
	if err := cmd.Help(); err != nil {
		t.Fatal(err)
	}
	texts[strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".txt"] = b.String()
	for _, child := range cmd.Commands() {
		if child.Name() != "completion" && child.Name() != "help" {
			helpTexts(t, child, texts)
		}
	}
}

func TestHelp(t *testing.T) {
	texts := map[string]string{}
	helpTexts(t, newRoot(testApp(t)), texts)
	for name, text := range texts {
		path := filepath.Join("testdata", "help", name)
		if *updateGolden {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), text); diff != "" {
			t.Errorf("%s is stale; \"go test -update\" writes it (-want +got):\n%s", path, diff)
		}
	}
}

func TestEveryCommandTeaches(t *testing.T) {
	for _, c := range newRoot(testApp(t)).Commands() {
		if c.Hidden || c.Name() == "completion" || c.Name() == "help" {
			continue
		}
		if c.Short == "" || c.Long == "" || !strings.Contains(c.Example, "conbroker "+c.Name()) {
			t.Errorf("%s lacks a short or long text, or an example", c.Name())
		}
		if strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: the short text ends with a full stop", c.Name())
		}
	}
}

func TestUsageErrors(t *testing.T) {
	for _, args := range [][]string{
		{"bogus"}, {"list", "--format=yaml"}, {"call"}, {"attach"}, {"create"}, {"cancel"}, {"cancel", "x", "--timeout=-1"},
		{"create", "@host"}, {"create", ""}, {"version", "x"}, {"call", "a", "nonsense"}, {"attach", "c1", "--escape=^1"}, {"--remote=x", "list"},
	} {
		a := testApp(t)
		if code := run(context.Background(), args, a); code != exitUsage {
			t.Errorf("%q: exit code %d: %s", args, code, content(t, a.errs))
		}
		if said := content(t, a.errs); !strings.HasPrefix(said, "conbroker: ") {
			t.Errorf("%q: said %q", args, said)
		}
	}
}

func TestTargets(t *testing.T) {
	got, err := parseTargets([]string{"tst100@lab00", "u:6842caf91e3e43249ed596b8b9f2c5c2", "@lab01"})
	if err != nil {
		t.Fatal(err)
	}
	want := []target{
		{word: "tst100@lab00", host: "lab00", address: &protocol.Address{Label: "tst100"}},
		{word: "u:6842caf91e3e43249ed596b8b9f2c5c2", address: &protocol.Address{UUID: "6842caf91e3e43249ed596b8b9f2c5c2"}},
		{word: "@lab01", host: "lab01"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(target{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAmbiguousErrorPrintsItsCandidates(t *testing.T) {
	a := testApp(t)
	e := protocol.Errorf(protocol.CodeAmbiguous, "label:tst100 fits 2 machines")
	e.Data.Candidates = []protocol.Candidate{
		{Host: "lab00", Type: "QEMU", Label: "tst100", Path: "/vm/a/tst100.toml"},
		{Host: "lab01", Type: "QEMU", Label: "tst100\x1b[2J", Path: "/vm/b/tst100.toml"},
	}
	if code := a.fail(e); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	said := content(t, a.errs)
	for _, want := range []string{"conbroker: label:tst100 fits 2 machines\n", "/vm/a/tst100.toml", "/vm/b/tst100.toml", "pathname:/vm/a/tst100.toml"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in %q", want, said)
		}
	}
	if strings.Contains(said, "\x1b") {
		t.Errorf("an escape sequence was passed on: %q", said)
	}
}

func TestExitCodesOfSeveralTargets(t *testing.T) {
	for _, tc := range []struct {
		failed, all int
		want        error
	}{{0, 3, nil}, {3, 3, exitCode(exitFailed)}, {1, 3, exitCode(exitPartial)}} {
		if got := tally(tc.failed, tc.all); !errors.Is(got, tc.want) {
			t.Errorf("%d of %d: %v", tc.failed, tc.all, got)
		}
	}
	if got := worse(exitCode(exitFailed), tally(0, 1)); !errors.Is(got, exitCode(exitFailed)) {
		t.Errorf("worse: %v", got)
	}
	if got := worse(tally(1, 2), exitCode(exitFailed)); !errors.Is(got, exitCode(exitPartial)) {
		t.Errorf("worse: %v", got)
	}
}

func TestPatience(t *testing.T) {
	for text, want := range map[string]time.Duration{"20s": 20 * time.Second, "1m30s": 90 * time.Second, "0": 0, "2.5": 2500 * time.Millisecond} {
		var p patience
		if err := p.Set(text); err != nil || p.value != want {
			t.Errorf("%s: %v, %v", text, p.value, err)
		}
	}
	for _, text := range []string{"", "-1", "soon", "NaN", "1e99"} {
		var p patience
		if err := p.Set(text); err == nil {
			t.Errorf("%q was taken as %v", text, p.value)
		}
	}
	var none patience
	if none.seconds() != nil {
		t.Error("no time is a time")
	}
	var p patience
	if err := p.Set("0.001"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := p.bound(context.Background())
	defer cancel()
	<-ctx.Done()
	if err := (&app{}).cause(ctx, ctx.Err()); errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "within 1ms") {
		t.Errorf("the cause is %v", err)
	}
}

func TestCompletionOfMachinesTakesNoTime(t *testing.T) {
	a := testApp(t)
	dir := t.TempDir()
	a.env = func(name string) string {
		return map[string]string{"CONBROKER_RUNTIME_DIR": dir, "XDG_STATE_HOME": dir}[name]
	}
	words, _ := a.completeMachines(nil, nil, "")
	if len(words) != 0 {
		t.Errorf("without an inventory there are %q", words)
	}
	words, _ = a.completeMachines(nil, nil, "tst100@loc")
	if diff := cmp.Diff([]string{"tst100@localhost"}, words); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
