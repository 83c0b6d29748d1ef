//go:build unix

package openssh

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/host/remote"
	"github.com/conbroker/conbroker/broker/internal/prompt"
)

// changed is what OpenSSH 9.2 says of a key that is not the known one.
const changed = `@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
The fingerprint for the ED25519 key sent by the remote host is
SHA256:abcDEF123+/.
Please contact your system administrator.
Offending ECDSA key in /home/anna/.ssh/known_hosts:12
Host key verification failed.`

func TestExplain(t *testing.T) {
	for said, want := range map[string]struct {
		reason error
		says   string
	}{
		changed:                         {host.ErrAuthentication, "/home/anna/.ssh/known_hosts:12"},
		"Host key verification failed.": {host.ErrAuthentication, "not known"},
		"anna@lab00: Permission denied (publickey,password).":                                                                  {host.ErrAuthentication, "publickey,password"},
		"Received disconnect from 10.1.1.1 port 22:2: Too many authentication failures":                                        {host.ErrAuthentication, "Too many"},
		"ssh: Could not resolve hostname lab00: Name or service not known":                                                     {host.ErrUnreachable, "resolve"},
		"banner\nssh: connect to host lab00 port 22: Connection refused":                                                       {host.ErrUnreachable, "refused"},
		"ssh: connect to host lab00 port 22: Connection timed out":                                                             {host.ErrUnreachable, "timed out"},
		"ssh: connect to host gate port 22: Connection refused\nkex_exchange_identification: Connection closed by remote host": {host.ErrUnreachable, "gate port 22"},
		"kex_exchange_identification: Connection closed by remote host":                                                        {remote.ErrDropped, "closed"},
		"kex_exchange_identification: read: Connection reset by peer\nConnection reset by":                                     {remote.ErrDropped, "reset"},
	} {
		advice, reason := explain(said)
		if !errors.Is(reason, want.reason) || !strings.Contains(reason.Error()+advice, want.says) {
			t.Errorf("%q: %v (%s)", said, reason, advice)
		}
	}
	if _, reason := explain("ssh: connect to host gate port 22: Connection refused\nkex_exchange_identification: Connection closed"); errors.Is(reason, remote.ErrDropped) {
		t.Errorf("a gateway that is away: %v", reason)
	}
	if advice, _ := explain(changed); !strings.Contains(advice, "SHA256:abcDEF123+/") {
		t.Errorf("advice %q", advice)
	}
	if _, reason := explain(" \n"); reason != nil {
		t.Errorf("silence: %v", reason)
	}
}

func FuzzExplain(f *testing.F) {
	f.Add(changed)
	f.Add("Offending key in \nSHA256:\nREVOKED HOST KEY")
	f.Fuzz(func(t *testing.T, said string) {
		_, reason := explain(said)
		if (reason == nil) != (strings.TrimSpace(said) == "") {
			t.Errorf("%q: %v", said, reason)
		}
		if reason != nil && !errors.Is(reason, host.ErrAuthentication) && !errors.Is(reason, host.ErrUnreachable) {
			t.Errorf("%q: %v is no reason", said, reason)
		}
	})
}

// ask opens a questions socket whose person answers as told, and returns the environment of a program that asks there.
func ask(t *testing.T, answer func(prompt.Prompt) (string, error)) (*questions, func(string) string) {
	t.Helper()
	var secrets remote.Secrets
	q, err := openQuestions(t.Context(), filepath.Join(t.TempDir(), "q"), secrets.Begin(), func(_ context.Context, p prompt.Prompt) (string, error) {
		return answer(p)
	})
	must(t, err)
	t.Cleanup(q.close)
	env := map[string]string{socketVariable: q.socket, tokenVariable: q.token}
	return q, func(name string) string { return env[name] }
}

func TestAskingProgram(t *testing.T) {
	var secret bool
	_, env := ask(t, func(p prompt.Prompt) (string, error) { secret = p.Secret; return " tiger ", nil })
	var out bytes.Buffer
	if err := Answer(env, "anna's password:", &out); err != nil || out.String() != " tiger \n" || !secret {
		t.Errorf("%q, %v, secret %v", out.String(), err, secret)
	}
	out.Reset()
	if err := Answer(env, "Are you sure (yes/no/[fingerprint])?", &out); err != nil || out.String() != "tiger\n" || secret {
		t.Errorf("%q, %v, secret %v", out.String(), err, secret)
	}
	if !Asked(env, []string{"question"}) || Asked(env, nil) || Asked(func(string) string { return "" }, []string{"question"}) {
		t.Error("Asked is wrong")
	}
	q, env := ask(t, func(prompt.Prompt) (string, error) { return "", prompt.ErrCancelled })
	if err := Answer(env, "password:", &out); err == nil || !errors.Is(q.failure(), prompt.ErrCancelled) {
		t.Errorf("cancelled: %v, %v", err, q.failure())
	}
	_, env = ask(t, func(prompt.Prompt) (string, error) { return "no", nil })
	confirm := func(name string) string {
		if name == "SSH_ASKPASS_PROMPT" {
			return "confirm"
		}
		return env(name)
	}
	if err := Answer(confirm, "Allow use of the key?", &out); err == nil {
		t.Error("a confirmation that was refused")
	}
}

func TestOnlyTheTokenMayAsk(t *testing.T) {
	asked := false
	q, _ := ask(t, func(prompt.Prompt) (string, error) { asked = true; return "tiger", nil })
	for _, line := range []string{`{"token":"wrong","text":"password"}`, `{"text":"password"}`, `nonsense`, strings.Repeat("x", maxQuestion+1)} {
		c, err := net.Dial("unix", q.socket)
		must(t, err)
		_, _ = fmt.Fprintln(c, line) // it may be closed already
		var reply answering
		if err := json.NewDecoder(c).Decode(&reply); err == nil || reply.Text != "" {
			t.Errorf("%.20q was answered: %+v", line, reply)
		}
		must(t, c.Close())
	}
	if asked {
		t.Error("the person was asked")
	}
}
