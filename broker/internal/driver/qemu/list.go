package qemu

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/driver/qemu/qmp"
	"github.com/conbroker/conbroker/broker/internal/host"
)

const (
	// queryTime bounds what LIST waits for one machine; one that does not answer is shown as running.
	queryTime = time.Second
	// queriesAtOnce bounds the connections that LIST has open.
	queriesAtOnce = 8
)

// List returns the machines that run, and those that are suspended and whose state file exists, of the user on the host:
// one round trip, then QMP to each.
func (d *Driver) List(ctx context.Context, h host.Host) ([]driver.Session, error) {
	env, err := host.ReadEnvironment(ctx, h)
	if err != nil {
		return nil, fmt.Errorf("list QEMU machines: %w", err)
	}
	runs, suspended, err := survey(ctx, h, places(env))
	if err != nil {
		return nil, err
	}
	asked := make([]*driver.Session, len(runs))
	var asking sync.WaitGroup
	slots := make(chan struct{}, queriesAtOnce)
	for i, r := range runs {
		asking.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if s := sessionOf(r, env); ask(ctx, h, r, &s) {
				asked[i] = &s
			}
		})
	}
	asking.Wait()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("list QEMU machines: %w", err)
	}
	var sessions []driver.Session
	ended := false
	for _, s := range asked {
		if s != nil {
			sessions = append(sessions, *s)
		}
		ended = ended || s == nil
	}
	if ended {
		// It lived when it was found, and did not when it was asked: look again, for what it left to be cleared up.
		if _, _, err := survey(ctx, h, places(env)); err != nil {
			return nil, err
		}
	}
	for _, r := range suspended {
		sessions = append(sessions, sessionOf(r, env))
	}
	return sessions, nil
}

// sessionOf is what is known of a run without asking QEMU.
func sessionOf(r *run, env host.Environment) driver.Session {
	s := driver.Session{
		Type: Type, Label: r.Label, ID: r.Path, UUID: r.UUID, NICs: r.NICs, State: driver.StateRunning, Role: driver.RoleServer,
		PID: r.pid, User: env.User, Group: env.Group, ExecPath: r.Exec, Hypervisor: "QEMU", Accelerator: r.Accelerator,
		Arch: r.Arch, Path: r.Path, Handle: r,
	}
	if r.stateFile != "" {
		s.State, s.StateFile = driver.StateSuspended, r.stateFile
	}
	return s
}

// ask fills in what only QEMU knows: the state and the display. It returns false for a machine that has ended meanwhile.
func ask(ctx context.Context, h host.Host, r *run, s *driver.Session) bool {
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	err := command(ctx, h, r, func(ctx context.Context, m *qmp.Monitor) error {
		state, err := stateOf(ctx, m)
		if err != nil {
			return err
		}
		s.State = state
		if r.Display {
			s.ClientPort, err = vncPort(ctx, m)
		}
		return err
	})
	if s.ClientPort >= vncBase {
		s.Display = ":" + strconv.Itoa(s.ClientPort-vncBase)
	}
	return !errors.Is(err, driver.ErrNotRunning)
}

// stateOf asks for the state of the guest.
func stateOf(ctx context.Context, m *qmp.Monitor) (driver.State, error) {
	status, err := runState(ctx, m)
	if err != nil {
		return "", err
	}
	switch status {
	case "prelaunch", "inmigrate":
		return driver.StateStarting, nil
	case "running", "colo":
		return driver.StateRunning, nil
	case "guest-panicked", "internal-error", "shutdown":
		return driver.StateCrashed, nil
	default:
		// paused, suspended (ACPI S3), postmigrate, finish-migrate, io-error, watchdog, debug, save-vm, restore-vm:
		// the processors stand still and can go on.
		return driver.StatePaused, nil
	}
}

// runState returns QEMU's own word (QEMU QMP Reference Manual, RunState).
func runState(ctx context.Context, m *qmp.Monitor) (string, error) {
	var status struct{ Status string }
	err := m.Execute(ctx, "query-status", nil, &status)
	return status.Status, err
}

// vncBase is the TCP port of VNC display 0.
const vncBase = 5900

func vncPort(ctx context.Context, m *qmp.Monitor) (int, error) {
	var vnc struct {
		Enabled bool
		Service string
	}
	if err := m.Execute(ctx, "query-vnc", nil, &vnc); err != nil {
		return 0, err
	}
	port, err := strconv.Atoi(vnc.Service)
	if err != nil || !vnc.Enabled {
		return 0, fmt.Errorf("QEMU tells no VNC port: %q", vnc.Service)
	}
	return port, nil
}

// runOf returns the run behind a session: its Handle, or for a session that came another way what a survey finds.
func runOf(ctx context.Context, h host.Host, s driver.Session) (*run, error) {
	if r, ok := s.Handle.(*run); ok {
		return r, nil
	}
	env, err := host.ReadEnvironment(ctx, h)
	if err != nil {
		return nil, err
	}
	runs, suspended, err := survey(ctx, h, places(env))
	if err != nil {
		return nil, err
	}
	for _, r := range append(runs, suspended...) {
		if r.Path == s.ID {
			return r, nil
		}
	}
	return nil, driver.ErrNotRunning
}
