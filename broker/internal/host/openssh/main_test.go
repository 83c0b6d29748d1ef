//go:build unix

package openssh

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/conbroker/conbroker/broker/internal/host/hosttest"
	"github.com/conbroker/conbroker/broker/internal/host/remote"
	"github.com/conbroker/conbroker/broker/internal/host/sshconfig"
	"github.com/conbroker/conbroker/broker/internal/prompt"
)

// TestMain lets ssh run this test program as the one that asks for passwords.
func TestMain(m *testing.M) {
	if Asked(os.Getenv, os.Args[1:]) {
		if err := Answer(os.Getenv, os.Args[1], os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// options are those of a host behind the server that config describes, in a runtime directory of the test's own.
func options(t testing.TB, config string) Options {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "cb")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	self, err := os.Executable()
	must(t, err)
	return Options{
		Name: "lab00", Config: &sshconfig.Reader{File: config}, Prompts: prompt.NewRegistry(), Gate: remote.NewGate(), Askpass: self,
		Env: func(name string) string {
			if name == "CONBROKER_RUNTIME_DIR" {
				return dir + "/run"
			}
			return os.Getenv(name)
		},
		Connect: 10 * time.Second, Alive: time.Second,
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

// person gives the host's questions somebody to answer them.
func person(o Options, answers ...hosttest.Answer) *hosttest.Person {
	return &hosttest.Person{Registry: o.Prompts, Answers: answers}
}
