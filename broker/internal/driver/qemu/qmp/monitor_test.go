package qmp

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// startQEMU runs a QEMU without a machine and returns the path of its QMP socket.
func startQEMU(t *testing.T) string {
	t.Helper()
	sock := filepath.Join(t.TempDir(), "qmp.sock")
	pid := filepath.Join(filepath.Dir(sock), "pid")
	cmd := exec.Command("qemu-system-x86_64", "-M", "none", "-nodefaults", "-display", "none", "-S",
		"-qmp", "unix:"+sock+",server=on,wait=off", "-pidfile", pid)
	ready, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	// The monitor on stdio greets only after the socket listens, because chardevs are made in the order given.
	cmd.Args = append(cmd.Args, "-qmp", "stdio")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	if _, err := ready.Read(make([]byte, 1)); err != nil {
		t.Fatalf("QEMU did not greet: %v", err)
	}
	return sock
}

func dial(t *testing.T, sock string) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func open(t *testing.T, sock string) *Monitor {
	t.Helper()
	m, err := Open(deadline(t), dial(t, sock))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestRealQEMU(t *testing.T) {
	sock := startQEMU(t)
	m := open(t, sock)
	if m.Version().Major < 4 {
		t.Errorf("version %+v", m.Version())
	}
	var status struct{ Status string }
	if err := m.Execute(deadline(t), "query-status", nil, &status); err != nil || status.Status != "prelaunch" {
		t.Errorf("status %q, error %v", status.Status, err)
	}
	var refused *CommandError
	err := m.Execute(deadline(t), "no-such-command", nil, nil)
	if !errors.As(err, &refused) || refused.Class != "CommandNotFound" || refused.Command != "no-such-command" {
		t.Errorf("unknown command: %v", err)
	}
	err = m.Execute(deadline(t), "device_del", map[string]any{"id": "nothing"}, nil)
	if !errors.As(err, &refused) || refused.Class != "DeviceNotFound" {
		t.Errorf("device_del: %v", err)
	}
	if err := m.Execute(deadline(t), "query-status", nil, &[]int{}); err == nil {
		t.Error("an answer of another shape was accepted")
	}
}

func TestRealQEMUTakesOneClientAtATime(t *testing.T) {
	sock := startQEMU(t)
	first := open(t, sock)
	ctx, cancel := context.WithTimeout(deadline(t), 100*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, dial(t, sock)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("second client while the first is there: %v", err)
	}
	first.Close()
	open(t, sock)
}

func TestRealQEMUQuits(t *testing.T) {
	m := open(t, startQEMU(t))
	if err := m.Execute(deadline(t), "quit", nil, nil); err != nil {
		t.Fatal(err)
	}
	var names []string
	for e := range m.Events() {
		names = append(names, e.Name)
		if time.Since(e.Time) > time.Minute {
			t.Errorf("%s has time %v", e.Name, e.Time)
		}
	}
	if len(names) != 1 || names[0] != "SHUTDOWN" {
		t.Errorf("events %q, want SHUTDOWN", names)
	}
	if err := m.Execute(deadline(t), "query-status", nil, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("command after quit: %v", err)
	}
}

func TestConcurrentCommands(t *testing.T) {
	m := open(t, startQEMU(t))
	failures := make(chan error)
	const workers = 16
	for range workers {
		go func() {
			var err error
			for range 20 {
				var v struct{ QEMU struct{ Major int } }
				err = errors.Join(err, m.Execute(deadline(t), "query-version", nil, &v))
				if v.QEMU.Major != m.Version().Major {
					err = errors.Join(err, errors.New("answer of another command"))
				}
			}
			failures <- err
		}()
	}
	for range workers {
		if err := <-failures; err != nil {
			t.Error(err)
		}
	}
}
