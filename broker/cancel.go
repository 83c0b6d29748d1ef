package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// defaultGrace is how long a guest has to power off by itself (DESIGN section 5, rule 3).
const defaultGrace = 20 * time.Second

// maxGrace bounds the wait that a request can ask for.
const maxGrace = 24 * time.Hour

// SessionCancel implements protocol.Server.
func (s *session) SessionCancel(ctx context.Context, params *protocol.SessionCancelParams) (*protocol.SessionCancelResult, error) {
	if err := checkCancel(params); err != nil {
		return nil, err
	}
	if err := s.broker.checkEscalation(hostOf(params.Session, params.Host), params.Escalation); err != nil {
		return nil, err
	}
	method := params.Method
	if method == "" {
		method = protocol.CancelPoweroff
	}
	report := s.begin(params.WorkDone, "Cancel by "+string(method))
	defer report.end()
	p, victims, err := s.broker.victims(ctx, params)
	if err != nil {
		return nil, wireError(err, params.Host)
	}
	c := &cancellation{broker: s.broker, place: p, params: params, method: method, report: report}
	results := c.all(ctx, victims)
	if params.Self {
		results = append(results, c.self(ctx, results))
	}
	s.broker.watches.refresh(p.Name())
	return &protocol.SessionCancelResult{Results: results}, nil
}

// checkCancel refuses params that say nothing, or two things.
func checkCancel(p *protocol.SessionCancelParams) error {
	chosen := 0
	for _, given := range []bool{p.Session != "", p.Address != nil, p.All} {
		if given {
			chosen++
		}
	}
	switch {
	case chosen == 0 && !p.Self:
		return invalid("name what to cancel: session, address, or all")
	case chosen > 1:
		return invalid("give only one of session, address and all")
	case p.Method == protocol.CancelInit && !validLevel(p.Level):
		return invalid("level %q is no init level: 0 to 6, or s", p.Level)
	case p.Level != "" && p.Method != protocol.CancelInit:
		return invalid("level goes with method init only")
	case p.Self && p.Session != "":
		return invalid("self goes with host and address or all, not with session")
	case p.StateFile != "" && p.Method != protocol.CancelSuspend:
		return invalid("stateFile goes with method suspend only")
	case p.Timeout != nil && !(*p.Timeout >= 0 && *p.Timeout <= maxGrace.Seconds()):
		return invalid("timeout must be between 0 and %d seconds", int(maxGrace.Seconds()))
	}
	return nil
}

// validLevel tells whether text is a UNIX init level.
func validLevel(text string) bool {
	return len(text) == 1 && strings.Contains("0123456sS", text)
}

// victims selects the sessions that a cancel is for. The host itself is never among them: it comes last, and only with Self.
func (b *Broker) victims(ctx context.Context, params *protocol.SessionCancelParams) (place, []found, error) {
	if params.Session != "" {
		p, f, err := b.byKey(ctx, string(params.Session))
		if err == nil && f.session.Type == driver.TypePM {
			err = errHostItself
		}
		return p, []found{f}, err
	}
	p, err := b.machinePlace(ctx, params)
	if err != nil {
		return place{}, nil, err
	}
	if params.Address == nil {
		if params.Self && params.Force {
			return p, nil, nil
		}
		all, err := b.everything(ctx, p)
		return p, all, err
	}
	t, err := b.resolve(ctx, p, *params.Address)
	if err != nil {
		return place{}, nil, err
	}
	if t.session == nil {
		return place{}, nil, notRunning(p.Name(), t)
	}
	return p, []found{*t.session}, nil
}

// errHostItself refuses to treat a host as one of the machines on it.
var errHostItself = invalid("this is the host itself: it is only cancelled with self, and confirm set to its name")

// machinePlace is the host of a cancel with the drivers for virtual machines only.
func (b *Broker) machinePlace(ctx context.Context, params *protocol.SessionCancelParams) (place, error) {
	p, err := b.place(ctx, params.Host, typeList(params.Type))
	if err != nil {
		return place{}, err
	}
	if params.Self && params.Confirm != p.Name() {
		return place{}, invalid("self would take down the host %s itself; confirm must be its name, %q", p.Name(), p.Name())
	}
	var machines []driver.Driver
	for _, d := range p.drivers {
		if d.Type() != driver.TypePM {
			machines = append(machines, d)
		}
	}
	if len(machines) == 0 && !params.Self {
		return place{}, errHostItself
	}
	p.drivers = machines
	return p, nil
}

// everything returns every session of virtual machines on a host.
func (b *Broker) everything(ctx context.Context, p place) ([]found, error) {
	var all []found
	for _, d := range p.drivers {
		sessions, err := d.List(ctx, p.Host)
		if err != nil && !p.absent(err) {
			return nil, err
		}
		for _, s := range sessions {
			if s.Role == driver.RoleServer && s.State != driver.StateSuspended && !s.Control {
				all = append(all, found{host: p.Name(), driver: d, session: s})
			}
		}
	}
	return all, nil
}

// cancellation is one session/cancel under way.
type cancellation struct {
	broker *Broker
	place  place
	params *protocol.SessionCancelParams
	method protocol.CancelMethod
	report *progress
}

// all cancels the sessions at once; one that fails does not stop the others.
func (c *cancellation) all(ctx context.Context, victims []found) []protocol.CancelOutcome {
	results := make([]protocol.CancelOutcome, len(victims))
	var wg sync.WaitGroup
	for i, f := range victims {
		wg.Go(func() { results[i] = c.one(ctx, f) })
	}
	wg.Wait()
	return results
}

// one cancels one session.
func (c *cancellation) one(ctx context.Context, f found) protocol.CancelOutcome {
	c.report.step(fmt.Sprintf("%s %s on %s", c.method, f.session.Label, f.host))
	outcome := protocol.CancelOutcome{Session: wireSession(f, c.broker.guests.console(f.key()))}
	stateFile, err := c.apply(ctx, f)
	outcome.StateFile = stateFile
	outcome.Error = wireError(err, f.host)
	outcome.State = c.stateNow(ctx, f)
	return outcome
}

// stateNow asks what became of a session. It answers even if the request was cancelled meanwhile.
func (c *cancellation) stateNow(ctx context.Context, f found) protocol.SessionState {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	again, err := c.broker.refind(ctx, c.place, f)
	if err != nil {
		return protocol.StateOff
	}
	return protocol.SessionState(again.session.State)
}

// grace is how long the guest may take.
func (c *cancellation) grace() time.Duration {
	if c.params.Timeout == nil {
		return defaultGrace
	}
	return time.Duration(*c.params.Timeout * float64(time.Second))
}

// apply hands the method to the driver's ability.
func (c *cancellation) apply(ctx context.Context, f found) (stateFile string, err error) {
	h, grace := c.place.Host, c.grace()
	switch c.method {
	case protocol.CancelPoweroff:
		return "", c.poweroff(ctx, f)
	case protocol.CancelReset:
		return "", ability(f, c.method, func(d driver.Powerer) error { return d.Reset(ctx, h, f.session) })
	case protocol.CancelReboot:
		return "", ability(f, c.method, func(d driver.Powerer) error { return d.Reboot(ctx, h, f.session, grace) })
	case protocol.CancelPause:
		return "", ability(f, c.method, func(d driver.Pauser) error { return d.Pause(ctx, h, f.session) })
	case protocol.CancelInit:
		return "", ability(f, c.method, func(d driver.Initer) error {
			return d.Init(ctx, h, f.session, strings.ToLower(c.params.Level), grace)
		})
	default: // suspend: Dispatch let only the known methods through
		err = ability(f, c.method, func(d driver.Suspender) error {
			stateFile, err = d.Suspend(ctx, h, f.session, c.params.StateFile)
			return err
		})
		return stateFile, err
	}
}

// poweroff ends a session. A paused guest cannot hear the request to power off, so it is continued first. A suspended one has
// nothing to end but its saved memory, which is not thrown away by the way.
func (c *cancellation) poweroff(ctx context.Context, f found) error {
	if f.session.State == driver.StateSuspended && !c.params.Force {
		return protocol.Errorf(protocol.CodeNotRunning, "%s on %s is suspended in %s; mode resume brings it back, force discards what is saved",
			f.session.Label, f.host, f.session.StateFile)
	}
	return ability(f, c.method, func(d driver.Powerer) error {
		pauser, canPause := f.driver.(driver.Pauser)
		if f.session.State == driver.StatePaused && c.grace() > 0 && canPause {
			if err := pauser.Unpause(ctx, c.place.Host, f.session); err != nil {
				return err
			}
		}
		return d.Poweroff(ctx, c.place.Host, f.session, c.grace())
	})
}

// ability calls do with the session's driver if it has the ability A.
func ability[A any](f found, method protocol.CancelMethod, do func(A) error) error {
	able, ok := f.driver.(A)
	if !ok {
		return unsupported(string(method), f)
	}
	return do(able)
}

// self cancels the host itself, after everything on it. If something on it could not be ended, the host is left alone, unless
// force was given.
func (c *cancellation) self(ctx context.Context, before []protocol.CancelOutcome) protocol.CancelOutcome {
	outcome := protocol.CancelOutcome{Session: protocol.Session{Host: c.place.Name(), Type: driver.TypePM, Label: c.place.Name()}, State: protocol.StateRunning}
	for _, o := range before {
		if o.Error != nil && !c.params.Force {
			outcome.Error = withHost(protocol.Errorf(protocol.CodeBusy, "%s is left running, because %s on it could not be ended: %s; force leaves nested machines alone",
				c.place.Name(), o.Session.Label, o.Error.Message), c.place.Name())
			return outcome
		}
	}
	d, ok := c.broker.options.Drivers.Get(driver.TypePM)
	if !ok {
		outcome.Error = protocol.Errorf(protocol.CodeUnsupported, "this broker has no driver for hosts")
		return outcome
	}
	sessions, err := d.List(ctx, c.place.Host)
	if err != nil || len(sessions) == 0 {
		outcome.Error = wireError(errors.Join(err, driver.ErrUnsupported), c.place.Name())
		return outcome
	}
	return c.one(ctx, found{host: c.place.Name(), driver: d, session: sessions[0]})
}
