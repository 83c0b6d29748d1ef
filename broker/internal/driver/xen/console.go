package xen

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/consoles"
)

//go:embed script/holder.sh
var holderScript string

const (
	// rebootTime is how long a console waits for a domain that reboots.
	rebootTime = 3 * time.Minute
	// reattachTime bounds a single attempt to attach again.
	reattachTime = time.Minute
	// hastyEnds is how many clients may end one after the other within hastyTime of their start before the console gives up.
	hastyEnds = 5
	hastyTime = 2 * time.Second
	// lockedCode is the exit code of "xl console" when another client has the console (Xen 4.17).
	lockedCode = 11
	// closedReason is why a stream ended that was closed here.
	closedReason = "the console was closed"
)

// Console runs "xl console" on a terminal. The stream belongs to the machine, not to the domain: the client ends when the domain
// reboots, and the stream then attaches to the new domain by itself and goes on. It ends when the machine does. One client
// at a time can have the console; if that is another, a *driver.BusyError names who has it.
func (d *Driver) Console(ctx context.Context, h host.Host, s driver.Session, t host.Terminal) (consoles.Stream, error) {
	c, err := d.console(ctx, h, s, t)
	if err != nil {
		return nil, failed("open console", s.Label, err)
	}
	return c, nil
}

func (d *Driver) console(ctx context.Context, h host.Host, s driver.Session, t host.Terminal) (*console, error) {
	dom, err := d.find(ctx, h, s)
	if err != nil {
		return nil, err
	}
	if err := guard(dom); err != nil {
		return nil, err
	}
	if holder, err := holderOf(ctx, h, dom); err != nil || holder != "" {
		return nil, errors.Join(err, busy(s.Label, holder))
	}
	c := &console{driver: d, host: h, label: s.Label, uuid: s.UUID, terminal: t, changed: make(chan struct{})}
	c.life, c.end = context.WithCancel(context.Background())
	if err := c.attach(ctx, dom.id); err != nil {
		c.end()
		return nil, err
	}
	return c, nil
}

// busy is nil for no holder.
func busy(label, holder string) error {
	if holder == "" {
		return nil
	}
	return &driver.BusyError{Resource: "console of " + label, Holder: holder}
}

// holderOf tells who has the console of a domain; empty if nobody has, or if the escalation allows no look at processes.
func holderOf(ctx context.Context, h host.Host, dom *domain) (string, error) {
	sections, _, err := host.Sections(ctx, raised{h}, host.Script{Body: holderScript, Args: []string{dom.number()}})
	if errors.Is(err, host.ErrPermission) || errors.Is(err, host.ErrAuthentication) || err == nil && len(sections) == 0 {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look who has the console: %w", err)
	}
	return clip(strings.TrimSpace(string(sections[0].Data))), nil
}

// console is the stream of a machine's console: one client after the other.
type console struct {
	driver      *Driver
	host        host.Host
	label, uuid string
	// life ends with Close.
	life context.Context
	end  context.CancelFunc

	mu sync.Mutex
	// terminal is as it was last set.
	terminal host.Terminal
	// client is the running xl console, nil between two; changed is closed when that changes.
	client  consoles.Stream
	changed chan struct{}
	id      int
	since   time.Time
	// hasty counts the clients that ended soon.
	hasty int
	// over says that there will be no other client, status why.
	over   bool
	status consoles.ExitStatus
}

var _ consoles.Stream = (*console)(nil)

// attach starts a client for a domain.
func (c *console) attach(ctx context.Context, id int) error {
	ctx, cancel := context.WithTimeout(ctx, reattachTime)
	defer cancel()
	xl, err := c.driver.tool(ctx, c.host)
	if err != nil {
		return err
	}
	c.mu.Lock()
	terminal := c.terminal
	c.mu.Unlock()
	d := &domain{id: id}
	client, err := c.host.Start(ctx, host.Command{Argv: []string{xl, "console", d.number()}, Raised: true}, terminal)
	if err != nil {
		return fmt.Errorf("run xl console: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.Err() != nil {
		client.Close()
		return io.ErrClosedPipe
	}
	if c.terminal.Size != terminal.Size {
		_ = client.Resize(c.terminal.Size) // a wrong size is better than no console
	}
	c.client, c.id, c.since = client, id, time.Now()
	c.announce()
	return nil
}

// announce wakes those who wait for the client to change. c.mu is held.
func (c *console) announce() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Read reads from the client. When it ends, Read looks what became of the machine, and either attaches again or ends.
func (c *console) Read(p []byte) (int, error) {
	for {
		c.mu.Lock()
		client, over := c.client, c.over
		c.mu.Unlock()
		if over || client == nil {
			return 0, io.EOF
		}
		n, err := client.Read(p)
		if n > 0 {
			return n, nil
		}
		if err == nil {
			continue
		}
		if !c.goOn(client.Wait()) {
			return 0, io.EOF
		}
	}
}

// goOn decides what follows a client that has ended with a status.
func (c *console) goOn(status consoles.ExitStatus) bool {
	c.mu.Lock()
	c.client.Close()
	c.client = nil
	if time.Since(c.since) < hastyTime {
		c.hasty++
	} else {
		c.hasty = 0
	}
	id, tooHasty := c.id, c.hasty > hastyEnds
	c.announce()
	c.mu.Unlock()
	switch {
	case c.life.Err() != nil:
		status.Reason = closedReason
	case status.Code == lockedCode:
		status.Reason = busy(c.label, "another client of xl console").Error()
	case status.Code != 0 || tooHasty:
		status.Reason = "xl console ended: " + status.Reason
	default:
		next, reason := c.successor(id)
		if next >= 0 {
			err := c.attach(c.life, next)
			if err == nil {
				return true
			}
			reason = err.Error()
		}
		status.Reason = reason
	}
	c.finish(status)
	return false
}

// finish ends the stream.
func (c *console) finish(status consoles.ExitStatus) {
	c.end()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over, c.status = true, status
	c.announce()
}

// successor waits for the domain in which the machine goes on: the same one if only its client has ended, or the one that it has
// rebooted into. A negative number means that it has ended, for the reason given.
func (c *console) successor(id int) (next int, reason string) {
	ctx, cancel := context.WithTimeout(c.life, rebootTime)
	defer cancel()
	for {
		s, err := c.driver.look(ctx, c.host, brief)
		if err == nil {
			if next, reason, known := c.where(s, id); known {
				return next, reason
			}
			err = pause(ctx, lookEvery)
		}
		switch {
		case c.life.Err() != nil:
			return -1, closedReason
		case ctx.Err() != nil:
			return -1, fmt.Sprintf("the domain has ended, and did not come back within %v", rebootTime)
		case err != nil:
			return -1, err.Error()
		}
	}
}

// where reads from a survey where the machine is. It is not known yet while the domain has gone and something still watches over
// it.
func (c *console) where(s *survey, id int) (next int, reason string, known bool) {
	now := s.byName(c.label)
	switch {
	case now != nil && now.uuid == c.uuid && (now.id != id || !now.shutDown() && !now.dying()):
		return now.id, "", true
	case !s.watchers[c.label]:
		return -1, "the domain has ended", true
	}
	return -1, "", false
}

// Write types into the guest. Between two clients it waits.
func (c *console) Write(p []byte) (int, error) {
	for {
		c.mu.Lock()
		client, changed, over := c.client, c.changed, c.over
		c.mu.Unlock()
		if over {
			return 0, io.ErrClosedPipe
		}
		if client != nil {
			n, err := client.Write(p)
			if err == nil || n > 0 {
				return n, err
			}
		}
		select {
		case <-changed:
		case <-c.life.Done():
			return 0, io.ErrClosedPipe
		}
	}
}

// Resize tells the client's terminal its size; one that comes later gets it when it starts.
func (c *console) Resize(size consoles.Size) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.terminal.Size = size
	if c.client == nil {
		return nil
	}
	return c.client.Resize(size)
}

// Wait returns how the stream ended.
func (c *console) Wait() consoles.ExitStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// Close ends the client; the guest runs on.
func (c *console) Close() error {
	c.end()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client == nil {
		return nil
	}
	return c.client.Close()
}
