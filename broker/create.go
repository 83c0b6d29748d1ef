package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/consoles"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// undoTimeout bounds the clearing up after a create that failed or was cancelled half way.
const undoTimeout = 20 * time.Second

// creation is one session/create under way.
type creation struct {
	s      *session
	params *protocol.SessionCreateParams
	place  place
	target target
	report *progress
}

// SessionCreate implements protocol.Server.
func (s *session) SessionCreate(ctx context.Context, params *protocol.SessionCreateParams) (*protocol.SessionCreateResult, error) {
	report := s.begin(params.WorkDone, "Create "+addressOf(&params.Address).String())
	defer report.end()
	c := &creation{s: s, params: params, report: report}
	settings, _, err := s.broker.scope(params.Host, nil)
	if err != nil {
		return nil, err
	}
	if err := s.broker.checkEscalation(settings.Name, params.Escalation); err != nil {
		return nil, err
	}
	sessionType := params.Type
	if sessionType == "" {
		sessionType = settings.Type
	}
	if params.Console == "" {
		params.Console = protocol.ConsoleKind(settings.Console)
	}
	report.step("looking for the machine on " + settings.Name)
	if c.place, err = s.broker.place(ctx, settings.Name, typeList(sessionType)); err != nil {
		return nil, err
	}
	result, err := c.run(ctx)
	if err != nil {
		return nil, wireError(err, settings.Name)
	}
	return result, nil
}

// run resolves the machine and does what the mode asks for. One create at a time works on a machine.
func (c *creation) run(ctx context.Context) (*protocol.SessionCreateResult, error) {
	t, err := c.s.broker.resolve(ctx, c.place, c.params.Address)
	if err != nil {
		return nil, err
	}
	unlock, err := c.s.broker.locks.lock(ctx, c.place.Name()+"/"+t.driver.Type()+"/"+t.label())
	if err != nil {
		return nil, err
	}
	defer unlock()
	// What ran when the address was resolved may have changed while another create had the lock.
	if c.target, err = c.s.broker.resolve(ctx, c.place, c.params.Address); err != nil {
		return nil, err
	}
	if c.target.session != nil {
		return c.present(ctx)
	}
	switch c.params.Mode {
	case protocol.ModeConnect:
		return nil, notRunning(c.place.Name(), c.target)
	case protocol.ModeResume:
		return c.resume(ctx)
	default:
		return c.start(ctx)
	}
}

// present handles a machine that has a session: running, paused or suspended.
func (c *creation) present(ctx context.Context) (*protocol.SessionCreateResult, error) {
	running := *c.target.session
	state := running.session.State
	switch mode := c.params.Mode; {
	case mode == "" || mode == protocol.ModeStart:
		return nil, c.alreadyRunning(running)
	case mode == protocol.ModeConnect && state == driver.StateSuspended:
		return nil, protocol.Errorf(protocol.CodeNotRunning, "%s on %s is suspended in %s; mode resume brings it back",
			running.session.Label, running.host, running.session.StateFile)
	case state == driver.StateSuspended:
		return c.resume(ctx)
	case mode == protocol.ModeResume && state != driver.StatePaused:
		return nil, c.alreadyRunning(running)
	case mode == protocol.ModeResume:
		if err := c.unpause(ctx, running); err != nil {
			return nil, err
		}
	case mode == protocol.ModeReconnect:
		c.s.broker.guests.dismiss(running.key(), "another client asked to reconnect")
	}
	return c.connect(ctx, running)
}

// alreadyRunning is the error for mode start on a session that exists.
func (c *creation) alreadyRunning(f found) error {
	return protocol.Errorf(protocol.CodeAlreadyRunning, "%s %s on %s is already there (%s); mode connect or reuse opens its console, mode resume continues it",
		f.session.Type, f.session.Label, f.host, f.session.State)
}

// unpause continues a paused session and finds out what it looks like then.
func (c *creation) unpause(ctx context.Context, f found) error {
	pauser, ok := f.driver.(driver.Pauser)
	if !ok {
		return unsupported("unpause", f)
	}
	c.report.step("continuing " + f.session.Label)
	if err := pauser.Unpause(ctx, c.place.Host, f.session); err != nil {
		return err
	}
	again, err := c.s.broker.refind(ctx, c.place, f)
	if err != nil {
		return err
	}
	*c.target.session = again
	return nil
}

// connect opens the console of a session that runs.
func (c *creation) connect(ctx context.Context, f found) (*protocol.SessionCreateResult, error) {
	if c.target.session != nil {
		f = *c.target.session
	}
	result := &protocol.SessionCreateResult{Session: wireSession(f, "")}
	if !wantsStream(c.params.Console) {
		return result, nil
	}
	c.report.step("opening the console")
	console, _, err := c.s.broker.openGuest(ctx, c.place, f, c.terminal())
	if err != nil {
		return nil, err
	}
	c.s.broker.fillConsole(result, f, console)
	return result, nil
}

// start starts the machine from its configuration.
func (c *creation) start(ctx context.Context) (*protocol.SessionCreateResult, error) {
	creator, ok := c.target.driver.(driver.Creator)
	if !ok {
		return nil, protocol.Errorf(protocol.CodeUnsupported, "sessions of type %s cannot be created", c.target.driver.Type())
	}
	if c.target.machine == nil {
		return nil, notRunning(c.place.Name(), c.target)
	}
	c.report.step("starting " + c.target.label())
	made, err := creator.Create(ctx, c.place.Host, *c.target.machine, c.options())
	if err != nil {
		return nil, err
	}
	return c.bringUp(ctx, creator, found{host: c.place.Name(), driver: c.target.driver, session: made})
}

// resume restores a suspended machine.
func (c *creation) resume(ctx context.Context) (*protocol.SessionCreateResult, error) {
	suspender, canSuspend := c.target.driver.(driver.Suspender)
	creator, canCreate := c.target.driver.(driver.Creator)
	if !canSuspend || !canCreate {
		return nil, protocol.Errorf(protocol.CodeUnsupported, "sessions of type %s cannot be resumed", c.target.driver.Type())
	}
	if c.target.machine == nil {
		return nil, protocol.Errorf(protocol.CodeNotFound, "the configuration of %s, %s, is not there any more; without it the machine cannot be resumed",
			c.target.label(), c.target.session.session.Path)
	}
	c.report.step("restoring " + c.target.label())
	made, err := suspender.Resume(ctx, c.place.Host, *c.target.machine, c.params.StateFile, c.options())
	if err != nil {
		return nil, err
	}
	return c.bringUp(ctx, creator, found{host: c.place.Name(), driver: c.target.driver, session: made})
}

// bringUp opens the console of a machine that is made and not begun, so that its first words are not lost, and then lets it run.
// If that fails the machine is ended: a create leaves a running session or none.
func (c *creation) bringUp(ctx context.Context, creator driver.Creator, f found) (*protocol.SessionCreateResult, error) {
	result, err := c.light(ctx, creator, f)
	if err == nil {
		return result, nil
	}
	undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	if powerer, ok := f.driver.(driver.Powerer); ok {
		if undoErr := powerer.Poweroff(undo, c.place.Host, f.session, 0); undoErr != nil && !errors.Is(undoErr, driver.ErrNotRunning) {
			return nil, fmt.Errorf("%w; and ending the half-started machine failed: %w", err, undoErr)
		}
	}
	return nil, err
}

// light is the part of bringUp that may fail.
func (c *creation) light(ctx context.Context, creator driver.Creator, f found) (*protocol.SessionCreateResult, error) {
	b := c.s.broker
	result := &protocol.SessionCreateResult{Started: true}
	var console *consoles.Console
	_, consoler := f.driver.(driver.Consoler)
	wanted := wantsStream(c.params.Console)
	// A daemon holds the console even if nobody wants to see it now: what the guest says is there when somebody does.
	if wanted || consoler && b.options.Persistent {
		c.report.step("opening the console")
		var err error
		if console, _, err = b.openGuest(ctx, c.place, f, c.terminal()); err != nil {
			return nil, err
		}
	}
	c.report.step("running")
	if err := creator.Begin(ctx, c.place.Host, f.session); err != nil {
		return nil, err
	}
	again, err := b.refind(ctx, c.place, f)
	if err != nil {
		return nil, fmt.Errorf("%s ended as soon as it was started: %w", f.session.Label, err)
	}
	result.Session = wireSession(again, "")
	if console != nil {
		result.Session.Console = console.ID()
	}
	if wanted {
		b.fillConsole(result, again, console)
	}
	b.watches.refresh(f.host)
	return result, nil
}

// refind asks the driver again for a session, after it changed.
func (b *Broker) refind(ctx context.Context, p place, f found) (found, error) {
	sessions, err := f.driver.List(ctx, p.Host)
	if err != nil {
		return found{}, err
	}
	for _, s := range sessions {
		again := found{host: f.host, driver: f.driver, session: s}
		if again.key() == f.key() {
			return again, nil
		}
	}
	return found{}, &driver.Error{Action: "find", Type: f.session.Type, Label: f.session.Label, Err: driver.ErrNotRunning}
}

// fillConsole adds an open console to the answer.
func (b *Broker) fillConsole(result *protocol.SessionCreateResult, f found, console *consoles.Console) {
	result.Session = wireSession(f, console.ID())
	result.Console = console.ID()
	result.Attach = b.options.Attach(console.ID())
}

// options are what the driver is told beside the configuration.
func (c *creation) options() driver.CreateOptions {
	return driver.CreateOptions{
		Display:  c.params.Console == protocol.ConsoleVNC,
		Notice:   func(text string) { c.s.show(protocol.MessageInfo, text) },
		Progress: c.report.step,
		Owner:    c.s.broker.owner(),
	}
}

// terminal is what the guest's console is told about the window that will show it.
func (c *creation) terminal() host.Terminal { return terminal(c.params.Size, c.params.Term) }

// terminal converts the size and type of a frontend's terminal.
func terminal(size *protocol.Size, term string) host.Terminal {
	t := host.Terminal{Term: term}
	if size != nil {
		t.Size = consoles.Size{Cols: size.Cols, Rows: size.Rows}
	}
	return t
}

// wantsStream tells whether a kind of console is a byte stream.
func wantsStream(kind protocol.ConsoleKind) bool {
	return kind != protocol.ConsoleNone && kind != protocol.ConsoleVNC
}

// unsupported is the error for an ability that a driver does not have.
func unsupported(action string, f found) error {
	return &driver.Error{Action: action, Type: f.session.Type, Label: f.session.Label, Err: driver.ErrUnsupported}
}
