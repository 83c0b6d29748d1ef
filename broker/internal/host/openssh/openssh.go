// Package openssh makes connections by the user's own ssh program, so that everything that it can do and that is configured
// for it holds here as well: ProxyJump, agents, hardware keys, Kerberos, Match. One ssh per connection runs as control
// master (ssh_config(5), ControlMaster) and the channels are opened through its control socket, in its proxy mode (OpenSSH's
// PROTOCOL.mux; OpenSSH 7.4 and later), so that a command costs a channel and no process here.
package openssh

import (
	"time"

	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/host/remote"
	"github.com/conbroker/conbroker/broker/internal/host/sshconfig"
	"github.com/conbroker/conbroker/broker/internal/prompt"
)

// Options describe a host. Name, Config, Prompts, Gate and Askpass are needed.
type Options struct {
	// Name is the host's name as the user configured it; Address is what ssh is given, empty means Name.
	Name, Address string
	// Escalation is how commands with Raised set get their rights; empty means none.
	Escalation host.Escalation
	// Config reads the configuration of ssh; one is shared by all hosts.
	Config *sshconfig.Reader
	// Prompts asks the person; one is shared by all hosts.
	Prompts *prompt.Registry
	// Gate bounds handshakes; one is shared by all hosts.
	Gate *remote.Gate
	// Askpass is the path of this program, which ssh runs to ask for a password; see [Asked].
	Askpass string
	// Env looks up the environment; nil means [os.Getenv].
	Env func(string) string
	// Connect bounds a connection attempt, the time in which the person is asked not counted; 0 means 20 s.
	Connect time.Duration
	// Alive is how often a connection that is silent is tried; after three tries without an answer it is dead. 0 means
	// 5 s. ssh counts in whole seconds.
	Alive time.Duration
}
