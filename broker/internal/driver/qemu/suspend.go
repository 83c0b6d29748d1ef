package qemu

import (
	"cmp"
	"context"
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

const (
	// migrateLook is how often QEMU is asked how far it is.
	migrateLook = 20 * time.Millisecond
	// commitTime is how long the writer of a state file may take after QEMU has given it everything.
	commitTime = 60 * time.Second
	// saveBandwidth, in bytes a second, replaces QEMU's 128 MiB/s, which is meant for networks.
	saveBandwidth = 1 << 36
)

// Suspend saves the guest to a state file, which only the user can read, and ends QEMU. The file appears under its name
// when it is complete. If anything fails before that, the guest runs on.
func (d *Driver) Suspend(ctx context.Context, h host.Host, s driver.Session, stateFile string) (string, error) {
	file, err := suspend(ctx, h, s, stateFile)
	return file, failed("suspend", s.Label, err)
}

func suspend(ctx context.Context, h host.Host, s driver.Session, stateFile string) (string, error) {
	env, err := host.ReadEnvironment(ctx, h)
	if err != nil {
		return "", err
	}
	r, err := runOf(ctx, h, s)
	if err != nil {
		return "", err
	}
	t, err := newSave(places(env), r, stateFile)
	if err != nil {
		return "", err
	}
	if err := makeDir(ctx, h, places(env).save); err != nil {
		return "", err
	}
	if err := t.run(ctx, h); err != nil {
		return "", err
	}
	return t.state, destroy(context.WithoutCancel(ctx), h, r)
}

// save is one attempt to write a state file. part grows while QEMU writes and becomes done when its writer is content;
// commit gives it its name.
type save struct {
	r                 *run
	state, part, done string
	// said is where the writer's complaint goes, saved marks the machine as suspended.
	said, saved string
	record      []byte
}

func newSave(p paths, r *run, stateFile string) (*save, error) {
	kept := r.record
	kept.Restored, kept.Own = "", stateFile == ""
	file, err := p.absolute(cmp.Or(stateFile, p.stateFile(r.key())))
	if err != nil {
		return nil, err
	}
	record, err := json.Marshal(kept)
	if err != nil {
		return nil, fmt.Errorf("write record: %w", err)
	}
	part := host.TemporaryName(file)
	return &save{
		r: r, state: file, part: part, done: part + ".done", record: record,
		said: path.Join(r.dir, "state.said"), saved: p.savedFile(r.key()),
	}, nil
}

// writer is the command that QEMU starts to write the state to.
func (t *save) writer() string {
	quote := func(s string) string { return host.Quote([]string{s}) }
	return fmt.Sprintf("umask 077; { set -C; cat >%[1]s && { sync %[1]s || sync; } && mv %[1]s %[2]s; } 2>%[3]s || rm -f %[1]s",
		quote(t.part), quote(t.done), quote(t.said))
}

// run stops the guest, saves it and makes the file valid; on failure the guest goes on if it ran before.
func (t *save) run(ctx context.Context, h host.Host) error {
	m, err := listen(ctx, h, t.r)
	if err != nil {
		return err
	}
	defer m.Close()
	before, err := runState(ctx, m)
	if err != nil {
		return err
	}
	if before == "prelaunch" || before == "inmigrate" {
		return fmt.Errorf("%w: it has not begun", driver.ErrNotRunning)
	}
	err = t.migrate(ctx, m)
	if commitErr := t.commit(context.WithoutCancel(ctx), h, err == nil); err == nil || commitErr != nil && ctx.Err() == nil {
		err = commitErr
	}
	if err == nil {
		return nil
	}
	return errors.Join(err, t.revive(ctx, m, before))
}

// migrate gives the guest's state to the writer and waits until all is given.
func (t *save) migrate(ctx context.Context, m *qmp.Monitor) error {
	if err := m.Execute(ctx, "stop", nil, nil); err != nil {
		return err
	}
	if err := m.Execute(ctx, "migrate-set-parameters", map[string]any{"max-bandwidth": saveBandwidth}, nil); err != nil {
		return err
	}
	if err := m.Execute(ctx, "migrate", map[string]any{"uri": "exec:" + t.writer()}, nil); err != nil {
		return err
	}
	for {
		var progress struct {
			Status string
			Desc   string `json:"error-desc"`
		}
		if err := m.Execute(ctx, "query-migrate", nil, &progress); err != nil {
			return err
		}
		switch progress.Status {
		case "completed":
			return nil
		case "failed", "cancelled":
			return fmt.Errorf("write state: %s", cmp.Or(progress.Desc, "QEMU says "+progress.Status))
		}
		if err := pause(ctx, migrateLook); err != nil {
			return err
		}
	}
}

//go:embed script/commit.sh
var commitScript string

// commit makes the written state valid, or removes what was written.
func (t *save) commit(ctx context.Context, h host.Host, written bool) error {
	rounds, state := int(commitTime/awaitRound), t.state
	if !written {
		// The writer sees the end of its input and may believe that it is complete.
		rounds, state = 0, ""
	}
	sections, _, err := host.Sections(ctx, h, host.Script{
		Body: commitScript,
		Args: []string{t.part, t.done, state, t.saved, string(t.record), t.said, strconv.Itoa(rounds)},
	})
	if err != nil {
		return fmt.Errorf("write state file %s: %w", t.state, err)
	}
	said := ""
	for _, s := range sections {
		if s.Name == "committed" {
			return nil
		}
		said = lastLine(s.Data)
	}
	return fmt.Errorf("write state file %s: %s", t.state, cmp.Or(strings.TrimPrefix(said, "cat: "), "failed"))
}

// revive undoes a failed save.
func (t *save) revive(ctx context.Context, m *qmp.Monitor, before string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	if err := m.Execute(ctx, "migrate_cancel", nil, nil); err != nil {
		return fmt.Errorf("the guest may be stopped: %w", err)
	}
	if before != "running" {
		return nil
	}
	if err := m.Execute(ctx, "cont", nil, nil); err != nil {
		return fmt.Errorf("the guest is stopped: %w", err)
	}
	return nil
}

// Resume starts QEMU from a state file, with the display and the accelerator that the saved machine had.
func (d *Driver) Resume(ctx context.Context, h host.Host, m driver.Machine, stateFile string, o driver.CreateOptions) (driver.Session, error) {
	s, err := d.resume(ctx, h, m, stateFile, o)
	return s, failed("resume", m.Label, err)
}

func (d *Driver) resume(ctx context.Context, h host.Host, m driver.Machine, stateFile string, o driver.CreateOptions) (driver.Session, error) {
	env, err := host.ReadEnvironment(ctx, h)
	if err != nil {
		return driver.Session{}, err
	}
	file, saved, err := findState(ctx, h, places(env), m, stateFile)
	if err != nil {
		return driver.Session{}, err
	}
	p, err := d.prepare(ctx, h, m, file)
	if err != nil {
		return driver.Session{}, err
	}
	p.restored, p.launch.incoming = file, file
	p.launch.display = o.Display || p.file.Display == "vnc"
	if saved != nil {
		p.own, p.launch.display, p.launch.accelerator = saved.Own, saved.Display, saved.Accelerator
	} else if p.launch.accelerator, err = d.accelerator(ctx, h, env, p.file, p.found, o); err != nil {
		return driver.Session{}, err
	}
	s, err := d.start(ctx, h, p, o)
	if err != nil {
		return driver.Session{}, err
	}
	o.Progress("load state")
	r := s.Handle.(*run)
	if err := awaitLoaded(ctx, h, r); err != nil {
		return driver.Session{}, loadError(ctx, h, r, file, err)
	}
	return s, nil
}

// findState finds the state file to resume from, and what was kept when it was saved here.
func findState(ctx context.Context, h host.Host, p paths, m driver.Machine, stateFile string) (string, *run, error) {
	wanted := ""
	if stateFile != "" {
		var err error
		if wanted, err = p.absolute(stateFile); err != nil {
			return "", nil, err
		}
	}
	data, err := host.ReadFile(ctx, h, p.savedFile(keyOf(m.Path)), maxFile)
	if errors.Is(err, host.ErrFileNotFound) {
		if wanted == "" {
			return "", nil, fmt.Errorf("%w: no state of it is saved", driver.ErrNotRunning)
		}
		return wanted, nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	saved, ok := parseSavedFile("", data)
	switch {
	case !ok && wanted == "":
		return "", nil, fmt.Errorf("%w: the record of its saved state is damaged", driver.ErrNotRunning)
	case !ok, wanted != "" && wanted != saved.stateFile:
		return wanted, nil, nil
	}
	return saved.stateFile, saved, nil
}

// awaitLoaded waits until QEMU has read the state.
func awaitLoaded(ctx context.Context, h host.Host, r *run) error {
	m, err := listen(ctx, h, r)
	if err != nil {
		return err
	}
	defer m.Close()
	for {
		status, err := runState(ctx, m)
		if err != nil || status != "inmigrate" {
			return err
		}
		if err := pause(ctx, migrateLook); err != nil {
			return err
		}
	}
}

// loadError ends a machine whose state could not be read, and tells what QEMU said about it.
func loadError(ctx context.Context, h host.Host, r *run, file string, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	_, log, awaitErr := awaitEnd(ctx, h, r, cleanupTime/2, "KILL")
	if log != "" {
		err = fmt.Errorf("%w: %s", err, log)
	}
	return errors.Join(fmt.Errorf("load state file %s: %w", file, err), awaitErr)
}
