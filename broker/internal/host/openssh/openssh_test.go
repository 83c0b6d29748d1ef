//go:build unix

package openssh

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/host/hosttest"
	"github.com/conbroker/conbroker/broker/internal/prompt"
	"github.com/conbroker/conbroker/consoles"
)

func TestConformance(t *testing.T) {
	server := hosttest.NewSshd(t)
	o := options(t, server.Config(t))
	hosttest.Run(t, func() host.Host { return New(o) })
}

// Whatever the login shell is and prints, commands arrive as they are.
func TestOtherLoginShells(t *testing.T) {
	for _, shell := range []string{"fish", "tcsh", "dash"} {
		t.Run(shell, func(t *testing.T) {
			if _, err := exec.LookPath(shell); err != nil {
				t.Fatalf("%v: install fish, tcsh and dash for this test", err)
			}
			server := hosttest.NewSshd(t, `ForceCommand echo Welcome; echo Beware >&2; exec `+shell+` -c "$SSH_ORIGINAL_COMMAND"`)
			h := open(t, options(t, server.Config(t)))
			args := []string{`\`, `\\`, `'`, `\'`, "a\nb", "!", "a!b !! !$", "$HOME", "`id`", "~", "*", "{a,b}", "(id)", "\x01", "äö\xff", "", `\0101`, "%"}
			got, err := h.Run(t.Context(), hosttest.Shell(`printf '<%s>' "$@"; echo err >&2`, args...))
			if err != nil || string(got.Stdout) != "<"+strings.Join(args, "><")+">" || string(got.Stderr) != "err\n" {
				t.Errorf("%q, %q, %v", got.Stdout, got.Stderr, err)
			}
			s, err := h.Start(t.Context(), hosttest.Shell(`printf '<%s>' "$@"`, "a!b'\n"), host.Terminal{})
			must(t, err)
			hosttest.Expect(t, s, "<a!b'\r\n>")
			must(t, s.Close())
		})
	}
	server := hosttest.NewSshd(t, `ForceCommand echo This account is closed.; exit 1`)
	h := open(t, options(t, server.Config(t)))
	_, err := h.Run(t.Context(), hosttest.Shell("true"))
	if !errors.Is(err, host.ErrPermission) || !strings.Contains(err.Error(), "This account is closed.") {
		t.Errorf("a shell that runs nothing: %v", err)
	}
	_, err = h.Start(t.Context(), hosttest.Shell("true"), host.Terminal{})
	if !errors.Is(err, host.ErrPermission) || !strings.Contains(err.Error(), "This account is closed.") {
		t.Errorf("a shell that runs nothing, on a terminal: %v", err)
	}
}

func TestPassphraseIsAskedOnce(t *testing.T) {
	server := hosttest.NewSshd(t, "MaxSessions 2")
	locked := server.Dir + "/locked"
	hosttest.Keygen(t, locked, "tiger")
	hosttest.Copy(t, locked+".pub", server.Dir+"/authorized_keys")
	o := options(t, server.Config(t, "IdentityFile "+locked))
	h := open(t, o)
	who := person(o, hosttest.Answer{Key: "passphrase", Text: "wrong", Once: true}, hosttest.Answer{Key: "passphrase", Text: "tiger"})
	ctx := prompt.With(t.Context(), who)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if r, err := h.Run(ctx, hosttest.Shell("sleep 1")); err != nil || r.ExitCode != 0 {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
	all.Wait()
	asked := who.Asked()
	if len(asked) != 2 || !asked[0].Secret || asked[0].Host != "lab00" || asked[0].User != server.User || !strings.Contains(asked[0].Text, locked) {
		t.Errorf("asked %+v", asked)
	}
	if h.Connections() < 2 {
		t.Errorf("%d connections: the server takes 2 sessions each", h.Connections())
	}
}

func TestQuestionsWithoutAnswer(t *testing.T) {
	server := hosttest.NewSshd(t)
	locked := server.Dir + "/locked"
	hosttest.Keygen(t, locked, "tiger")
	hosttest.Copy(t, locked+".pub", server.Dir+"/authorized_keys")
	o := options(t, server.Config(t, "IdentityFile "+locked))
	t.Run("nobody", func(t *testing.T) {
		_, err := open(t, o).Run(t.Context(), hosttest.Shell("true"))
		if !errors.Is(err, host.ErrAuthentication) || !errors.Is(err, prompt.ErrNobody) {
			t.Errorf("%v", err)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		_, err := open(t, o).Run(prompt.With(t.Context(), person(o)), hosttest.Shell("true"))
		if !errors.Is(err, host.ErrAuthentication) || !errors.Is(err, prompt.ErrCancelled) {
			t.Errorf("%v", err)
		}
	})
	t.Run("given up", func(t *testing.T) {
		who := person(o, hosttest.Answer{Wait: true})
		ctx, cancel := context.WithCancel(prompt.With(t.Context(), who))
		ended := make(chan error, 1)
		h := open(t, o)
		go func() {
			_, err := h.Run(ctx, hosttest.Shell("true"))
			ended <- err
		}()
		hosttest.Eventually(t, "the question", func() bool { return len(who.Asked()) == 1 })
		// A second request waits for the first; when that is given up, it asks its own client.
		other := person(o, hosttest.Answer{Key: "passphrase", Text: "tiger"})
		second := make(chan error, 1)
		go func() {
			_, err := h.Run(prompt.With(t.Context(), other), hosttest.Shell("true"))
			second <- err
		}()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
		if err := <-second; err != nil || len(other.Asked()) == 0 {
			t.Errorf("the second request: %v, asked %v", err, other.Asked())
		}
		if who.Withdrawn() != 1 {
			t.Errorf("%d questions withdrawn", who.Withdrawn())
		}
	})
}

func TestNoSecretInArgvOrEnvironment(t *testing.T) {
	server := hosttest.NewSshd(t)
	locked := server.Dir + "/locked"
	hosttest.Keygen(t, locked, "tiger-secret")
	hosttest.Copy(t, locked+".pub", server.Dir+"/authorized_keys")
	o := options(t, server.Config(t, "IdentityFile "+locked))
	h := open(t, o)
	_, err := h.Run(prompt.With(t.Context(), person(o, hosttest.Answer{Key: "passphrase", Text: "tiger-secret"})), hosttest.Shell("true"))
	must(t, err)
	out, err := exec.Command("ps", "axeww", "-o", "args").Output()
	must(t, err)
	if strings.Contains(string(out), "tiger-secret") {
		t.Error("the passphrase is in a process's arguments or environment")
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
	o := options(t, server.Config(t, "IdentityAgent "+socket, "IdentitiesOnly no"))
	if r, err := open(t, o).Run(t.Context(), hosttest.Shell("exit 3")); err != nil || r.ExitCode != 3 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestUnknownHostKey(t *testing.T) {
	server := hosttest.NewSshd(t)
	for _, tt := range []struct {
		answer string
		ok     bool
	}{{"no", false}, {"yes", true}, {fingerprint(t, server), true}} {
		must(t, os.WriteFile(server.KnownHosts, nil, 0o600))
		o := options(t, server.Config(t))
		who := person(o, hosttest.Answer{Key: "authenticity", Text: tt.answer})
		_, err := open(t, o).Run(prompt.With(t.Context(), who), hosttest.Shell("true"))
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, host.ErrAuthentication) {
			t.Errorf("%s: %v", tt.answer, err)
		}
		asked := who.Asked()
		if len(asked) != 1 || asked[0].Secret || !strings.Contains(asked[0].Text, fingerprint(t, server)) {
			t.Errorf("asked %+v", asked)
		}
		known, err := os.ReadFile(server.KnownHosts)
		if err != nil || (len(known) > 0) != tt.ok {
			t.Errorf("%s: known_hosts %q, %v", tt.answer, known, err)
		}
	}
	must(t, os.WriteFile(server.KnownHosts, nil, 0o600))
	if _, err := open(t, options(t, server.Config(t))).Run(t.Context(), hosttest.Shell("true")); !errors.Is(err, host.ErrAuthentication) {
		t.Errorf("without a person: %v", err)
	}
}

func fingerprint(t *testing.T, server *hosttest.Sshd) string {
	t.Helper()
	out, err := exec.Command("ssh-keygen", "-l", "-f", server.HostKey+".pub").Output()
	must(t, err)
	return strings.Fields(string(out))[1]
}

func TestChangedHostKeyIsNeverAccepted(t *testing.T) {
	server := hosttest.NewSshd(t)
	other := server.Dir + "/other"
	hosttest.Keygen(t, other, "")
	key, err := os.ReadFile(other + ".pub")
	must(t, err)
	must(t, os.WriteFile(server.KnownHosts, fmt.Appendf(nil, "# one\n[127.0.0.1]:%d %s", server.Port, key), 0o600))
	for _, policy := range []string{"ask", "no", "accept-new", "yes"} {
		o := options(t, server.Config(t, "StrictHostKeyChecking "+policy))
		who := person(o, hosttest.Answer{Key: "", Text: "yes"})
		_, err := open(t, o).Run(prompt.With(t.Context(), who), hosttest.Shell("true"))
		if !errors.Is(err, host.ErrAuthentication) || !strings.Contains(err.Error(), server.KnownHosts+":2") ||
			!strings.Contains(err.Error(), fingerprint(t, server)) {
			t.Errorf("%s: %v", policy, err)
		}
		if len(who.Asked()) != 0 {
			t.Errorf("%s: asked %+v", policy, who.Asked())
		}
	}
}

func TestRefusals(t *testing.T) {
	server := hosttest.NewSshd(t)
	foreign := server.Dir + "/foreign"
	hosttest.Keygen(t, foreign, "")
	for name, tt := range map[string]struct {
		lines string
		want  error
		says  string
	}{
		"not let in":    {"IdentityFile " + foreign + "\nIdentityFile none", host.ErrAuthentication, "Permission denied"},
		"no such host":  {"HostName conbroker.invalid", host.ErrUnreachable, "resolve"},
		"nobody there":  {"Port 1", host.ErrUnreachable, "refused"},
		"nonsense":      {"ProxyCommand false", host.ErrUnreachable, "closed"},
		"broken config": {"Nonsense 1", nil, "nonsense"},
	} {
		t.Run(name, func(t *testing.T) {
			config := server.Config(t, strings.Split(tt.lines, "\n")...)
			if name == "not let in" {
				text, err := os.ReadFile(config)
				must(t, err)
				must(t, os.WriteFile(config, []byte(strings.ReplaceAll(string(text), "IdentityFile "+server.Key, "")), 0o600))
			}
			_, err := open(t, options(t, config)).Run(t.Context(), hosttest.Shell("true"))
			var way *host.Error
			if !errors.As(err, &way) || way.Host != "lab00" || tt.want != nil && !errors.Is(err, tt.want) ||
				!strings.Contains(strings.ToLower(err.Error()), strings.ToLower(tt.says)) {
				t.Errorf("%v", err)
			}
		})
	}
	o := options(t, server.Config(t))
	o.Config.Program = "conbroker-no-such-ssh"
	if _, err := open(t, o).Run(t.Context(), hosttest.Shell("true")); !errors.Is(err, host.ErrNotInstalled) {
		t.Errorf("without ssh: %v", err)
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
	o := options(t, server.Config(t, "Host gate", fmt.Sprintf(" HostName 127.0.0.1\n Port %d", gate.Port), "Host lab00", " ProxyJump gate"))
	h := open(t, o)
	if r, err := h.Run(t.Context(), hosttest.Shell("echo $SSH_CONNECTION")); err != nil || !strings.Contains(string(r.Stdout), fmt.Sprint(server.Port)) {
		t.Errorf("%+v, %v", r, err)
	}
	if !strings.Contains(gate.Log(), "Accepted publickey") {
		t.Error("the gateway saw nobody")
	}
	gate.Kill()
	hosttest.Eventually(t, "the connection to break", func() bool { return h.Connections() == 0 })
	if _, err := h.Run(t.Context(), hosttest.Shell("true")); !errors.Is(err, host.ErrUnreachable) {
		t.Errorf("without the gateway: %v", err)
	}
}

func TestMaxSessions(t *testing.T) {
	server := hosttest.NewSshd(t, "MaxSessions 2")
	h := open(t, options(t, server.Config(t)))
	streams := make(chan consoles.Stream, 10)
	for range 10 {
		go func() {
			s, err := h.Start(t.Context(), hosttest.Shell("echo ready; read -r x; echo got $x"), host.Terminal{})
			if err != nil {
				t.Error(err)
				streams <- nil
				return
			}
			streams <- s
		}()
	}
	var all []consoles.Stream
	for range 10 {
		if s := <-streams; s != nil {
			all = append(all, s)
		}
	}
	if len(all) != 10 || h.Connections() != 5 {
		t.Errorf("%d terminals on %d connections", len(all), h.Connections())
	}
	for i, s := range all {
		hosttest.Expect(t, s, "ready")
		_, err := fmt.Fprintln(s, i)
		must(t, err)
		hosttest.Expect(t, s, fmt.Sprintf("got %d", i))
		must(t, s.Close())
	}
}

func TestMaxStartups(t *testing.T) {
	server := hosttest.NewSshd(t, "MaxStartups 3:60:6")
	o := options(t, server.Config(t))
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
	if !strings.Contains(server.Log(), "drop connection") && !strings.Contains(server.Log(), "MaxStartups") {
		t.Log("the server dropped nobody this time")
	}
}

func TestFiftyHostsWarmAndCold(t *testing.T) {
	server := hosttest.NewSshd(t, "MaxStartups 100:30:200")
	o := options(t, server.Config(t))
	var hosts []host.Host
	for i := range 50 {
		o := o
		o.Name = fmt.Sprintf("127.0.1.%d", i+1)
		hosts = append(hosts, open(t, o))
	}
	round := func() time.Duration {
		begin := time.Now()
		var all sync.WaitGroup
		for _, h := range hosts {
			all.Go(func() {
				if r, err := h.Run(t.Context(), hosttest.Shell("sleep 0.2; head -c 1024 /dev/zero")); err != nil || len(r.Stdout) != 1024 {
					t.Errorf("%s: %d bytes, %v", h.Name(), len(r.Stdout), err)
				}
			})
		}
		all.Wait()
		return time.Since(begin)
	}
	cold, warm := round(), round()
	t.Logf("50 hosts: cold %v, warm %v", cold, warm)
	if warm >= cold {
		t.Errorf("warm connections take %v, cold ones %v", warm, cold)
	}
}

func TestTheRuntimeDirectoryIsLeftEmpty(t *testing.T) {
	server := hosttest.NewSshd(t)
	o := options(t, server.Config(t))
	h := New(o)
	_, err := h.Run(t.Context(), hosttest.Shell("true"))
	must(t, err)
	must(t, h.Close())
	left, err := filepath.Glob(o.Env("CONBROKER_RUNTIME_DIR") + "/ssh/*")
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
