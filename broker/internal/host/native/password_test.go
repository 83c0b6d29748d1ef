//go:build unix

package native

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"

	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/host/hosttest"
	"github.com/conbroker/conbroker/broker/internal/prompt"
)

// passwordServer lets in who knows the password tiger, by the methods given, and runs commands. It returns a configuration for it.
func passwordServer(t *testing.T, password, interactive bool) (config string, logins *atomic.Int64) {
	t.Helper()
	logins = new(atomic.Int64)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	server := &ssh.Server{Handler: func(s ssh.Session) {
		cmd := exec.Command("/bin/sh", "-c", s.RawCommand())
		cmd.Stdin, cmd.Stdout, cmd.Stderr = s, s, s.Stderr()
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		in, err := cmd.StdinPipe()
		cmd.Stdin = nil
		if err == nil {
			go func() { _, _ = io.Copy(in, s); _ = in.Close() }()
		}
		_ = cmd.Run()
		_ = s.Exit(cmd.ProcessState.ExitCode())
	}}
	if password {
		server.PasswordHandler = func(_ ssh.Context, p string) bool { return p == "tiger" }
	}
	if interactive {
		server.KeyboardInteractiveHandler = func(ctx ssh.Context, ask gossh.KeyboardInteractiveChallenge) bool {
			logins.Add(1)
			answers, err := ask(ctx.User(), "Two questions.", []string{"Password: ", "Your colour: "}, []bool{false, true})
			return err == nil && len(answers) == 2 && answers[0] == "tiger" && answers[1] == "blue"
		}
	}
	serving := make(chan struct{})
	go func() {
		defer close(serving)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-serving
	})
	config = filepath.Join(t.TempDir(), "config")
	must(t, os.WriteFile(config, fmt.Appendf(nil, "Host *\n HostName 127.0.0.1\n Port %d\n User anna\n IdentityFile none\n IdentityAgent none\n"+
		" StrictHostKeyChecking accept-new\n UserKnownHostsFile %s\n GlobalKnownHostsFile /dev/null\n", l.Addr().(*net.TCPAddr).Port, config+".known"), 0o600))
	return config, logins
}

func TestPassword(t *testing.T) {
	config, _ := passwordServer(t, true, false)
	o := options(config)
	who := person(o, hosttest.Answer{Key: "anna@127.0.0.1's password", Text: "wrong", Once: true}, hosttest.Answer{Key: "password", Text: "tiger"})
	h := open(t, o)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if r, err := h.Run(prompt.With(t.Context(), who), hosttest.Shell("exit 3")); err != nil || r.ExitCode != 3 {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
	all.Wait()
	if asked := who.Asked(); len(asked) != 2 || !asked[0].Secret || asked[0].User != "anna" {
		t.Errorf("asked %+v", asked)
	}
	who = person(o, hosttest.Answer{Key: "password", Text: "wrong"})
	if _, err := open(t, o).Run(prompt.With(t.Context(), who), hosttest.Shell("true")); !errors.Is(err, host.ErrAuthentication) || len(who.Asked()) != 3 {
		t.Errorf("wrong each time: %v, asked %d times", err, len(who.Asked()))
	}
	if _, err := open(t, o).Run(t.Context(), hosttest.Shell("true")); !errors.Is(err, host.ErrAuthentication) || !errors.Is(err, prompt.ErrNobody) {
		t.Errorf("without a person: %v", err)
	}
}

func TestKeyboardInteractive(t *testing.T) {
	config, logins := passwordServer(t, false, true)
	o := options(config)
	who := person(o, hosttest.Answer{Key: "Password", Text: "tiger"}, hosttest.Answer{Key: "colour", Text: "blue"})
	if r, err := open(t, o).Run(prompt.With(t.Context(), who), hosttest.Shell("exit 3")); err != nil || r.ExitCode != 3 {
		t.Errorf("%+v, %v", r, err)
	}
	asked := who.Asked()
	if len(asked) != 2 || !asked[0].Secret || asked[1].Secret || logins.Load() != 1 {
		t.Errorf("asked %+v in %d logins", asked, logins.Load())
	}
}
