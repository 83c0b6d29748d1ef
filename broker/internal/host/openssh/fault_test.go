//go:build unix

package openssh

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/host/hosttest"
	"github.com/conbroker/conbroker/broker/internal/host/remote"
	"github.com/conbroker/conbroker/broker/internal/host/sshconfig"
	"github.com/conbroker/conbroker/broker/internal/prompt"
)

func TestServerThatNeverAnswers(t *testing.T) {
	server := hosttest.NewSshd(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer silent.Close()
	for name, line := range map[string]string{
		"stopped": "",
		"silent":  fmt.Sprintf("Port %d", silent.Addr().(*net.TCPAddr).Port),
		// The proxy is there at once and nothing comes through it.
		"silent behind a proxy": "ProxyCommand sleep 1000",
	} {
		t.Run(name, func(t *testing.T) {
			if name == "stopped" {
				server.Signal(syscall.SIGSTOP)
				defer server.Signal(syscall.SIGCONT)
			}
			o := options(t, server.Config(t, line))
			o.Connect = 2 * time.Second
			h := open(t, o)
			begin := time.Now()
			_, err := h.Run(t.Context(), hosttest.Shell("true"))
			if !errors.Is(err, host.ErrUnreachable) || time.Since(begin) > hosttest.Deadline {
				t.Errorf("after %v: %v", time.Since(begin), err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if _, err := h.Run(ctx, hosttest.Shell("true")); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("with a context that ends: %v", err)
			}
		})
	}
}

// begin starts a terminal and a command on h and returns how each ends.
func begin(t *testing.T, h host.Host) (terminal, command <-chan error) {
	t.Helper()
	s, err := h.Start(t.Context(), hosttest.Shell("echo ready; exec sleep 1000"), host.Terminal{})
	must(t, err)
	hosttest.Expect(t, s, "ready")
	started := filepath.Join(t.TempDir(), "started")
	read, ran := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, s)
		if status := s.Wait(); err == nil && status.Code == 255 {
			err = errors.New(status.Reason)
		}
		read <- errors.Join(err, s.Close())
	}()
	go func() {
		_, err := h.Run(t.Context(), hosttest.Shell(`: >"$1"; exec sleep 1000`, started))
		ran <- err
	}()
	hosttest.Eventually(t, "the command", func() bool { _, err := os.Stat(started); return err == nil })
	return read, ran
}

// broken checks how a terminal and a command ended when the connection broke.
func broken(t *testing.T, terminal, command <-chan error) {
	t.Helper()
	for what, ended := range map[string]<-chan error{"terminal": terminal, "command": command} {
		select {
		case err := <-ended:
			if err == nil || what == "command" && !errors.Is(err, host.ErrUnreachable) || !strings.Contains(err.Error(), "ssh") {
				t.Errorf("the %s ended with %v", what, err)
			}
		case <-time.After(hosttest.Deadline):
			t.Fatalf("the %s goes on", what)
		}
	}
}

func TestServerKilledUnderACommandAndATerminal(t *testing.T) {
	server := hosttest.NewSshd(t)
	h := open(t, options(t, server.Config(t)))
	terminal, command := begin(t, h)
	server.Kill()
	broken(t, terminal, command)
	if _, err := h.Run(t.Context(), hosttest.Shell("true")); !errors.Is(err, host.ErrUnreachable) {
		t.Errorf("while the server is away: %v", err)
	}
	server.Run()
	if r, err := h.Run(t.Context(), hosttest.Shell("exit 3")); err != nil || r.ExitCode != 3 {
		t.Errorf("after its return: %+v, %v", r, err)
	}
}

func TestHalfDeadServerIsNoticed(t *testing.T) {
	server := hosttest.NewSshd(t)
	h := open(t, options(t, server.Config(t)))
	terminal, command := begin(t, h)
	server.Signal(syscall.SIGSTOP)
	defer server.Signal(syscall.SIGCONT)
	// What is given up meanwhile ends at once.
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := h.Run(ctx, hosttest.Shell("true")); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 2*time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
	broken(t, terminal, command)
}

func TestMasterKilled(t *testing.T) {
	server := hosttest.NewSshd(t)
	o := options(t, server.Config(t))
	h := open(t, o)
	terminal, command := begin(t, h)
	for _, pid := range masters(t, o.Env("CONBROKER_RUNTIME_DIR")) {
		must(t, syscall.Kill(pid, syscall.SIGKILL))
	}
	broken(t, terminal, command)
	if _, err := h.Run(t.Context(), hosttest.Shell("true")); err != nil {
		t.Errorf("the next command: %v", err)
	}
}

// masters finds the ssh processes that run with sockets below dir.
func masters(t *testing.T, dir string) (pids []int) {
	t.Helper()
	out, err := exec.Command("ps", "-A", "-o", "pid=,args=").Output()
	must(t, err)
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) > 2 && strings.HasSuffix(f[1], "ssh") && strings.Contains(line, dir+"/ssh/") {
			pid, err := strconv.Atoi(f[0])
			must(t, err)
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestHangingMatchExecIsGivenUp(t *testing.T) {
	server := hosttest.NewSshd(t)
	o := options(t, server.Config(t, `Match exec "sleep 1000"`, " Compression yes"))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := open(t, o).Run(ctx, hosttest.Shell("true")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// orphanVariable makes the test program a broker that is killed.
const orphanVariable = "CONBROKER_TEST_ORPHAN"

// TestMastersEndWithTheBroker kills a process that holds a connection.
func TestMastersEndWithTheBroker(t *testing.T) {
	if config := os.Getenv(orphanVariable); config != "" {
		o := Options{Name: "lab00", Config: &sshconfig.Reader{File: config}, Prompts: prompt.NewRegistry(), Gate: remote.NewGate()}
		_, err := New(o).Run(t.Context(), hosttest.Shell("true"))
		fmt.Println("connected", err)
		select {}
	}
	server := hosttest.NewSshd(t)
	dir, err := os.MkdirTemp("/tmp", "cb")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	broker := exec.Command(os.Args[0], "-test.run=^TestMastersEndWithTheBroker$")
	broker.Env = append(os.Environ(), orphanVariable+"="+server.Config(t), "CONBROKER_RUNTIME_DIR="+dir+"/run")
	out, err := broker.StdoutPipe()
	must(t, err)
	must(t, broker.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "connected <nil>\n" {
		t.Errorf("%q, %v", line, err)
	}
	if len(masters(t, dir+"/run")) != 1 {
		t.Errorf("masters: %v", masters(t, dir+"/run"))
	}
	must(t, broker.Process.Kill())
	_ = broker.Wait() // it was killed
	hosttest.Eventually(t, "the masters to end", func() bool { return len(masters(t, dir+"/run")) == 0 })
}
