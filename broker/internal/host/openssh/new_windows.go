package openssh

import (
	"github.com/conbroker/conbroker/broker/internal/host/native"
	"github.com/conbroker/conbroker/broker/internal/host/remote"
)

// New returns a host that this program connects to itself, with the configuration of ssh, because the ssh of Windows cannot be a
// control master.
func New(o Options) *remote.Host {
	return native.New(native.Options{
		Name: o.Name, Address: o.Address, Escalation: o.Escalation, Config: o.Config, Prompts: o.Prompts, Gate: o.Gate,
		Env: o.Env, Connect: o.Connect, Alive: o.Alive,
	})
}
