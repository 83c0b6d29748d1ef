package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conbroker/conbroker/broker/internal/host/hosttest"
	"github.com/conbroker/conbroker/rpc/client"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// behindSSH puts a real sshd into the bed, known as the host lab00, whose key nobody knows yet, and a host dead that does not answer.
func behindSSH(t *testing.T, b *bed, transport string) *hosttest.Sshd {
	t.Helper()
	sshd := hosttest.NewSshd(t, fmt.Sprintf(`SetEnv XDG_RUNTIME_DIR="%s" XDG_STATE_HOME="%s"`, filepath.Join(b.dir, "run"), filepath.Join(b.dir, "state")))
	if err := os.Remove(sshd.KnownHosts); err != nil {
		t.Fatal(err)
	}
	b.env = append(b.env, "CONBROKER_SSH_CONFIG="+sshd.Config(t, "Host dead", "  HostName 127.0.0.1", "  Port 1"))
	config := filepath.Join(b.dir, "config", "conbroker", "config.toml")
	if err := os.MkdirAll(filepath.Dir(config), 0o700); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("[hosts.lab00]\ntransport = %q\nbasepaths = [%q]\n[hosts.dead]\ntransport = %q\n", transport, b.machines, transport)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return sshd
}

// TestQEMUBehindSSH does the main job on a host behind a real sshd: the driver is the same, and only the way to the host differs.
func TestQEMUBehindSSH(t *testing.T) {
	for _, transport := range []string{"openssh", "native"} {
		t.Run(transport, func(t *testing.T) {
			b := newBed(t, "tst100")
			behindSSH(t, b, transport)
			asked := make(chan *protocol.PromptParams, 10)
			answer := make(chan *client.Client, 1)
			k := b.start("off", client.Handlers{OnPrompt: func(ctx context.Context, p *protocol.PromptParams) error {
				asked <- p
				c := <-answer
				answer <- c
				_, err := c.PromptAnswer(ctx, &protocol.PromptAnswerParams{ID: p.ID, Text: "yes"})
				return err
			}})
			answer <- k.Client

			created, err := k.SessionCreate(t.Context(), &protocol.SessionCreateParams{Host: "lab00", Address: protocol.Address{Label: "tst100"}, Console: "cli"})
			if err != nil {
				t.Fatal(err)
			}
			if p := <-asked; p.Host != "lab00" || p.Secret || !strings.Contains(p.Prompt, "SHA256:") {
				t.Errorf("the host's key was asked for with %+v", p)
			}
			k.expect(created.Console, prompt)
			if said := k.shell(created.Console, "uname -n"); said != "tst100" {
				t.Errorf("uname said %q", said)
			}
			list, err := k.SessionList(t.Context(), &protocol.SessionListParams{Types: []string{"QEMU"}, Hosts: []string{"lab00", "dead"}})
			if err != nil || len(list.Sessions) != 1 || list.Sessions[0].Host != "lab00" || list.Sessions[0].Console != created.Console {
				t.Errorf("list %+v, %v", list, err)
			}
			if len(list.Errors) != 1 || list.Errors[0].Host != "dead" || list.Errors[0].Error.Code != protocol.CodeHostUnreachable {
				t.Errorf("the dead host: %+v", list.Errors)
			}
			shell, err := k.ConsoleOpen(t.Context(), &protocol.ConsoleOpenParams{Host: "lab00", Kind: protocol.OpenHost})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := k.ConsoleInput(t.Context(), &protocol.ConsoleInputParams{Console: shell.Console, Data: "echo on-$((40+2))\r"}); err != nil {
				t.Fatal(err)
			}
			k.expect(shell.Console, "on-42")
			suspended := k.cancel(created.Session.Key, protocol.SessionCancelParams{Method: protocol.CancelSuspend})
			if suspended.State != protocol.StateSuspended {
				t.Errorf("after suspend: %s", suspended.State)
			}
			back, err := k.SessionCreate(t.Context(), &protocol.SessionCreateParams{Host: "lab00", Address: protocol.Address{Label: "tst100"}, Mode: "resume", Console: "cli"})
			if err != nil {
				t.Fatal(err)
			}
			if said := k.shell(back.Console, "uname -n"); said != "tst100" {
				t.Errorf("after resume uname said %q", said)
			}
			if outcome := k.cancel(created.Session.Key, protocol.SessionCancelParams{}); outcome.State != protocol.StateOff || len(b.qemu()) != 0 {
				t.Errorf("after poweroff: %s, %v", outcome.State, b.qemu())
			}
		})
	}
}
