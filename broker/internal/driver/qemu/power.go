package qemu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/driver/qemu/qmp"
	"github.com/conbroker/conbroker/broker/internal/host"
)

const (
	// pressEvery is the interval at which the power button is pressed again: a guest that is still booting does not
	// notice it.
	pressEvery = 2 * time.Second
	// quitTime is how long QEMU may take to end when it is told to; then it is killed.
	quitTime = 3 * time.Second
)

// Poweroff presses the power button (ACPI), waits up to grace for QEMU to end, then has QEMU quit, and kills it if even
// that does not help. A paused guest is continued, so that it can hear. A suspended machine loses its saved state.
func (d *Driver) Poweroff(ctx context.Context, h host.Host, s driver.Session, grace time.Duration) error {
	r, err := runOf(ctx, h, s)
	if err == nil {
		err = poweroff(ctx, h, r, grace)
	}
	return failed("poweroff", s.Label, err)
}

func poweroff(ctx context.Context, h host.Host, r *run, grace time.Duration) error {
	if r.stateFile != "" {
		return discard(ctx, h, r)
	}
	gone, err := askToPowerOff(ctx, h, r, grace)
	if err != nil || gone {
		return err
	}
	return destroy(ctx, h, r)
}

// discard forgets a suspended machine. A state file that a person chose the place of stays theirs.
func discard(ctx context.Context, h host.Host, r *run) error {
	files := []string{r.saved}
	if r.Own {
		files = append(files, r.stateFile)
	}
	return host.Remove(ctx, h, files...)
}

// askToPowerOff presses the power button again and again until the process ends or grace is over.
func askToPowerOff(ctx context.Context, h host.Host, r *run, grace time.Duration) (gone bool, err error) {
	until := time.Now().Add(grace)
	for left := grace; left > 0 && !gone; left = time.Until(until) {
		ready, err := press(ctx, h, r)
		switch {
		case ctx.Err() != nil:
			return false, err
		case !ready && !errors.Is(err, driver.ErrNotRunning):
			return false, nil // nobody there to hear it, or QEMU does not answer: force is all that is left
		}
		if gone, _, err = awaitEnd(ctx, h, r, min(pressEvery, left), ""); err != nil {
			return false, err
		}
	}
	return gone, nil
}

// press presses the power button. It returns false if the guest cannot hear it.
func press(ctx context.Context, h host.Host, r *run) (heard bool, err error) {
	err = command(ctx, h, r, func(ctx context.Context, m *qmp.Monitor) error {
		status, err := runState(ctx, m)
		if err != nil {
			return err
		}
		switch status {
		case "prelaunch", "inmigrate", "guest-panicked", "internal-error", "shutdown":
			return nil
		case "paused":
			if err := m.Execute(ctx, "cont", nil, nil); err != nil {
				return err
			}
		}
		heard = true
		return m.Execute(ctx, "system_powerdown", nil, nil)
	})
	return heard && err == nil, err
}

// destroy ends QEMU, with or without its help.
func destroy(ctx context.Context, h host.Host, r *run) error {
	bounded, cancel := context.WithTimeout(ctx, quitTime)
	quitErr := execute(bounded, h, r, "quit", nil)
	cancel()
	wait := quitTime
	if quitErr != nil {
		wait = 0 // it was not told
	}
	gone, _, err := awaitEnd(ctx, h, r, wait, "")
	if err == nil && !gone {
		gone, _, err = awaitEnd(ctx, h, r, quitTime, "KILL")
	}
	if err == nil && !gone {
		err = fmt.Errorf("process %s did not end though it was killed: %w", r.pid, driver.ErrTimeout)
	}
	return err
}

// Reset presses the reset button.
func (d *Driver) Reset(ctx context.Context, h host.Host, s driver.Session) error {
	r, err := runOf(ctx, h, s)
	if err == nil {
		err = execute(ctx, h, r, "system_reset", nil)
	}
	return failed("reset", s.Label, err)
}

// Reboot presses Ctrl-Alt-Delete, which an init system takes for a reboot (there is no ACPI request for it), and waits for
// the guest to reset the machine.
func (d *Driver) Reboot(ctx context.Context, h host.Host, s driver.Session, wait time.Duration) error {
	r, err := runOf(ctx, h, s)
	if err == nil {
		err = reboot(ctx, h, r, wait)
	}
	return failed("reboot", s.Label, err)
}

func reboot(ctx context.Context, h host.Host, r *run, wait time.Duration) error {
	m, err := listen(ctx, h, r)
	if err != nil {
		return err
	}
	defer m.Close()
	status, err := runState(ctx, m)
	if err != nil {
		return err
	}
	if status != "running" {
		return fmt.Errorf("%w: the guest's state is %s", driver.ErrNotRunning, status)
	}
	if err := pressKeys(ctx, m, "ctrl", "alt", "delete"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, wait,
		fmt.Errorf("the guest did not reboot on Ctrl-Alt-Delete within %v: %w", wait, driver.ErrTimeout))
	defer cancel()
	return awaitReset(ctx, m)
}

func pressKeys(ctx context.Context, m *qmp.Monitor, names ...string) error {
	type key struct {
		Type string `json:"type"`
		Data string `json:"data"`
	}
	var keys []key
	for _, name := range names {
		keys = append(keys, key{"qcode", name})
	}
	return m.Execute(ctx, "send-key", map[string]any{"keys": keys}, nil)
}

// awaitReset waits until the guest has reset the machine.
func awaitReset(ctx context.Context, m *qmp.Monitor) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case e, ok := <-m.Events():
			if !ok {
				return fmt.Errorf("%w: the guest powered off instead of rebooting", driver.ErrNotRunning)
			}
			var data struct{ Guest bool }
			if e.Name == "RESET" && json.Unmarshal(e.Data, &data) == nil && data.Guest {
				return nil
			}
		}
	}
}

// Init maps the two levels that hardware can ask for: 0 to the power button, 6 to Ctrl-Alt-Delete. Unlike Poweroff it
// never uses force.
func (d *Driver) Init(ctx context.Context, h host.Host, s driver.Session, level string, wait time.Duration) error {
	const action = "init"
	r, err := runOf(ctx, h, s)
	if err != nil {
		return failed(action, s.Label, err)
	}
	switch level {
	case "0":
		err = initPoweroff(ctx, h, r, wait)
	case "6":
		err = reboot(ctx, h, r, wait)
	default:
		return &driver.Error{
			Action: action, Type: Type, Label: s.Label,
			Err:    fmt.Errorf("level %q: QEMU can ask a guest for levels 0 and 6 only: %w", level, driver.ErrUnsupported),
			Advice: "open its console and type: init " + level,
		}
	}
	return failed(action, s.Label, err)
}

func initPoweroff(ctx context.Context, h host.Host, r *run, wait time.Duration) error {
	if r.dir == "" {
		return fmt.Errorf("it is suspended: %w", driver.ErrNotRunning)
	}
	gone, err := askToPowerOff(ctx, h, r, wait)
	if err == nil && !gone {
		err = fmt.Errorf("the guest did not power off within %v: %w", wait, driver.ErrTimeout)
	}
	return err
}

// Pause stops the guest's processors.
func (d *Driver) Pause(ctx context.Context, h host.Host, s driver.Session) error {
	r, err := runOf(ctx, h, s)
	if err == nil {
		err = execute(ctx, h, r, "stop", nil)
	}
	return failed("pause", s.Label, err)
}

// Unpause continues a guest that Pause stopped, or that was started and never begun.
func (d *Driver) Unpause(ctx context.Context, h host.Host, s driver.Session) error {
	return failed("unpause", s.Label, d.goOn(ctx, h, s))
}
