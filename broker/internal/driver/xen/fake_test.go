package xen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/consoles"
)

// fakeHost is a Xen host that is scripted: it answers with recorded outputs, in states that a real host has only for a moment.
type fakeHost struct {
	t *testing.T

	mu sync.Mutex
	// states are what the surveys show, one after the other; the last one stays.
	states []state
	// answers are results of xl by the command's name; the default is success without a word.
	answers map[string]host.Result
	// after is called behind a command of xl.
	after func(command string)
	// files are configurations by path.
	files map[string]string
	// holder is who has the console.
	holder string
	// refuse is why raised shells do not run.
	refuse error
	// streams are what Start returns, one after the other.
	streams []*fakeStream

	calls []string
	runs  int
}

// state is what a survey shows.
type state struct {
	// list holds lines of xl list -v without the heading.
	list     []string
	watchers []string
	long     string
	store    string
	saved    []string
}

func (f *fakeHost) Name() string { return "lab00" }
func (f *fakeHost) Close() error { return nil }

func (f *fakeHost) Dial(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("not here")
}

// Run answers scripts and xl.
func (f *fakeHost) Run(ctx context.Context, c host.Command) (host.Result, error) {
	if err := ctx.Err(); err != nil {
		return host.Result{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.runs++
	if c.Argv[0] == "sh" {
		return f.script(c)
	}
	if !c.Raised {
		f.t.Errorf("%q runs without raised rights", c.Argv)
	}
	if c.Argv[0] == "xenstore-ls" {
		return host.Result{Stdout: []byte(f.now().store)}, nil
	}
	if c.Argv[0] != "/usr/sbin/xl" {
		f.t.Errorf("%q does not name xl by its path", c.Argv)
	}
	command := strings.Join(c.Argv[1:], " ")
	f.calls = append(f.calls, command)
	switch command {
	case "list -v":
		return host.Result{Stdout: []byte(f.now().table())}, nil
	case "list -l":
		return host.Result{Stdout: []byte(f.now().long)}, nil
	}
	result := f.answers[c.Argv[1]]
	if f.after != nil {
		f.after(c.Argv[1])
	}
	return result, nil
}

const listHead = "Name                                        ID   Mem VCPUs\tState\tTime(s)   UUID                            Reason-Code\tSecurity Label\n"

func (s state) table() string { return listHead + strings.Join(s.list, "\n") + "\n" }

// now is the state of the next survey.
func (f *fakeHost) now() state {
	s := f.states[0]
	if len(f.states) > 1 {
		f.states = f.states[1:]
	}
	return s
}

// script answers the driver's scripts by their text.
func (f *fakeHost) script(c host.Command) (host.Result, error) {
	stdin, _ := io.ReadAll(c.Stdin)
	mark, _, _ := strings.Cut(string(stdin), "\n")
	args := c.Argv[4:]
	var out strings.Builder
	section := func(name, data string) { fmt.Fprintf(&out, "%s%s\n%s", mark, name, data) }
	is := func(script string) bool { return strings.Contains(c.Argv[2], script) }
	if c.Raised && f.refuse != nil {
		return host.Result{}, f.refuse
	}
	if raisedScript := is(surveyScript) || is(holderScript) || is(suspendScript) || is(forgetScript); raisedScript != c.Raised {
		f.t.Errorf("raised is %v for %s", c.Raised, c.Argv[2])
	}
	switch {
	case is(surveyScript):
		f.survey(section, depth(args[0]))
	case is(findScript):
		section("xl", "/usr/sbin/xl\n")
	case is(holderScript):
		if f.holder != "" {
			section("holder", f.holder)
		}
	case is(suspendScript):
		f.calls = append(f.calls, "save "+args[0]+" "+args[1])
		section("failed", string(f.answers["save"].Stderr))
		if f.answers["save"].ExitCode == 0 {
			section("saved", "")
		}
	case is(forgetScript):
		f.calls = append(f.calls, "forget "+args[1])
		section("done", "")
	default: // the reading of a file
		if text, ok := f.files[args[0]]; ok {
			section("data", text)
		} else {
			section("missing", "")
		}
	}
	section("end", "")
	return host.Result{Stdout: []byte(out.String())}, nil
}

func (f *fakeHost) survey(section func(name, data string), deep depth) {
	s := f.now()
	section("list", s.table())
	for _, w := range s.watchers {
		section("watcher", w)
	}
	if deep != full {
		return
	}
	long := s.long
	if long == "" {
		long = "[]"
	}
	section("long", long)
	section("store", s.store)
	section("version", "4\n17\n")
	section("machine", "x86_64\n")
	for _, r := range s.saved {
		section("saved", r)
	}
}

// Start returns the next stream.
func (f *fakeHost) Start(_ context.Context, c host.Command, t host.Terminal) (consoles.Stream, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, strings.Join(c.Argv, " "))
	if !c.Raised {
		f.t.Errorf("%q runs without raised rights", c.Argv)
	}
	if len(f.streams) == 0 {
		return nil, errors.New("no more terminals")
	}
	s := f.streams[0]
	f.streams = f.streams[1:]
	s.size = t.Size
	return s, nil
}

// called returns the commands so far.
func (f *fakeHost) called() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.calls...)
}

// fakeStream is a client of xl console.
type fakeStream struct {
	// output is what it says before it ends, with status; hold keeps it from ending until Close or release.
	output string
	status consoles.ExitStatus
	hold   chan struct{}

	mu    sync.Mutex
	typed []byte
	size  consoles.Size
	done  bool
}

func (s *fakeStream) Read(p []byte) (int, error) {
	s.mu.Lock()
	n := copy(p, s.output)
	s.output = s.output[n:]
	s.mu.Unlock()
	if n > 0 {
		return n, nil
	}
	if s.hold != nil {
		<-s.hold
	}
	return 0, io.EOF
}

func (s *fakeStream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return 0, io.ErrClosedPipe
	}
	s.typed = append(s.typed, p...)
	return len(p), nil
}

func (s *fakeStream) Resize(size consoles.Size) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.size = size
	return nil
}

func (s *fakeStream) Wait() consoles.ExitStatus { return s.status }

func (s *fakeStream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hold != nil && !s.done {
		close(s.hold)
	}
	s.done = true
	return nil
}

const (
	uuid100 = "6842caf9-1e3e-4324-9ed5-96b8b9f2c5c2"
	conf100 = "/homen/acue/xen/tst-ctys/tst100/tst100.conf"
)

// line is a line of xl list -v.
func line(name string, id int, flags, seconds, uuid string) string {
	return fmt.Sprintf("%-40s %5d    96     1     %s %9s %s        -                -", name, id, flags, seconds, uuid)
}

// domain0 is in every list.
func domain0() string {
	return line("Domain-0", 0, "r-----", "9.0", "00000000-0000-0000-0000-000000000000")
}

// tst100 is a state with one guest.
func tst100(id int, flags string) state {
	return state{list: []string{domain0(), line("tst100", id, flags, "1.0", uuid100)}, watchers: []string{watcher("tst100", "create", "-p", conf100)}}
}

// none is a state without guests; the names are those of the xl processes that still watch.
func none(watched ...string) state {
	s := state{list: []string{domain0()}}
	for _, name := range watched {
		s.watchers = append(s.watchers, watcher(name, "create", conf100))
	}
	return s
}

func watcher(name string, args ...string) string {
	return "/var/log/xen/xl-" + name + ".log\x00\x00/usr/lib/xen-4.17/bin/xl\x00" + strings.Join(args, "\x00") + "\x00"
}

func sessionOf(id int) driver.Session {
	return driver.Session{Type: Type, Label: "tst100", UUID: plainUUID(uuid100), PID: strconv.Itoa(id), State: driver.StateRunning}
}

func quiet() driver.CreateOptions {
	return driver.CreateOptions{Notice: func(string) {}, Progress: func(string) {}}
}

// recorded reads an output of a real xl.
func recorded(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/xl", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// recordedFailure reads what a command said on stderr, with its exit code in the first line.
func recordedFailure(t *testing.T, name string) host.Result {
	t.Helper()
	first, said, _ := strings.Cut(recorded(t, name+".txt"), "\n")
	code, err := strconv.Atoi(strings.TrimPrefix(first, "rc="))
	if err != nil {
		t.Fatal(err)
	}
	return host.Result{ExitCode: code, Stderr: []byte(said)}
}
