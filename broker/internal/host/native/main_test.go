//go:build unix

package native

import (
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/conbroker/conbroker/broker/internal/host/hosttest"
	"github.com/conbroker/conbroker/broker/internal/host/remote"
	"github.com/conbroker/conbroker/broker/internal/host/sshconfig"
	"github.com/conbroker/conbroker/broker/internal/prompt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func options(config string) Options {
	return Options{
		Name: "lab00", Config: &sshconfig.Reader{File: config}, Prompts: prompt.NewRegistry(), Gate: remote.NewGate(),
		Env: func(name string) string {
			if name == "SSH_AUTH_SOCK" {
				return ""
			}
			return os.Getenv(name)
		},
		Connect: 10 * time.Second, Alive: 500 * time.Millisecond,
	}
}

func open(t testing.TB, o Options) *remote.Host {
	t.Helper()
	h := New(o)
	t.Cleanup(func() { must(t, h.Close()) })
	return h
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func person(o Options, answers ...hosttest.Answer) *hosttest.Person {
	return &hosttest.Person{Registry: o.Prompts, Answers: answers}
}
