package pm

import (
	"context"
	"errors"
	"time"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

// Poweroff shuts the host down in order, whatever the grace: the host itself sees to its services and disks. It returns
// when the host has taken the order, since the way to it, or the broker itself, ends with the host.
func (Driver) Poweroff(ctx context.Context, h host.Host, s driver.Session, _ time.Duration) error {
	return order(ctx, h, s, "poweroff", []string{"systemctl", "poweroff"}, []string{"shutdown", "-h", "now"})
}

// Reset restarts the host without waiting for its services; file systems are still synchronised.
func (Driver) Reset(ctx context.Context, h host.Host, s driver.Session) error {
	return order(ctx, h, s, "reset", []string{"systemctl", "reboot", "--force"}, []string{"reboot", "-f"})
}

// Reboot restarts the host in order and returns when it has taken the order.
func (Driver) Reboot(ctx context.Context, h host.Host, s driver.Session, _ time.Duration) error {
	return order(ctx, h, s, "reboot", []string{"systemctl", "reboot"}, []string{"shutdown", "-r", "now"})
}

// order runs the first command that the host has and that does it.
func order(ctx context.Context, h host.Host, s driver.Session, action string, commands ...[]string) error {
	var failed []error
	for _, argv := range commands {
		c := host.Command{Argv: argv, Raised: true}
		r, err := h.Run(ctx, c)
		if err == nil {
			err = host.Check(h, c, r)
		}
		if err == nil {
			return nil
		}
		failed = append(failed, err)
		var command *host.CommandError
		if !errors.Is(err, host.ErrNotInstalled) && !errors.As(err, &command) {
			break // the way to the host broke, perhaps because it obeys: do not order twice
		}
	}
	return &driver.Error{
		Action: action, Type: Type, Label: s.Label, Err: errors.Join(failed...),
		Advice: "it takes the rights of root: set escalation for the host",
	}
}
