package xen

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"github.com/conbroker/conbroker/broker/internal/config"
	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

const (
	// displayTime is how long the VNC server of a domain may take to tell its port.
	displayTime = 10 * time.Second
	// cleanupTime bounds what is done after the caller's context has ended.
	cleanupTime = 10 * time.Second
	// lookEvery is the interval between two looks at a state that is waited for.
	lookEvery = 300 * time.Millisecond
)

// Create has xl build the domain and leave it paused (xl create -p). Whatever it says once Begin lets it run is kept by
// xenconsoled until a console reads it.
func (d *Driver) Create(ctx context.Context, h host.Host, m driver.Machine, o driver.CreateOptions) (driver.Session, error) {
	s, err := d.create(ctx, h, m, o)
	return s, failed("create", m.Label, err)
}

func (d *Driver) create(ctx context.Context, h host.Host, m driver.Machine, o driver.CreateOptions) (driver.Session, error) {
	now, err := load(ctx, plain{h}, m)
	if err != nil {
		return driver.Session{}, err
	}
	before, err := d.look(ctx, h, full)
	if err != nil {
		return driver.Session{}, err
	}
	if err := before.free(now, false); err != nil {
		return driver.Session{}, err
	}
	c, _ := now.Config.(machineConfig)
	args := []string{"create", "-p", now.Path}
	if o.Display && !c.display {
		args = append(args, displayOf(c.kind))
	}
	o.Progress("build the domain")
	if _, err := d.xl(ctx, h, args...); err != nil {
		if ctx.Err() != nil {
			d.abandon(ctx, h, now, before)
		}
		return driver.Session{}, inConfig(now.Path, err)
	}
	return d.built(ctx, h, now, before)
}

// displayOf is the setting that adds a VNC server to a configuration without one: only people at the host reach it.
func displayOf(kind string) string {
	if kind == "hvm" {
		return `vnc=1; vnclisten="127.0.0.1"; vncunused=1`
	}
	return `vfb=["type=vnc,vnclisten=127.0.0.1,vncunused=1"]`
}

// free refuses a machine whose name or UUID is taken. xl itself accepts a UUID twice, and then neither domain can be told from
// the other (Xen 4.17). A saved state is in the way unless it is to be restored.
func (s *survey) free(m driver.Machine, restoring bool) error {
	for _, dom := range s.domains {
		if dom.id == 0 {
			continue
		}
		if dom.name == m.Label {
			return fmt.Errorf("%w as domain %d", driver.ErrAlreadyRunning, dom.id)
		}
		if m.UUID != "" && dom.uuid == m.UUID {
			return fmt.Errorf("%w: domain %d, %s, has the same UUID", driver.ErrAlreadyRunning, dom.id, dom.name)
		}
	}
	for _, r := range s.saved {
		if !restoring && r.Label == m.Label {
			return &driver.Error{
				Action: "create", Type: Type, Label: m.Label, Err: fmt.Errorf("%w: it is suspended in %s", driver.ErrAlreadyRunning, r.State),
				Advice: "resume it, or cancel it to throw the saved state away",
			}
		}
	}
	return nil
}

// inConfig adds the file to a mistake that only xl has found.
func inConfig(file string, err error) error {
	var command *host.CommandError
	if !errors.As(err, &command) || command.ExitCode != 1 || errors.Is(err, driver.ErrAlreadyRunning) || errors.Is(err, host.ErrPermission) {
		return err
	}
	return fmt.Errorf("%w: %w", &config.Error{File: file, Text: "xl refuses it"}, err)
}

// built returns the session of a domain that xl has just made, and waits for its display.
func (d *Driver) built(ctx context.Context, h host.Host, m driver.Machine, before *survey) (driver.Session, error) {
	until := time.Now().Add(displayTime)
	for {
		now, err := d.look(ctx, h, full)
		if err != nil {
			d.abandon(ctx, h, m, before)
			return driver.Session{}, err
		}
		dom := now.byName(m.Label)
		switch {
		case dom == nil:
			return driver.Session{}, fmt.Errorf("xl made it, and it is gone again: %w", driver.ErrNotRunning)
		case dom.display && dom.vncPort == 0 && time.Now().Before(until):
			if err := pause(ctx, lookEvery); err != nil {
				d.abandon(ctx, h, m, before)
				return driver.Session{}, err
			}
			continue
		}
		s := now.session(dom)
		s.State, s.ID, s.Path = driver.StateStarting, path.Clean(m.Path), path.Clean(m.Path)
		return s, nil
	}
}

// abandon ends a domain whose start was cut off.
func (d *Driver) abandon(ctx context.Context, h host.Host, m driver.Machine, before *survey) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	now, err := d.look(ctx, h, brief)
	if err != nil {
		return
	}
	if dom := now.byName(m.Label); dom != nil && before.byID(dom.id) == nil && dom.paused() && dom.fresh {
		_ = d.destroy(ctx, h, dom) // the failure that led here is the one to tell
	}
}

// pause is the interval between two looks; it ends early with ctx.
func pause(ctx context.Context, interval time.Duration) error {
	t := time.NewTimer(interval)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Begin lets the domain run. A state that it was restored from is used up then: if its place was the driver's own, it is
// removed.
func (d *Driver) Begin(ctx context.Context, h host.Host, s driver.Session) error {
	err := d.onDomain(ctx, h, s, "unpause")
	if dom, ok := s.Handle.(*domain); ok && err == nil && dom.saved != nil {
		err = forget(ctx, h, dom.saved)
	}
	return failed("begin", s.Label, err)
}

// onDomain runs a quick command of xl on a session's domain.
func (d *Driver) onDomain(ctx context.Context, h host.Host, s driver.Session, command string, options ...string) error {
	dom, err := d.find(ctx, h, s)
	if err != nil {
		return err
	}
	return d.xlQuick(ctx, h, append(append([]string{command}, options...), dom.number())...)
}
