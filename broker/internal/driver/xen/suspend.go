package xen

import (
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

var (
	//go:embed script/suspend.sh
	suspendScript string
	//go:embed script/forget.sh
	forgetScript string
)

// savedDir is where the driver keeps states, and the records of all states.
const savedDir = "/var/lib/xen/conbroker"

// keyOf is the name of a machine's record.
func keyOf(label string) string {
	sum := sha256.Sum256([]byte(label))
	return hex.EncodeToString(sum[:8])
}

// Suspend has xl write the domain to the state file (xl save), which then belongs to root, and ends it. If that fails, the
// domain runs on (xl resumes it), and what was written is removed. The xl process that watched over the domain is gone all
// the same (Xen 4.17): the error says what follows from that.
func (d *Driver) Suspend(ctx context.Context, h host.Host, s driver.Session, stateFile string) (string, error) {
	file, err := d.suspend(ctx, h, s, stateFile)
	return file, failed("suspend", s.Label, err)
}

func (d *Driver) suspend(ctx context.Context, h host.Host, s driver.Session, stateFile string) (string, error) {
	dom, err := d.find(ctx, h, s)
	if err != nil {
		return "", err
	}
	if dom.fresh && dom.paused() {
		return "", fmt.Errorf("it has not run yet: %w", driver.ErrNotRunning)
	}
	r := &record{Label: s.Label, UUID: s.UUID, NICs: s.NICs, Config: cmp.Or(dom.config, s.Path), Owner: d.owner}
	if r.State, err = absolute(ctx, h, stateFile); err != nil {
		return "", err
	}
	if r.State == "" {
		r.State, r.Own = path.Join(savedDir, keyOf(r.Label)+".state"), true
	}
	text, err := r.encode()
	if err != nil {
		return "", err
	}
	sections, _, err := host.Sections(ctx, raised{h}, host.Script{
		Body: suspendScript, Args: []string{dom.number(), r.State, text, keyOf(r.Label)},
	})
	if err != nil {
		return "", fmt.Errorf("write state file %s: %w", r.State, err)
	}
	if err := suspendOutcome(h, sections, r.State); err != nil {
		return "", d.unwatched(ctx, h, dom, err)
	}
	_, err = d.awaitGone(ctx, h, dom, goneTime)
	return r.State, err
}

// unwatched adds to why a domain could not be saved what that has done to it.
func (d *Driver) unwatched(ctx context.Context, h host.Host, dom *domain, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	s, lookErr := d.look(ctx, h, brief)
	if lookErr != nil || !dom.watched {
		return err
	}
	if now := s.byID(dom.id); now == nil || now.watched {
		return err
	}
	return &driver.Error{Action: "suspend", Type: Type, Label: dom.name, Err: err,
		Advice: "the machine runs on, but xl no longer watches over it: if it reboots, it has to be created again"}
}

// suspendOutcome reads what suspend.sh said.
func suspendOutcome(h host.Host, sections []host.Section, state string) error {
	said := ""
	for _, s := range sections {
		if s.Name == "saved" {
			return nil
		}
		said = string(s.Data)
	}
	err := outcome(h, host.Command{Argv: []string{"xl", "save"}}, host.Result{ExitCode: 1, Stderr: []byte(saveComplaint(said))})
	return fmt.Errorf("write state file %s: %w", state, err)
}

// saveComplaint leaves the progress out that "xl save" reports.
func saveComplaint(said string) string {
	var kept []string
	for line := range strings.Lines(said) {
		if !strings.HasPrefix(line, "Saving to ") && !strings.HasPrefix(line, "xc: info:") && !strings.HasPrefix(line, "xc: progress:") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// absolute resolves a path that a person gave against the home directory on the host.
func absolute(ctx context.Context, h host.Host, file string) (string, error) {
	if file == "" {
		return "", nil
	}
	if strings.ContainsFunc(file, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", errors.New("the state file's name holds control characters")
	}
	if path.IsAbs(file) {
		return path.Clean(file), nil
	}
	env, err := host.ReadEnvironment(ctx, h)
	if err != nil {
		return "", err
	}
	return path.Join(env.Home, strings.TrimPrefix(file, "~/")), nil
}

// forget removes the record of a saved state, and the state itself if its place was the driver's own.
func forget(ctx context.Context, h host.Host, r *record) error {
	state := ""
	if r.Own {
		state = r.State
	}
	sections, _, err := host.Sections(ctx, raised{h}, host.Script{Body: forgetScript, Args: []string{keyOf(r.Label), state}})
	if err != nil {
		return fmt.Errorf("remove saved state: %w", err)
	}
	if len(sections) != 1 {
		return &host.Error{Host: h.Name(), Action: "remove saved state of " + r.Label, Err: errors.New("removing failed")}
	}
	return nil
}

// Resume has xl restore the domain and leave it paused (xl restore -p). The configuration is the one that is saved in the state
// file, whatever the machine's file says now.
func (d *Driver) Resume(ctx context.Context, h host.Host, m driver.Machine, stateFile string, o driver.CreateOptions) (driver.Session, error) {
	s, err := d.resume(ctx, h, m, stateFile, o)
	return s, failed("resume", m.Label, err)
}

func (d *Driver) resume(ctx context.Context, h host.Host, m driver.Machine, stateFile string, o driver.CreateOptions) (driver.Session, error) {
	wanted, err := absolute(ctx, h, stateFile)
	if err != nil {
		return driver.Session{}, err
	}
	before, err := d.look(ctx, h, full)
	if err != nil {
		return driver.Session{}, err
	}
	if err := before.free(m, true); err != nil {
		return driver.Session{}, err
	}
	r := before.savedOf(m.Label, wanted)
	if r == nil {
		return driver.Session{}, fmt.Errorf("%w: no state of it is saved", driver.ErrNotRunning)
	}
	o.Progress("restore the domain")
	if err := d.restore(ctx, h, m, r); err != nil {
		if ctx.Err() != nil {
			d.abandonRestored(ctx, h, m, before)
		}
		return driver.Session{}, err
	}
	s, err := d.built(ctx, h, m, before)
	if err != nil {
		d.abandonRestored(ctx, h, m, before)
		return driver.Session{}, fmt.Errorf("the state file %s is not of this machine, or could not be loaded: %w", r.State, err)
	}
	s.Handle.(*domain).saved = r
	return s, nil
}

// savedOf finds what to restore: the state that was wanted, or else the machine's own; nil if nothing is known.
func (s *survey) savedOf(label, wanted string) *record {
	for _, r := range s.saved {
		if r.Label == label && (wanted == "" || wanted == r.State) {
			return r
		}
	}
	if wanted == "" {
		return nil
	}
	return &record{Label: label, State: wanted}
}

// restore runs xl restore. The name of the configuration goes along in the environment, where a survey finds it.
func (d *Driver) restore(ctx context.Context, h host.Host, m driver.Machine, r *record) error {
	xl, err := d.tool(ctx, h)
	if err != nil {
		return err
	}
	c := host.Command{Argv: []string{xl, "restore", "-p", r.State}, Env: []string{"CONBROKER_CONFIG=" + m.Path}, Raised: true}
	result, err := h.Run(ctx, c)
	if err != nil {
		return err
	}
	if strings.Contains(string(result.Stderr), "Can't open restore file: No such file") {
		return fmt.Errorf("%w: state file %s: no such file", driver.ErrNotRunning, r.State)
	}
	if result.ExitCode == 0 {
		return nil
	}
	return outcome(h, c, result)
}

// abandonRestored ends what a restore that went wrong has left: a domain of this restore that has not run. It may have another
// name than the machine, if the state file was that of another one.
func (d *Driver) abandonRestored(ctx context.Context, h host.Host, m driver.Machine, before *survey) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	now, err := d.look(ctx, h, brief)
	if err != nil {
		return
	}
	for _, dom := range now.domains {
		if before.byID(dom.id) == nil && dom.paused() && dom.fresh && dom.config == path.Clean(m.Path) {
			_ = d.destroy(ctx, h, dom) // the failure that led here is the one to tell
		}
	}
}
