package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/conbroker/conbroker/rpc/client"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// prompt is what the guest's shell shows when it waits for a command.
const prompt = `root@tst100:~# $`

// patience bounds every wait of these tests: a loaded machine translates guests slowly.
const patience = 2 * time.Minute

// program is the binary under test, built once with the race detector if the test has it.
var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "e2e")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "conbroker")
		build := exec.Command("go", append(buildFlags(), "-o", program, "github.com/conbroker/conbroker/broker/cmd/conbroker")...)
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// bed is one user's surroundings: home, runtime directory and state of their own, with blanks in the paths, and a directory of
// machine files.
type bed struct {
	t        *testing.T
	dir      string
	machines string
	env      []string
}

// newBed makes surroundings and the machine files of the labels in it. Whatever still runs at the end is ended, and told as an error.
func newBed(t *testing.T, labels ...string) *bed {
	t.Helper()
	// Not t.TempDir: its paths are too long for sockets below them.
	dir, err := os.MkdirTemp("", "bed of ")
	if err != nil {
		t.Fatal(err)
	}
	b := &bed{t: t, dir: dir, machines: filepath.Join(dir, "my machines")}
	for _, name := range []string{"home", "config", "state", "run"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	b.env = append(os.Environ(), "PATH="+filepath.Dir(program)+":"+os.Getenv("PATH"), "HOME="+filepath.Join(dir, "home"),
		"XDG_CONFIG_HOME="+filepath.Join(dir, "config"), "XDG_STATE_HOME="+filepath.Join(dir, "state"),
		"XDG_RUNTIME_DIR="+filepath.Join(dir, "run"), "XDG_CACHE_HOME="+cacheDir(t), "GORACE=halt_on_error=1")
	t.Cleanup(b.clear)
	for _, label := range labels {
		b.run("../../../testdata/guest/machine.sh", label, b.machines)
	}
	return b
}

// cacheDir is where the guest is kept between runs: the real user's cache.
func cacheDir(t *testing.T) string {
	t.Helper()
	dir, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// clear ends the daemon and checks that the test left no process behind.
func (b *bed) clear() {
	for _, p := range b.processes("conbroker daemon") {
		p.kill()
	}
	// A process that was told to end, such as the ssh of a broker that has just ended, has a second for it.
	left := b.processes("")
	for stop := time.Now().Add(time.Second); len(left) > 0 && time.Now().Before(stop); time.Sleep(10 * time.Millisecond) {
		left = b.processes("")
	}
	for _, p := range left {
		b.t.Errorf("left running: %s", p.line)
		p.kill()
	}
	if err := os.RemoveAll(b.dir); err != nil {
		b.t.Errorf("clear up: %v", err)
	}
}

// process is a running process of the bed.
type process struct {
	pid  int
	line string
}

// processes finds what runs in this bed: every process whose environment names its directory, and whose command line has a text.
func (b *bed) processes(text string) []process {
	entries, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		b.t.Fatal(err)
	}
	var found []process
	for _, entry := range entries {
		environ, err := os.ReadFile(entry)
		if err != nil || !bytes.Contains(environ, []byte("XDG_RUNTIME_DIR="+filepath.Join(b.dir, "run"))) {
			continue
		}
		var p process
		if _, err := fmt.Sscanf(entry, "/proc/%d/environ", &p.pid); err != nil || p.pid == os.Getpid() {
			continue
		}
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.pid))
		p.line = string(bytes.ReplaceAll(line, []byte{0}, []byte{' '}))
		if err == nil && p.line != "" && strings.Contains(p.line, text) {
			found = append(found, p)
		}
	}
	return found
}

// kill ends a process at once and waits until it is gone.
func (p process) kill() {
	handle, err := os.FindProcess(p.pid)
	if err != nil {
		return
	}
	_ = handle.Kill() // it may have ended meanwhile
	for stop := time.Now().Add(10 * time.Second); time.Now().Before(stop); time.Sleep(5 * time.Millisecond) {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.pid))
		if err != nil || len(line) == 0 {
			return
		}
	}
}

// qemu returns the bed's running guests.
func (b *bed) qemu() []process { return b.processes("qemu-system") }

// command prepares a command in the bed.
func (b *bed) command(name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(b.t.Context(), name, args...)
	c.Env = b.env
	return c
}

// run runs a command that must succeed, and returns what it printed.
func (b *bed) run(name string, args ...string) string {
	b.t.Helper()
	c := b.command(name, args...)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		b.t.Fatalf("%s %q: %v\n%s%s", name, args, err, out, stderr.String())
	}
	return string(out)
}

// fails runs the program with arguments that must fail with an exit code, and returns what it said.
func (b *bed) fails(code int, args ...string) string {
	b.t.Helper()
	out, err := b.command(program, args...).CombinedOutput()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.ExitCode() != code {
		b.t.Errorf("conbroker %q: %v, want exit code %d\n%s", args, err, code, out)
	}
	return string(out)
}

// broker is a conversation with "conbroker stdio" in a bed.
type broker struct {
	*client.Client
	b *bed
}

// start starts "conbroker stdio" and opens the conversation.
func (b *bed) start(remote string, handlers client.Handlers) *broker {
	b.t.Helper()
	argv := []string{"env", "-i"}
	argv = append(argv, b.env...)
	c, err := client.Start(b.t.Context(), append(argv, program, "stdio", "--remote="+remote), client.Options{Name: "e2e", Handler: handlers, Prompt: handlers.OnPrompt != nil})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.Close() })
	return &broker{Client: c, b: b}
}

// address selects a machine of the bed.
func (b *bed) address(label string) protocol.Address {
	return protocol.Address{Label: label, BasePath: []string{b.machines}}
}

// create starts tst100 with a console and waits for its prompt.
func (k *broker) create(params protocol.SessionCreateParams) *protocol.SessionCreateResult {
	k.b.t.Helper()
	params.Address, params.Console = k.b.address("tst100"), protocol.ConsoleCLI
	created, err := k.SessionCreate(k.b.t.Context(), &params)
	if err != nil {
		k.b.t.Fatal(err)
	}
	return created
}

// expect waits for a pattern.
func (k *broker) expect(console, pattern string) *protocol.ConsoleExpectResult {
	k.b.t.Helper()
	timeout := patience.Seconds()
	match, err := k.ConsoleExpect(k.b.t.Context(), &protocol.ConsoleExpectParams{Console: console, Pattern: pattern, Timeout: &timeout})
	if err != nil {
		k.b.t.Fatal(err)
	}
	return match
}

// shell types a command at the guest's prompt and returns what it printed.
func (k *broker) shell(console, line string) string {
	k.b.t.Helper()
	taken, err := k.ConsoleInput(k.b.t.Context(), &protocol.ConsoleInputParams{Console: console, Data: line + "\r"})
	if err != nil {
		k.b.t.Fatal(err)
	}
	timeout := patience.Seconds()
	match, err := k.ConsoleExpect(k.b.t.Context(), &protocol.ConsoleExpectParams{Console: console, Pattern: prompt, From: &taken.Offset, Timeout: &timeout})
	if err != nil {
		k.b.t.Fatal(err)
	}
	_, said, _ := strings.Cut(match.Before, "\n")
	return strings.TrimSpace(said)
}

// cancel cancels a session that must go along.
func (k *broker) cancel(key string, params protocol.SessionCancelParams) protocol.CancelOutcome {
	k.b.t.Helper()
	params.Session = protocol.SessionRef(key)
	result, err := k.SessionCancel(k.b.t.Context(), &params)
	if err != nil {
		k.b.t.Fatal(err)
	}
	if result.Results[0].Error != nil {
		k.b.t.Fatal(result.Results[0].Error)
	}
	return result.Results[0]
}

// atOnce ends a guest without asking it.
func atOnce() protocol.SessionCancelParams {
	zero := 0.0
	return protocol.SessionCancelParams{Timeout: &zero}
}

// state returns the state of tst100 in LIST, "off" if it is not there.
func (k *broker) state() protocol.SessionState {
	k.b.t.Helper()
	list, err := k.SessionList(k.b.t.Context(), &protocol.SessionListParams{Types: []string{"QEMU"}})
	if err != nil {
		k.b.t.Fatal(err)
	}
	for _, s := range list.Sessions {
		if s.Label == "tst100" {
			return s.State
		}
	}
	return protocol.StateOff
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

// modes runs a test in a broker of its own and through the daemon.
func modes(t *testing.T, test func(t *testing.T, remote string)) {
	for _, remote := range []string{"off", "auto"} {
		t.Run("remote="+remote, func(t *testing.T) { test(t, remote) })
	}
}
