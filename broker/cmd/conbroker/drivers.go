package main

import (
	"context"

	"github.com/conbroker/conbroker/broker/internal/config"
	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/driver/pm"
	"github.com/conbroker/conbroker/broker/internal/driver/qemu"
	"github.com/conbroker/conbroker/broker/internal/driver/xen"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/host/local"
	"github.com/conbroker/conbroker/broker/internal/host/native"
	"github.com/conbroker/conbroker/broker/internal/host/openssh"
	"github.com/conbroker/conbroker/broker/internal/host/remote"
	"github.com/conbroker/conbroker/broker/internal/host/sshconfig"
	"github.com/conbroker/conbroker/broker/internal/prompt"
)

// drivers are the session types of this program, in the order in which they are asked.
func drivers() driver.Registry {
	return driver.Registry{xen.New(""), qemu.New(""), pm.Driver{}}
}

// ways makes the ways to hosts. What is in it is shared by all of them.
type ways struct {
	app     *app
	config  *sshconfig.Reader
	prompts *prompt.Registry
	gate    *remote.Gate
}

// newWays reads the configuration of ssh from $CONBROKER_SSH_CONFIG, if that is set, instead of the user's own.
func newWays(a *app, prompts *prompt.Registry) *ways {
	return &ways{app: a, config: &sshconfig.Reader{File: a.env("CONBROKER_SSH_CONFIG")}, prompts: prompts, gate: remote.NewGate()}
}

// open makes the way to a host. A remote host is connected to when it is first used.
func (w *ways) open(_ context.Context, s config.HostSettings) (host.Host, error) {
	escalation := host.Escalation(s.Escalation)
	switch s.Transport {
	case "local":
		return local.New(local.Options{Name: s.Name, Escalation: escalation, Env: w.app.env}), nil
	case "native":
		return native.New(native.Options{
			Name: s.Name, Address: s.Address, Escalation: escalation,
			Config: w.config, Prompts: w.prompts, Gate: w.gate, Env: w.app.env,
		}), nil
	}
	return openssh.New(openssh.Options{
		Name: s.Name, Address: s.Address, Escalation: escalation,
		Config: w.config, Prompts: w.prompts, Gate: w.gate, Env: w.app.env, Askpass: w.app.self,
	}), nil
}
