//go:build xenlab

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/conbroker/conbroker/rpc/client"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// xenlab boots the two real Xen hosts, if they do not run, and configures them in the bed, with a host that does not answer beside them.
func xenlab(t *testing.T, b *bed) {
	t.Helper()
	b.run("../../../testdata/xenlab/boot.sh")
	var ssh []byte
	for _, name := range []string{"lab00", "lab01"} {
		part, err := os.ReadFile(filepath.Join(fmt.Sprintf("/tmp/conbroker-xenlab-%d", os.Getuid()), name, "ssh_config"))
		if err != nil {
			t.Fatal(err)
		}
		ssh = append(ssh, part...)
	}
	sshConfig, config := filepath.Join(b.dir, "ssh_config"), filepath.Join(b.dir, "config", "conbroker", "config.toml")
	ssh = append(ssh, "Host dead\n\tHostName 127.0.0.1\n\tPort 1\n"...)
	text := []byte("[defaults]\nescalation = \"sudo\"\n")
	for _, name := range []string{"lab00", "lab01", "dead"} {
		text = fmt.Appendf(text, "[hosts.%s]\ntypes = [\"XEN\", \"PM\"]\nbasepaths = [\"xen\"]\n", name)
	}
	if err := os.MkdirAll(filepath.Dir(config), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, data := range map[string][]byte{sshConfig: ssh, config: text} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b.env = append(b.env, "CONBROKER_SSH_CONFIG="+sshConfig)
}

// TestXenBehindSSH does the main job on a real Xen host behind a real sshd, with sudo.
func TestXenBehindSSH(t *testing.T) {
	modes(t, func(t *testing.T, remote string) {
		b := newBed(t)
		xenlab(t, b)
		k := b.start(remote, client.Handlers{})
		address := protocol.Address{Label: "tst101"}
		created, err := k.SessionCreate(t.Context(), &protocol.SessionCreateParams{Host: "lab00", Type: "XEN", Address: address, Console: "cli"})
		if err != nil {
			t.Fatal(err)
		}
		k.expect(created.Console, "GUEST-UP") // its first words
		k.expect(created.Console, "login: $")
		list, err := k.SessionList(t.Context(), &protocol.SessionListParams{Types: []string{"XEN"}, Hosts: []string{"lab00", "lab01", "dead"}})
		if err != nil || len(list.Errors) != 1 || list.Errors[0].Host != "dead" || len(list.Sessions) != 3 {
			t.Errorf("list %+v, %v", list, err)
		}
		ambiguous := protocol.Address{Label: "tst104"}
		_, err = k.SessionCancel(t.Context(), &protocol.SessionCancelParams{Host: "lab00", Type: "XEN", Address: &ambiguous})
		if e := wantCode(t, err, protocol.CodeAmbiguous); len(e.Data.Candidates) != 3 || e.Data.Candidates[0].Serial == "" {
			t.Errorf("candidates %+v", e.Data.Candidates)
		}
		if k.cancel(created.Session.Key, protocol.SessionCancelParams{Method: protocol.CancelPause}).State != protocol.StatePaused {
			t.Error("it is not paused")
		}
		back, err := k.SessionCreate(t.Context(), &protocol.SessionCreateParams{Host: "lab00", Type: "XEN", Address: address, Mode: "resume", Console: "cli"})
		if err != nil || back.Console != created.Console {
			t.Errorf("resume: %+v, %v", back, err)
		}
		all, err := k.SessionCancel(t.Context(), &protocol.SessionCancelParams{Host: "lab00", Type: "XEN", All: true, Timeout: new(float64)})
		if err != nil || len(all.Results) != 1 || all.Results[0].State != protocol.StateOff {
			t.Errorf("cancel of all, which leaves domain 0 alone: %+v, %v", all, err)
		}
		said := b.run(program, "list", "--remote="+remote, "--type=XEN", "lab00")
		if !bytes.Contains([]byte(said), []byte("Domain-0")) || bytes.Contains([]byte(said), []byte("tst101")) {
			t.Errorf("list printed\n%s", said)
		}
	})
}
