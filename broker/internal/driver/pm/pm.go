// Package pm is the driver for the physical machine itself: its row in LIST, the report of what it is and how it does, a
// shell on it as a console, and, for the one who confirmed that he means the host, its power switch.
package pm

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/consoles"
)

// Type is the session type.
const Type = driver.TypePM

// ConfPath is where a host describes itself, if it does.
const ConfPath = "/etc/ctys.d/pm.conf"

//go:embed script/machine.sh
var machineScript string

var (
	_ driver.Driver   = Driver{}
	_ driver.Consoler = Driver{}
	_ driver.Powerer  = Driver{}
	_ driver.Reporter = Driver{}
)

// Driver is the session type PM. The zero value is ready.
type Driver struct {
	// Conf is the path of the host's own description; empty means [ConfPath].
	Conf string
}

// Type returns "PM".
func (Driver) Type() string { return Type }

// Probe finds the type enabled on every host that can be reached.
func (Driver) Probe(ctx context.Context, _ host.Host) (driver.Info, error) {
	return driver.Info{Type: Type, State: driver.ProbeEnabled}, ctx.Err()
}

// List returns the host as the one session there is.
func (d Driver) List(ctx context.Context, h host.Host) ([]driver.Session, error) {
	m, err := d.look(ctx, h)
	if err != nil {
		return nil, err
	}
	s := driver.Session{
		Type: Type, Label: m.label(), UUID: m.uuid, NICs: m.nics(), TCP: m.guestName(), State: driver.StateRunning, Role: driver.RoleServer, Arch: m.arch,
	}
	if m.hasConf {
		s.ID, s.Path = m.confPath, m.confPath
	}
	return []driver.Session{s}, nil
}

// Enumerate returns the host if it describes itself in [ConfPath]; the roots are not searched.
func (d Driver) Enumerate(ctx context.Context, h host.Host, _ []string) ([]driver.Machine, []host.Problem, error) {
	m, err := d.look(ctx, h)
	if err != nil || !m.hasConf {
		return nil, nil, err
	}
	problem := func(err error) ([]driver.Machine, []host.Problem, error) {
		return nil, []host.Problem{{Path: m.confPath, Err: err}}, nil
	}
	if m.locked {
		return problem(host.ErrPermission)
	}
	described, err := parseConf(m.conf)
	if err != nil {
		return problem(err)
	}
	return []driver.Machine{described.complete(m)}, nil, nil
}

// Console opens a login shell of the user, in the home directory.
func (Driver) Console(ctx context.Context, h host.Host, _ driver.Session, t host.Terminal) (consoles.Stream, error) {
	const shell = `cd "$HOME" 2>/dev/null
if [ -n "$SHELL" ] && [ -x "$SHELL" ]; then exec "$SHELL" -l; fi
exec /bin/sh -l`
	s, err := h.Start(ctx, host.Command{Argv: []string{"sh", "-c", shell}}, t)
	if err != nil {
		return nil, fmt.Errorf("open a shell on %s: %w", h.Name(), err)
	}
	return s, nil
}

// look asks the host what it is, in one round trip.
func (d Driver) look(ctx context.Context, h host.Host) (machine, error) {
	conf := d.Conf
	if conf == "" {
		conf = ConfPath
	}
	sections, _, err := host.Sections(ctx, h, host.Script{Body: machineScript, Args: []string{conf}, Limit: scriptLimit})
	if err != nil {
		return machine{}, fmt.Errorf("look at the machine %s: %w", h.Name(), err)
	}
	return readMachine(sections, conf), nil
}

// scriptLimit bounds what a host may tell, in bytes.
const scriptLimit = 1 << 20

// texts are the sections of a script by name, trimmed, without control characters. Of sections with one name it has the
// first.
func texts(sections []host.Section) map[string]string {
	all := make(map[string]string, len(sections))
	for _, s := range sections {
		if _, twice := all[s.Name]; !twice {
			all[s.Name] = clean(s.Data)
		}
	}
	return all
}

// clean makes text of what a host says: no control characters but the newline, no invalid encoding.
func clean(data []byte) string {
	text := strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case r < ' ', r >= 0x7f && r < 0xa0:
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(data), "\uFFFD"))
	return strings.TrimSpace(text)
}

// lines splits text into lines; none for an empty text.
func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}
