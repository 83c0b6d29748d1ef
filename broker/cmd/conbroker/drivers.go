package main

import (
	"context"

	"github.com/conbroker/conbroker/broker/internal/config"
	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/driver/pm"
	"github.com/conbroker/conbroker/broker/internal/driver/qemu"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/host/local"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// drivers are the session types of this program, in the order in which they are asked.
func drivers() driver.Registry {
	return driver.Registry{qemu.New(""), pm.Driver{}}
}

// openHost makes the way to a host.
func (a *app) openHost(_ context.Context, s config.HostSettings) (host.Host, error) {
	if s.Transport != "local" {
		return nil, protocol.Errorf(protocol.CodeUnsupported,
			"host %s is reached by %s, which this version cannot; give it transport = \"local\" if it is this computer", s.Name, s.Transport)
	}
	return local.New(local.Options{Name: s.Name, Escalation: host.Escalation(s.Escalation), Env: a.env}), nil
}
