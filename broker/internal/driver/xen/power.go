package xen

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

// goneTime is how long a domain that was destroyed may take to disappear.
const goneTime = 60 * time.Second

// Poweroff asks the guest by "xl shutdown" (with ACPI for a guest that does not know Xen), waits up to grace until the domain is
// gone, and then destroys it. A paused domain never hears the question, so it is unpaused first. A suspended machine loses
// its saved state.
func (d *Driver) Poweroff(ctx context.Context, h host.Host, s driver.Session, grace time.Duration) error {
	if r, ok := s.Handle.(*record); ok {
		return failed("poweroff", s.Label, forget(ctx, h, r))
	}
	dom, err := d.find(ctx, h, s)
	if err == nil {
		err = d.poweroff(ctx, h, dom, grace)
	}
	return failed("poweroff", s.Label, err)
}

func (d *Driver) poweroff(ctx context.Context, h host.Host, dom *domain, grace time.Duration) error {
	if grace > 0 && !dom.dying() && (!dom.shutDown() || dom.watched) {
		gone, err := d.askToPowerOff(ctx, h, dom, grace)
		if gone || err != nil {
			return err
		}
	}
	return d.destroy(ctx, h, dom)
}

// askToPowerOff returns true when the domain is gone. Only the end of ctx and of the way to the host are errors: for all else
// there is force.
func (d *Driver) askToPowerOff(ctx context.Context, h host.Host, dom *domain, grace time.Duration) (gone bool, err error) {
	until := time.Now().Add(grace)
	if dom.paused() {
		err = d.xlQuick(ctx, h, "unpause", dom.number())
	}
	if err == nil {
		err = d.xlQuick(ctx, h, "shutdown", "-F", dom.number())
	}
	var command *host.CommandError
	switch {
	case err == nil || errors.Is(err, driver.ErrNotRunning):
	case errors.As(err, &command) && ctx.Err() == nil:
		return false, nil
	default:
		return false, err
	}
	// "xl shutdown -w" returns while the domain still exists, and does not return at all for one that pauses.
	ended, err := d.await(ctx, h, time.Until(until), func(s *survey) bool {
		now := s.byID(dom.id)
		gone = now == nil || now.uuid != dom.uuid
		// What has shut down and is not watched stays until somebody destroys it.
		return gone || now.shutDown() && !now.watched
	})
	return ended && gone, err
}

// awaitGone waits until a domain no longer exists; false means that it does after all of wait.
func (d *Driver) awaitGone(ctx context.Context, h host.Host, dom *domain, wait time.Duration) (bool, error) {
	return d.await(ctx, h, wait, func(s *survey) bool {
		now := s.byID(dom.id)
		return now == nil || now.uuid != dom.uuid
	})
}

// await looks at the host until is holds, for at most wait; the first look is at once.
func (d *Driver) await(ctx context.Context, h host.Host, wait time.Duration, is func(*survey) bool) (bool, error) {
	until := time.Now().Add(wait)
	for {
		s, err := d.look(ctx, h, brief)
		if err != nil {
			return false, err
		}
		if is(s) {
			return true, nil
		}
		left := time.Until(until)
		if left <= 0 {
			return false, nil
		}
		if err := pause(ctx, min(lookEvery, left)); err != nil {
			return false, err
		}
	}
}

// destroy ends a domain by force and waits until it is gone.
func (d *Driver) destroy(ctx context.Context, h host.Host, dom *domain) error {
	if err := d.xlQuick(ctx, h, "destroy", dom.number()); err != nil && !errors.Is(err, driver.ErrNotRunning) {
		return err
	}
	gone, err := d.awaitGone(ctx, h, dom, goneTime)
	if err == nil && !gone {
		err = fmt.Errorf("domain %d was destroyed and still exists after %v: %w", dom.id, goneTime, driver.ErrTimeout)
	}
	return err
}

// Reset destroys the domain and builds it again as it was built, because a PV domain has no reset ("xl trigger reset" fails, and
// exits with 0). That needs the configuration it was started from; without it the guest's kernel is asked by magic SysRq to
// reboot at once, which a guest that hangs does not do.
func (d *Driver) Reset(ctx context.Context, h host.Host, s driver.Session) error {
	dom, err := d.find(ctx, h, s)
	if err == nil {
		err = d.reset(ctx, h, dom, cmp.Or(dom.config, s.Path))
	}
	return failed("reset", s.Label, err)
}

// resetTime is how long a domain may take to come back.
const resetTime = 60 * time.Second

func (d *Driver) reset(ctx context.Context, h host.Host, dom *domain, config string) error {
	if config == "" {
		if err := d.xlQuick(ctx, h, "sysrq", dom.number(), "b"); err != nil {
			return err
		}
		return d.awaitReboot(ctx, h, dom, resetTime, "the guest's kernel did not reset on SysRq b; it was not started by xl with an absolute path, "+
			"so its configuration is not known")
	}
	// Read it before the domain is gone: a configuration that is gone must not cost the machine.
	if _, err := host.ReadFile(ctx, plain{h}, config, maxConfig); err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	if err := d.destroy(ctx, h, dom); err != nil {
		return err
	}
	_, err := d.xl(ctx, h, append([]string{"create", config}, dom.extra...)...)
	return err
}

// Reboot asks the guest to reboot and returns when its new domain runs; the number of the domain has changed then.
func (d *Driver) Reboot(ctx context.Context, h host.Host, s driver.Session, wait time.Duration) error {
	dom, err := d.find(ctx, h, s)
	if err == nil && dom.paused() {
		err = fmt.Errorf("it is paused, and does not hear: %w", driver.ErrNotRunning)
	}
	if err == nil {
		err = d.xlQuick(ctx, h, "reboot", "-F", dom.number())
	}
	if err == nil {
		err = d.awaitReboot(ctx, h, dom, wait, "the guest did not reboot")
	}
	return failed("reboot", s.Label, err)
}

// awaitReboot waits for the successor of a domain. Meanwhile the name is absent, or still there as a domain that has shut down,
// or there as a new domain that is paused.
func (d *Driver) awaitReboot(ctx context.Context, h host.Host, dom *domain, wait time.Duration, otherwise string) error {
	ended := false
	back, err := d.await(ctx, h, wait, func(s *survey) bool {
		now := s.byName(dom.name)
		ended = now == nil
		return now != nil && now.id != dom.id && !now.paused()
	})
	switch {
	case err != nil || back:
		return err
	case ended:
		return fmt.Errorf("%w: the guest powered off instead of rebooting", driver.ErrNotRunning)
	}
	return fmt.Errorf("%s within %v: %w", otherwise, wait, driver.ErrTimeout)
}

// Init maps the two levels that Xen can ask a guest for: 0 to "xl shutdown", 6 to "xl reboot". Unlike Poweroff it never uses
// force. The other levels exist only inside of the guest, where xl does not reach.
func (d *Driver) Init(ctx context.Context, h host.Host, s driver.Session, level string, wait time.Duration) error {
	const action = "init"
	switch level {
	case "0":
		return failed(action, s.Label, d.initOff(ctx, h, s, wait))
	case "6":
		err := d.Reboot(ctx, h, s, wait)
		var inner *driver.Error
		if errors.As(err, &inner) {
			inner.Action = action
		}
		return err
	}
	return &driver.Error{
		Action: action, Type: Type, Label: s.Label, Err: fmt.Errorf("level %s: %w", level, driver.ErrUnsupported),
		Advice: "Xen can ask a guest only to power off (0) and to reboot (6); open its console for the others",
	}
}

func (d *Driver) initOff(ctx context.Context, h host.Host, s driver.Session, wait time.Duration) error {
	dom, err := d.find(ctx, h, s)
	if err != nil {
		return err
	}
	gone, err := d.askToPowerOff(ctx, h, dom, wait)
	if err == nil && !gone {
		if now, findErr := d.find(ctx, h, s); findErr == nil && now.shutDown() {
			return d.destroy(ctx, h, now) // the guest did what it was asked for; what is left of it is empty
		}
		err = fmt.Errorf("the guest did not power off within %v: %w", wait, driver.ErrTimeout)
	}
	return err
}

// Pause stops the domain's processors.
func (d *Driver) Pause(ctx context.Context, h host.Host, s driver.Session) error {
	return failed("pause", s.Label, d.onDomain(ctx, h, s, "pause"))
}

// Unpause continues them.
func (d *Driver) Unpause(ctx context.Context, h host.Host, s driver.Session) error {
	return failed("unpause", s.Label, d.onDomain(ctx, h, s, "unpause"))
}
