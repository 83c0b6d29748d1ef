//go:build unix

package native

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/host/hosttest"
	"github.com/conbroker/conbroker/broker/internal/prompt"
)

func TestConformance(t *testing.T) {
	server := hosttest.NewSshd(t)
	o := options(server.Config(t))
	hosttest.Run(t, func() host.Host { return New(o) })
}

func TestPassphraseIsAskedOnce(t *testing.T) {
	for _, kind := range []string{"ed25519", "rsa", "ecdsa"} {
		server := hosttest.NewSshd(t, "MaxSessions 2")
		locked := server.Dir + "/locked"
		out, err := exec.Command("ssh-keygen", "-q", "-t", kind, "-a", "1", "-N", "tiger", "-f", locked).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		hosttest.Copy(t, locked+".pub", server.Dir+"/authorized_keys")
		o := options(server.Config(t, "IdentityFile "+locked))
		h := open(t, o)
		who := person(o, hosttest.Answer{Key: "passphrase", Text: "wrong", Once: true}, hosttest.Answer{Key: "passphrase", Text: "tiger"})
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				if r, err := h.Run(prompt.With(t.Context(), who), hosttest.Shell("sleep 0.5")); err != nil || r.ExitCode != 0 {
					t.Errorf("%+v, %v", r, err)
				}
			})
		}
		all.Wait()
		if asked := who.Asked(); len(asked) != 2 || !asked[0].Secret || asked[0].Host != "lab00" || asked[0].User != server.User {
			t.Errorf("%s: asked %+v", kind, asked)
		}
		if h.Connections() < 2 {
			t.Errorf("%d connections: the server takes 2 sessions each", h.Connections())
		}
		o = options(server.Config(t, "IdentityFile "+locked))
		who = person(o, hosttest.Answer{Key: "passphrase", Text: "wrong"})
		if _, err := open(t, o).Run(prompt.With(t.Context(), who), hosttest.Shell("true")); !errors.Is(err, host.ErrAuthentication) || len(who.Asked()) != 3 {
			t.Errorf("wrong each time: %v, asked %d times", err, len(who.Asked()))
		}
		if _, err := open(t, o).Run(t.Context(), hosttest.Shell("true")); !errors.Is(err, prompt.ErrNobody) {
			t.Errorf("without a person: %v", err)
		}
	}
}

func TestAgent(t *testing.T) {
	server := hosttest.NewSshd(t)
	socket := server.Dir + "/agent"
	agent := exec.Command("ssh-agent", "-D", "-a", socket)
	must(t, agent.Start())
	t.Cleanup(func() {
		_ = agent.Process.Kill()
		_ = agent.Wait()
	})
	hosttest.Eventually(t, "the agent", func() bool { _, err := os.Stat(socket); return err == nil })
	add := exec.Command("ssh-add", server.Key)
	add.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket)
	must(t, add.Run())
	must(t, os.Remove(server.Key))
	o := options(server.Config(t, "IdentityAgent "+socket, "IdentitiesOnly no"))
	if r, err := open(t, o).Run(t.Context(), hosttest.Shell("exit 3")); err != nil || r.ExitCode != 3 {
		t.Errorf("%+v, %v", r, err)
	}
	o = options(server.Config(t, "IdentitiesOnly no"))
	o.Env = func(name string) string { return map[string]string{"SSH_AUTH_SOCK": socket}[name] }
	if _, err := open(t, o).Run(t.Context(), hosttest.Shell("true")); err != nil {
		t.Error(err)
	}
	o = options(server.Config(t, "IdentityAgent none", "IdentitiesOnly no"))
	if _, err := open(t, o).Run(t.Context(), hosttest.Shell("true")); !errors.Is(err, host.ErrAuthentication) {
		t.Errorf("without the agent: %v", err)
	}
}

func TestUnknownHostKey(t *testing.T) {
	server := hosttest.NewSshd(t)
	out, err := exec.Command("ssh-keygen", "-l", "-f", server.HostKey+".pub").Output()
	must(t, err)
	fingerprint := strings.Fields(string(out))[1]
	for _, tt := range []struct {
		answer string
		ok     bool
	}{{"no", false}, {"perhaps", false}, {"yes", true}, {fingerprint, true}} {
		for _, hashed := range []string{"no", "yes"} {
			must(t, os.WriteFile(server.KnownHosts, []byte("# no newline"), 0o600))
			o := options(server.Config(t, "HashKnownHosts "+hashed))
			who := person(o, hosttest.Answer{Key: "authenticity", Text: tt.answer})
			_, err := open(t, o).Run(prompt.With(t.Context(), who), hosttest.Shell("true"))
			if (err == nil) != tt.ok || err != nil && !errors.Is(err, host.ErrAuthentication) {
				t.Errorf("%s: %v", tt.answer, err)
			}
			asked := who.Asked()
			if len(asked) == 0 || asked[0].Secret || !strings.Contains(asked[0].Text, fingerprint) {
				t.Errorf("asked %+v", asked)
			}
			if !tt.ok {
				continue
			}
			if _, err := open(t, o).Run(t.Context(), hosttest.Shell("true")); err != nil {
				t.Errorf("the key was not remembered: %v", err)
			}
			// The ssh program reads the file alike.
			plain := exec.Command("ssh", "-F", o.Config.File, "-o", "StrictHostKeyChecking=yes", "lab00", "true")
			if out, err := plain.CombinedOutput(); err != nil {
				t.Errorf("ssh: %v: %s", err, out)
			}
		}
	}
	must(t, os.WriteFile(server.KnownHosts, nil, 0o600))
	if _, err := open(t, options(server.Config(t, "StrictHostKeyChecking yes"))).Run(t.Context(), hosttest.Shell("true")); !errors.Is(err, host.ErrAuthentication) {
		t.Errorf("strict: %v", err)
	}
	if _, err := open(t, options(server.Config(t, "StrictHostKeyChecking accept-new"))).Run(t.Context(), hosttest.Shell("true")); err != nil {
		t.Errorf("accept-new: %v", err)
	}
}

func TestChangedHostKeyIsNeverAccepted(t *testing.T) {
	server := hosttest.NewSshd(t)
	other := server.Dir + "/other"
	hosttest.Keygen(t, other, "")
	key, err := os.ReadFile(other + ".pub")
	must(t, err)
	must(t, os.WriteFile(server.KnownHosts, fmt.Appendf(nil, "# one\n[127.0.0.1]:%d %s", server.Port, key), 0o600))
	for _, policy := range []string{"ask", "no", "accept-new", "yes"} {
		o := options(server.Config(t, "StrictHostKeyChecking "+policy))
		who := person(o, hosttest.Answer{Key: "", Text: "yes"})
		_, err := open(t, o).Run(prompt.With(t.Context(), who), hosttest.Shell("true"))
		if !errors.Is(err, host.ErrAuthentication) || !strings.Contains(err.Error(), server.KnownHosts+":2") || !strings.Contains(err.Error(), "SHA256:") {
			t.Errorf("%s: %v", policy, err)
		}
		if len(who.Asked()) != 0 {
			t.Errorf("%s: asked %+v", policy, who.Asked())
		}
	}
}

func TestProxyJump(t *testing.T) {
	gate, server := hosttest.NewSshd(t), hosttest.NewSshd(t)
	hosttest.Copy(t, server.Dir+"/authorized_keys", gate.Dir+"/authorized_keys")
	known, err := os.ReadFile(gate.KnownHosts)
	must(t, err)
	more, err := os.ReadFile(server.KnownHosts)
	must(t, err)
	must(t, os.WriteFile(server.KnownHosts, append(known, more...), 0o600))
	for _, jump := range []string{"gate", fmt.Sprintf("127.0.0.1:%d", gate.Port), "gate,lab07"} {
		o := options(server.Config(t, "Host gate", fmt.Sprintf(" HostName 127.0.0.1\n Port %d", gate.Port), "Host lab00", " ProxyJump "+jump))
		h := open(t, o)
		if r, err := h.Run(t.Context(), hosttest.Shell("exit 3")); err != nil || r.ExitCode != 3 {
			t.Errorf("%s: %+v, %v", jump, r, err)
		}
	}
	if n := strings.Count(gate.Log(), "Accepted publickey"); n != 3 {
		t.Errorf("the gateway saw %d logins", n)
	}
	o := options(server.Config(t, "ProxyCommand nc %h %p"))
	if _, err := open(t, o).Run(t.Context(), hosttest.Shell("true")); err == nil || !strings.Contains(err.Error(), "ProxyCommand") {
		t.Errorf("a proxy command: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	server := hosttest.NewSshd(t)
	foreign := server.Dir + "/foreign"
	hosttest.Keygen(t, foreign, "")
	o := options(server.Config(t, "HostName conbroker.invalid"))
	if _, err := open(t, o).Run(t.Context(), hosttest.Shell("true")); !errors.Is(err, host.ErrUnreachable) {
		t.Errorf("no such host: %v", err)
	}
	o = options(server.Config(t, "Port 1"))
	if _, err := open(t, o).Run(t.Context(), hosttest.Shell("true")); !errors.Is(err, host.ErrUnreachable) {
		t.Errorf("nobody there: %v", err)
	}
	o = options(server.Config(t))
	must(t, os.Rename(foreign, server.Key))
	if _, err := open(t, o).Run(t.Context(), hosttest.Shell("true")); !errors.Is(err, host.ErrAuthentication) {
		t.Errorf("not let in: %v", err)
	}
}

func TestServerThatNeverAnswers(t *testing.T) {
	server := hosttest.NewSshd(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer silent.Close()
	for _, line := range []string{"", fmt.Sprintf("Port %d", silent.Addr().(*net.TCPAddr).Port)} {
		if line == "" {
			server.Signal(syscall.SIGSTOP)
			defer server.Signal(syscall.SIGCONT)
		}
		o := options(server.Config(t, line))
		o.Connect = 300 * time.Millisecond
		h := open(t, o)
		begin := time.Now()
		if _, err := h.Run(t.Context(), hosttest.Shell("true")); !errors.Is(err, host.ErrUnreachable) || time.Since(begin) > hosttest.Deadline {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := h.Run(ctx, hosttest.Shell("true")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a context that ends: %v", err)
		}
	}
}

func TestHalfDeadAndKilledServer(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGKILL} {
		server := hosttest.NewSshd(t)
		h := open(t, options(server.Config(t)))
		s, err := h.Start(t.Context(), hosttest.Shell("echo ready; exec sleep 1000"), host.Terminal{})
		must(t, err)
		hosttest.Expect(t, s, "ready")
		ran := make(chan error, 1)
		started := server.Dir + "/started"
		go func() {
			_, err := h.Run(t.Context(), hosttest.Shell(`: >"$1"; exec sleep 1000`, started))
			ran <- err
		}()
		hosttest.Eventually(t, "the command", func() bool { _, err := os.Stat(started); return err == nil })
		server.Signal(sig)
		if err := <-ran; !errors.Is(err, host.ErrUnreachable) {
			t.Errorf("%v: the command ended with %v", sig, err)
		}
		if _, err := s.Read(make([]byte, 1)); err == nil {
			t.Errorf("%v: the terminal goes on", sig)
		}
		if got := s.Wait(); got.Code != 255 || got.Reason == "" {
			t.Errorf("%v: the terminal ended as %+v", sig, got)
		}
		must(t, s.Close())
		server.Signal(syscall.SIGCONT)
	}
}

func TestMaxStartups(t *testing.T) {
	server := hosttest.NewSshd(t, "MaxStartups 3:60:6")
	o := options(server.Config(t))
	var all sync.WaitGroup
	for i := range 20 {
		o := o
		o.Name = fmt.Sprintf("127.0.1.%d", i+1)
		h := open(t, o)
		all.Go(func() {
			if _, err := h.Run(t.Context(), hosttest.Shell("true")); err != nil {
				t.Errorf("%s: %v", o.Name, err)
			}
		})
	}
	all.Wait()
}
