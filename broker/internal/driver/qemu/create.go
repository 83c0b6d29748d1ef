package qemu

import (
	"bytes"
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/driver/qemu/qmp"
	"github.com/conbroker/conbroker/broker/internal/host"
)

// maxSocket is the longest path of a Unix socket that every system takes (macOS sockaddr_un has 104 bytes with the NUL).
const maxSocket = 103

// Create starts the machine and returns when QEMU has made it; the guest is stopped before its first instruction.
func (d *Driver) Create(ctx context.Context, h host.Host, m driver.Machine, o driver.CreateOptions) (driver.Session, error) {
	s, err := d.create(ctx, h, m, o)
	return s, failed("create", m.Label, err)
}

func (d *Driver) create(ctx context.Context, h host.Host, m driver.Machine, o driver.CreateOptions) (driver.Session, error) {
	p, err := d.prepare(ctx, h, m, "")
	if err != nil {
		return driver.Session{}, err
	}
	if p.found.saved != nil {
		return driver.Session{}, suspendedError(p.found.saved)
	}
	p.launch.display = o.Display || p.file.Display == "vnc"
	p.launch.accelerator, err = d.accelerator(ctx, h, p.env, p.file, p.found, o)
	if err != nil {
		return driver.Session{}, err
	}
	return d.start(ctx, h, p, o)
}

// suspendedError refuses to boot a machine whose disks belong to a saved state.
func suspendedError(r *run) error {
	return &driver.Error{
		Action: "create", Type: Type, Label: r.Label, Err: fmt.Errorf("%w: it is suspended in %s", driver.ErrAlreadyRunning, r.stateFile),
		Advice: "resume it, or cancel it to throw the saved state away",
	}
}

// preparation is all that is known before a start.
type preparation struct {
	env    host.Environment
	paths  paths
	key    string
	file   *machineFile
	found  inspected
	launch launch
	// restored and own are those of the record.
	restored string
	own      bool
}

// prepare reads the machine's file and looks at the host: is QEMU there, does the machine run, can its files be read?
// The state file, unless empty, must be readable too.
func (d *Driver) prepare(ctx context.Context, h host.Host, m driver.Machine, stateFile string) (*preparation, error) {
	env, err := host.ReadEnvironment(ctx, h)
	if err != nil {
		return nil, err
	}
	p := &preparation{env: env, paths: places(env), key: keyOf(m.Path)}
	if p.file, err = load(ctx, h, m); err != nil {
		return nil, err
	}
	binary := binaryFor(p.file.Arch)
	files := p.file.needs()
	ask := inspection{binary: binary, key: p.key}
	for _, f := range files {
		ask.files = append(ask.files, f.path)
	}
	if stateFile != "" {
		ask.files = append(ask.files, stateFile)
	}
	if p.found, err = inspect(ctx, h, p.paths, ask); err != nil {
		return nil, err
	}
	switch {
	case p.found.running != "":
		return nil, runningError(p.found.running)
	case p.found.exec == "":
		return nil, notInstalled(h, binary)
	}
	return p, p.checkFiles(files, stateFile)
}

func runningError(pid string) error {
	return fmt.Errorf("%w as process %s", driver.ErrAlreadyRunning, pid)
}

// need is a file that a machine cannot start without, and the key that names it.
type need struct {
	table string
	index int
	key   string
	path  string
}

func (m *machineFile) needs() []need {
	var needs []need
	for _, n := range []need{
		{key: "kernel", path: m.Kernel}, {key: "initrd", path: m.Initrd}, {key: "firmware", path: m.Firmware},
	} {
		if n.path != "" {
			needs = append(needs, n)
		}
	}
	for i, d := range m.Drives {
		needs = append(needs, need{table: "drive", index: i, key: "file", path: d.File})
	}
	return needs
}

func (p *preparation) checkFiles(files []need, stateFile string) error {
	words := p.found.files
	if len(words) < len(files) {
		return errors.New("the host did not say whether the machine's files are there")
	}
	for i, f := range files {
		if reason := fileReason(words[i]); reason != "" {
			return p.file.mistake(f.table, f.index, f.key, "%s %s: %s", f.key, f.path, reason)
		}
	}
	if stateFile == "" {
		return nil
	}
	if reason := fileReason(words[len(words)-1]); reason != "" {
		return fmt.Errorf("%w: state file %s: %s", driver.ErrNotRunning, stateFile, reason)
	}
	return nil
}

// fileReason turns a word of inspect.sh into a reason; empty for a good file.
func fileReason(word string) string {
	switch word {
	case "good":
		return ""
	case "missing":
		return "no such file"
	case "directory":
		return "is a directory"
	}
	return "permission denied"
}

//go:embed script/start.sh
var startScript string

// start runs QEMU and returns the session, not yet begun.
func (d *Driver) start(ctx context.Context, h host.Host, p *preparation, o driver.CreateOptions) (driver.Session, error) {
	o.Progress("start QEMU")
	r := d.newRun(p, o)
	if longest := eventsSocket(r.dir, 0); len(longest) > maxSocket {
		return driver.Session{}, fmt.Errorf("the socket path %s is longer than %d bytes: choose a shorter runtime directory", longest, maxSocket)
	}
	if err := launchRun(ctx, h, p, r); err != nil {
		return driver.Session{}, err
	}
	s := sessionOf(r, p.env)
	s.State = driver.StateStarting
	if !r.Display {
		return s, nil
	}
	err := command(ctx, h, r, func(ctx context.Context, m *qmp.Monitor) (err error) {
		s.ClientPort, err = vncPort(ctx, m)
		return err
	})
	if err != nil {
		abandon(ctx, h, r)
		return driver.Session{}, fmt.Errorf("ask QEMU for its display: %w", err)
	}
	s.Display = ":" + strconv.Itoa(s.ClientPort-vncBase)
	return s, nil
}

func (d *Driver) newRun(p *preparation, o driver.CreateOptions) *run {
	f := p.file
	owner := o.Owner
	if owner == "" {
		owner = d.owner
	}
	p.launch.exec, p.launch.sandbox, p.launch.pidFile = p.found.exec, p.found.sandbox, p.paths.pidFile(p.key)
	p.launch.dir = path.Join(p.paths.run, p.key+"-"+strings.ToLower(rand.Text()[:8]))
	return &run{dir: p.launch.dir, record: record{
		Path: f.file, Label: f.Label, UUID: f.UUID, NICs: f.addresses(), Arch: f.Arch, Accelerator: p.launch.accelerator,
		Display: p.launch.display, Exec: p.found.exec, Version: p.found.version, Owner: owner, Started: time.Now().UTC(),
		Restored: p.restored, Own: p.own,
	}}
}

// launchRun runs start.sh. If it is cut off, whatever it has started is ended.
func launchRun(ctx context.Context, h host.Host, p *preparation, r *run) error {
	machine, err := json.Marshal(r.record)
	if err != nil {
		return fmt.Errorf("write record: %w", err)
	}
	saved := p.paths.savedFile(p.key)
	if p.restored != "" {
		saved = ""
	}
	argv := p.file.argv(p.launch)
	args := append([]string{p.paths.run, path.Base(r.dir), string(machine), saved}, argv...)
	sections, _, err := host.Sections(ctx, h, host.Script{Body: runningScript + startScript, Args: args})
	if err != nil {
		abandon(ctx, h, r)
		return fmt.Errorf("start QEMU: %w", err)
	}
	return startOutcome(h, argv, sections, r)
}

// startOutcome reads what start.sh said.
func startOutcome(h host.Host, argv []string, sections []host.Section, r *run) error {
	status := 1
	for _, s := range sections {
		text := strings.TrimSpace(string(s.Data))
		switch s.Name {
		case "started":
			r.pid = text
			return nil
		case "suspended":
			return fmt.Errorf("%w: it was suspended just now", driver.ErrAlreadyRunning)
		case "running":
			return runningError(text)
		case "status":
			status, _ = strconv.Atoi(text)
		case "said":
			if strings.Contains(text, "lock pid file") {
				// The winner of two starts at once has the lock, and its number is not yet in the file.
				return driver.ErrAlreadyRunning
			}
			return &host.CommandError{Host: h.Name(), Argv: argv, ExitCode: status, Stderr: oneLine(text)}
		}
	}
	return errors.New("start QEMU: the host gave no answer")
}

// oneLine joins what QEMU said: its hints come on lines after the mistake that they are about.
func oneLine(said string) string {
	return strings.ToValidUTF8(strings.Join(strings.Split(said, "\n"), "; "), "\uFFFD")
}

// cleanupTime bounds what is done after the caller's context has ended.
const cleanupTime = 5 * time.Second

// abandon ends a run whose start has failed half-way.
func abandon(ctx context.Context, h host.Host, r *run) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	_, _, _ = awaitEnd(ctx, h, r, cleanupTime/2, "KILL")
}

// Begin lets the guest run. A state that was restored is used up then: if its place was the driver's own, it is removed.
func (d *Driver) Begin(ctx context.Context, h host.Host, s driver.Session) error {
	return failed("begin", s.Label, d.goOn(ctx, h, s))
}

func (d *Driver) goOn(ctx context.Context, h host.Host, s driver.Session) error {
	r, err := runOf(ctx, h, s)
	if err != nil {
		return err
	}
	if err := execute(ctx, h, r, "cont", nil); err != nil {
		return err
	}
	if r.Restored == "" {
		return nil
	}
	env, err := host.ReadEnvironment(ctx, h)
	if err != nil {
		return err
	}
	used := []string{places(env).savedFile(r.key())}
	if r.Own {
		used = append(used, r.Restored)
	}
	return host.Remove(ctx, h, used...)
}

// lastLine is the last line of what a command said, made fit for a message.
func lastLine(said []byte) string {
	said = bytes.TrimSpace(said)
	if i := bytes.LastIndexByte(said, '\n'); i >= 0 {
		said = said[i+1:]
	}
	return strings.ToValidUTF8(string(said), "\uFFFD")
}
