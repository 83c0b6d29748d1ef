//go:build unix

package openssh

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/host/local"
	"github.com/conbroker/conbroker/broker/internal/host/remote"
)

// New returns a host behind ssh; nothing is connected yet.
func New(o Options) *remote.Host {
	o.Address = cmp.Or(o.Address, o.Name)
	o.Connect = cmp.Or(o.Connect, 20*time.Second)
	o.Alive = max(cmp.Or(o.Alive, 5*time.Second), time.Second)
	if o.Env == nil {
		o.Env = os.Getenv
	}
	return remote.New(remote.Options{
		Name: o.Name, Connector: &connector{options: o}, Escalation: o.Escalation, Prompts: o.Prompts,
	})
}

// socketDir makes the directory for control sockets: short, since ssh adds 17 bytes to a control path while it makes the
// socket, and the user's own.
func socketDir(env func(string) string) (string, error) {
	base, err := local.RuntimeDir(env)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(base, "ssh")
	for _, d := range []string{base, dir} {
		if err := local.PrivateDir(d); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// failure is an error of the way to the host.
func (c *connector) failure(err error, advice string) error {
	return &host.Error{Host: c.options.Name, Action: "connect", Err: err, Advice: advice}
}

// closeQuietly closes what has no news to tell.
func closeQuietly(c io.Closer) {
	_ = c.Close() // it was given up
}

// connectReason keeps the reason for which an attempt was given up.
func connectReason(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	switch {
	case cause == nil:
		return err
	case errors.Is(cause, remote.ErrTimeout):
		return fmt.Errorf("%w: %w", host.ErrUnreachable, cause)
	}
	return cause
}
