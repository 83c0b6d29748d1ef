//go:build unix

package remote_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/host/hosttest"
	"github.com/conbroker/conbroker/broker/internal/prompt"
)

func TestOnlyRaisedCommandsAreRaised(t *testing.T) {
	for _, how := range []host.Escalation{host.EscalationNone, host.EscalationSudo, host.EscalationKsu} {
		l := newLab(t, how, "free")
		l.set("ticket", "")
		if r, err := l.Run(t.Context(), hosttest.Shell(`echo "<$RAISED>"`)); err != nil || string(r.Stdout) != "<>\n" {
			t.Errorf("%s: %+v, %v", how, r, err)
		}
		if l.log() != "" {
			t.Errorf("%s: raised %s", how, l.log())
		}
		want := string(how)
		if how == host.EscalationNone {
			want = ""
		}
		c := raised(`printf '%s|' "$RAISED" "$@" "$A"; cat; echo words >&2; exit 1`, "a b", "it's", "!\n")
		c.Stdin, c.Env = strings.NewReader("typed"), []string{"A=b c"}
		r, err := l.Run(t.Context(), c)
		if err != nil || string(r.Stdout) != want+"|a b|it's|!\n|b c|typed" || string(r.Stderr) != "words\n" || r.ExitCode != 1 {
			t.Errorf("%s: %+v, %v", how, r, err)
		}
		if _, err := l.Run(t.Context(), host.Command{Argv: []string{"conbroker-no-such-tool"}, Raised: true}); !errors.Is(err, host.ErrNotInstalled) {
			t.Errorf("%s: a missing tool: %v", how, err)
		}
	}
}

func TestSudoPasswordIsAskedOnce(t *testing.T) {
	l := newLab(t, host.EscalationSudo, "password")
	who := l.person(hosttest.Answer{Key: "password", Text: "wrong", Once: true}, hosttest.Answer{Key: "password", Text: "tiger"})
	ctx := prompt.With(t.Context(), who)
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			c := raised(`cat; echo "$RAISED"`)
			c.Stdin = strings.NewReader("typed\n")
			if r, err := l.Run(ctx, c); err != nil || string(r.Stdout) != "typed\nsudo\n" || len(r.Stderr) != 0 {
				t.Errorf("%q, %q, %v", r.Stdout, r.Stderr, err)
			}
		})
	}
	all.Wait()
	asked := who.Asked()
	if len(asked) != 2 || !asked[0].Secret || asked[0].Host != "lab00" || asked[0].User != l.server.User || !strings.Contains(asked[1].Text, "try again") {
		t.Errorf("asked %+v", asked)
	}
	// The password is changed on the host: the one that is kept is wrong now.
	l.set("password", "lion")
	who = l.person(hosttest.Answer{Key: "password", Text: "lion"})
	if r, err := l.Run(prompt.With(t.Context(), who), raised("echo $RAISED")); err != nil || string(r.Stdout) != "sudo\n" || len(who.Asked()) != 1 {
		t.Errorf("%+v, %v, asked %+v", r, err, who.Asked())
	}
	// The host asks for none any more: the input does not wait for ever, and the password is not taken for it.
	l.set("mode", "free")
	c := raised("cat")
	c.Stdin = strings.NewReader("typed\n")
	if r, err := l.Run(t.Context(), c); err != nil || string(r.Stdout) != "typed\n" {
		t.Errorf("%+v, %v", r, err)
	}
	if strings.Contains(l.log(), "lion") || strings.Contains(l.log(), "tiger") {
		t.Error("a password is in the arguments")
	}
}

func TestSudoRefusals(t *testing.T) {
	for mode, tt := range map[string]struct {
		answer string
		want   error
		asked  int
	}{
		"refused":  {"tiger", host.ErrPermission, 0},
		"broken":   {"tiger", host.ErrPermission, 0},
		"password": {"wrong", host.ErrAuthentication, 3},
		"nobody":   {"", prompt.ErrNobody, 0},
	} {
		l := newLab(t, host.EscalationSudo, mode)
		who := l.person(hosttest.Answer{Key: "password", Text: tt.answer})
		ctx := prompt.With(t.Context(), who)
		if mode == "nobody" {
			ctx = t.Context()
		}
		_, err := l.Run(ctx, raised("true"))
		var way *host.Error
		if !errors.Is(err, tt.want) || !errors.As(err, &way) || len(who.Asked()) != tt.asked {
			t.Errorf("%s: %v, asked %d times", mode, err, len(who.Asked()))
		}
	}
}

func TestEscalationIsNotInstalled(t *testing.T) {
	for _, how := range []host.Escalation{host.EscalationSudo, host.EscalationKsu} {
		l := newLabWith(t, how, "free", "")
		l.set("ticket", "")
		for _, name := range []string{"sh", "cat"} {
			must(t, os.Symlink("/bin/"+name, filepath.Join(l.dir, name)))
		}
		if _, err := l.Run(t.Context(), raised("true")); err != nil {
			t.Errorf("%s: %v", how, err)
		}
		must(t, os.Remove(filepath.Join(l.dir, string(how))))
		if _, err := l.Run(t.Context(), raised("true")); !errors.Is(err, host.ErrNotInstalled) || !strings.Contains(err.Error(), string(how)) {
			t.Errorf("%s: %v", how, err)
		}
	}
}

func TestKsuGetsATicket(t *testing.T) {
	l := newLab(t, host.EscalationKsu, "free")
	if _, err := l.Run(t.Context(), raised("true")); !errors.Is(err, host.ErrAuthentication) || !strings.Contains(err.Error(), "ticket") {
		t.Errorf("nobody to ask: %v", err)
	}
	who := l.person(hosttest.Answer{Key: "Kerberos password", Text: "wrong", Once: true}, hosttest.Answer{Key: "Kerberos password", Text: "tiger"})
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if r, err := l.Run(prompt.With(t.Context(), who), raised(`echo "$RAISED"`)); err != nil || string(r.Stdout) != "ksu\n" {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
	all.Wait()
	if asked := who.Asked(); len(asked) != 2 || !asked[0].Secret {
		t.Errorf("asked %+v", asked)
	}
	l.set("mode", "refused")
	if _, err := l.Run(t.Context(), raised("true")); !errors.Is(err, host.ErrPermission) || !strings.Contains(err.Error(), "authorization failed") {
		t.Errorf("refused: %v", err)
	}
	must(t, os.Remove(filepath.Join(l.dir, "klist")))
	must(t, os.WriteFile(filepath.Join(l.dir, "klist"), []byte("#!/bin/sh\nexit 0\n"), 0o755))
	must(t, os.Remove(filepath.Join(l.dir, "ticket")))
	if _, err := l.Run(t.Context(), raised("true")); !errors.Is(err, host.ErrAuthentication) {
		t.Errorf("a ticket that ksu does not take: %v", err)
	}
}

func TestAbandonedRaisedCommandIsKilled(t *testing.T) {
	for _, mode := range []string{"free", "password"} {
		l := newLab(t, host.EscalationSudo, mode)
		ctx, cancel := context.WithCancel(prompt.With(t.Context(), l.person(hosttest.Answer{Key: "password", Text: "tiger"})))
		file := filepath.Join(l.dir, "pid")
		ended := make(chan error, 1)
		go func() {
			_, err := l.Run(ctx, raised(`echo $$ >"$1"; trap "" TERM HUP PIPE; sleep 1000; sleep 1000`, file))
			ended <- err
		}()
		var pid int
		hosttest.Eventually(t, "the command", func() bool {
			data, err := os.ReadFile(file)
			if err == nil {
				pid, err = strconv.Atoi(strings.TrimSpace(string(data)))
			}
			return err == nil
		})
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", mode, err)
		}
		hosttest.Eventually(t, "the command to end", func() bool { return !hosttest.Runs(pid) })
		if !strings.Contains(l.log(), "kill") {
			t.Errorf("%s: it was not killed with its rights: %s", mode, l.log())
		}
	}
}

func TestRootNeedsNoEscalation(t *testing.T) {
	l := newLab(t, host.EscalationSudo, "refused")
	must(t, os.WriteFile(filepath.Join(l.dir, "id"), []byte("#!/bin/sh\necho 0\n"), 0o755))
	if r, err := l.Run(t.Context(), raised(`echo "<$RAISED>"`)); err != nil || string(r.Stdout) != "<>\n" {
		t.Errorf("%+v, %v", r, err)
	}
	s, err := l.Start(t.Context(), raised(`read -r x; echo "<$RAISED>"`), host.Terminal{})
	must(t, err)
	_, err = io.WriteString(s, "\n")
	must(t, err)
	hosttest.Expect(t, s, "<>")
	must(t, s.Close())
	if l.log() != "" {
		t.Errorf("raised %s", l.log())
	}
}

func TestRaisedTerminal(t *testing.T) {
	for mode, asked := range map[string]int{"free": 0, "password": 1} {
		l := newLab(t, host.EscalationSudo, mode)
		for range 2 {
			who := l.person(hosttest.Answer{Key: "password", Text: "tiger"})
			s, err := l.Start(prompt.With(t.Context(), who), raised(`echo "[$RAISED]"; read -r x; echo "got $x"; exit 6`), host.Terminal{})
			must(t, err)
			hosttest.Expect(t, s, "[sudo]")
			_, err = io.WriteString(s, "line\n")
			must(t, err)
			hosttest.Expect(t, s, "got line")
			if got := s.Wait(); got.Code != 6 {
				t.Errorf("%s: ended as %+v", mode, got)
			}
			must(t, s.Close())
			if len(who.Asked()) != asked {
				t.Errorf("%s: asked %+v", mode, who.Asked())
			}
			asked = 0 // the password is known now
		}
	}
	l := newLab(t, host.EscalationSudo, "free")
	begin := time.Now()
	s, err := l.Start(t.Context(), raised(`read -r x; echo "got $x"`), host.Terminal{})
	must(t, err)
	if time.Since(begin) > hosttest.Deadline {
		t.Errorf("a silent command began after %v", time.Since(begin))
	}
	_, err = io.WriteString(s, "line\n")
	must(t, err)
	hosttest.Expect(t, s, "got line")
	must(t, s.Close())
	for mode, want := range map[string]error{"broken": host.ErrPermission, "refused": host.ErrPermission, "password": prompt.ErrNobody} {
		l := newLab(t, host.EscalationSudo, mode)
		if _, err := l.Start(t.Context(), raised("true"), host.Terminal{}); !errors.Is(err, want) {
			t.Errorf("%s: %v", mode, err)
		}
	}
}
