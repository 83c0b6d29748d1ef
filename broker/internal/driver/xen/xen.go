// Package xen is the driver for the domains of a Xen host, by its own tools: xl and the xenstore commands (Xen 4.17). Nothing is
// installed on the host and no state is kept here: a domain that another broker or a person at the host has started is as
// good as one of our own.
//
// A machine is a configuration file of xl with a name; see [Driver.Enumerate]. Only the tools run with raised rights, one
// command or one constant script at a time. Domains are addressed by their number, because xl takes a name of digits
// for a number.
//
// What Xen does not tell is taken from where xl leaves it: the configuration that a domain was started from is in the arguments
// of the xl process that watches over it, which lives as long as the domain and across its reboots. Suspended domains are
// in /var/lib/xen/conbroker on the host: UUID.saved says what is saved and where.
package xen

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

// Type is the session type of this driver.
const Type = "XEN"

// Driver runs Xen domains. It may be used from several goroutines.
type Driver struct {
	// owner names this broker in the records of suspended machines.
	owner string
	// tools are the paths of xl by host name, once found.
	mu    sync.Mutex
	tools map[string]string
}

var (
	_ driver.Driver    = (*Driver)(nil)
	_ driver.Creator   = (*Driver)(nil)
	_ driver.Powerer   = (*Driver)(nil)
	_ driver.Initer    = (*Driver)(nil)
	_ driver.Pauser    = (*Driver)(nil)
	_ driver.Suspender = (*Driver)(nil)
	_ driver.Consoler  = (*Driver)(nil)
	_ driver.Watcher   = (*Driver)(nil)
	_ driver.Reporter  = (*Driver)(nil)
)

// New returns the driver for a broker that calls itself owner, such as "conbroker, process 4711, user anna". An empty
// owner becomes "conbroker" with the number of this process.
func New(owner string) *Driver {
	if owner == "" {
		owner = fmt.Sprintf("conbroker, process %d", os.Getpid())
	}
	return &Driver{owner: strings.Join(strings.Fields(owner), " "), tools: make(map[string]string)}
}

// Type returns "XEN".
func (d *Driver) Type() string { return Type }

// raised is a host whose scripts run with raised rights.
type raised struct{ host.Host }

// Run sets Command.Raised.
func (r raised) Run(ctx context.Context, c host.Command) (host.Result, error) {
	c.Raised = true
	return r.Host.Run(ctx, c)
}

// plain is a host without the abilities that its type may have: scripts and files are treated alike on all.
type plain struct{ host.Host }

// failed wraps err as a *driver.Error about a session, unless it is nil or already one.
func failed(action, label string, err error) error {
	var already *driver.Error
	var busy *driver.BusyError
	if err == nil || errors.As(err, &already) || errors.As(err, &busy) {
		return err
	}
	return &driver.Error{Action: action, Type: Type, Label: label, Err: err}
}
