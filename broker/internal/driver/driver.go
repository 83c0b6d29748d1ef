// Package driver holds the contract between the broker and the code for one session type. A driver knows one kind of
// virtual machine (or the host itself): how its configuration files read, what runs, and how to start, stop and reach it.
// It keeps no machine state of its own: what is true is asked from the host each time, so a broker that restarts, or two
// brokers at once, see the same.
//
// [Driver] is what every session type has. The other interfaces are abilities, found by type assertion; a driver that lacks
// one is answered with "unsupported".
package driver

import (
	"context"
	"time"

	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/consoles"
)

// Driver is the code for one session type.
type Driver interface {
	// Type is the session type in upper case: "QEMU", "XEN", "PM".
	Type() string
	// Probe finds out whether the type can be used on the host. An unusable type is not an error: Info.State says so.
	Probe(ctx context.Context, h host.Host) (Info, error)
	// List returns what runs on the host, including paused machines and, for drivers with a Suspender, suspended ones
	// whose saved state exists.
	List(ctx context.Context, h host.Host) ([]Session, error)
	// Enumerate returns the machines that the configuration files below roots describe, running or not. A file that
	// is recognised and cannot be read is a Problem and never hides the others.
	Enumerate(ctx context.Context, h host.Host, roots []string) ([]Machine, []host.Problem, error)
}

// Creator starts machines.
type Creator interface {
	// Create starts m and returns when the machine exists, still stopped before its first instruction, so that a
	// console can be opened before it says anything. Session.Begin lets it run; the broker calls it exactly once,
	// after the console is open or when none was asked. A machine that runs already is ErrAlreadyRunning.
	Create(ctx context.Context, h host.Host, m Machine, o CreateOptions) (Session, error)
	// Begin lets a machine that Create or Resume returned run.
	Begin(ctx context.Context, h host.Host, s Session) error
}

// Powerer ends and restarts machines.
type Powerer interface {
	// Poweroff asks the guest to power off, waits up to grace for it, then stops it by force. Zero grace stops at once.
	// It returns when the session is gone.
	Poweroff(ctx context.Context, h host.Host, s Session, grace time.Duration) error
	// Reset is the reset button: the session runs again afterwards.
	Reset(ctx context.Context, h host.Host, s Session) error
	// Reboot asks the guest to reboot itself and returns when it did; after wait it is an error (ErrTimeout).
	Reboot(ctx context.Context, h host.Host, s Session, wait time.Duration) error
}

// Initer changes the UNIX init level in the guest.
type Initer interface {
	// Init asks the guest for the level, "0" to "6" or "s", and waits up to wait for the effect that the level has on the
	// session, if it has one.
	Init(ctx context.Context, h host.Host, s Session, level string, wait time.Duration) error
}

// Pauser stops and continues a machine's processors.
type Pauser interface {
	Pause(ctx context.Context, h host.Host, s Session) error
	Unpause(ctx context.Context, h host.Host, s Session) error
}

// Suspender saves a machine to a file and brings it back.
type Suspender interface {
	// Suspend saves the machine to stateFile, frees its memory and returns the file's absolute path. An empty stateFile
	// means the driver's own place for it. If saving fails, the machine runs on.
	Suspend(ctx context.Context, h host.Host, s Session, stateFile string) (string, error)
	// Resume brings m back from stateFile, empty for the one Suspend chose, and returns like Create: Begin lets it run and
	// then removes a state file of the driver's own choosing. No saved state is ErrNotRunning.
	Resume(ctx context.Context, h host.Host, m Machine, stateFile string, o CreateOptions) (Session, error)
}

// Consoler opens the console of a guest, or a shell on the host.
type Consoler interface {
	// Console opens the byte stream. One that somebody else holds is a *BusyError.
	Console(ctx context.Context, h host.Host, s Session, t host.Terminal) (consoles.Stream, error)
}

// Watcher tells when what List would return has changed.
type Watcher interface {
	// Watch sends on the channel, which holds one value, after a change. The channel is closed when ctx ends or the watch
	// is lost; the caller then watches again.
	Watch(ctx context.Context, h host.Host) (<-chan struct{}, error)
}

// Reporter describes the host as this driver sees it, for SHOW (what changes: load, memory in use) and INFO (what does
// not: processors, versions).
type Reporter interface {
	Show(ctx context.Context, h host.Host) ([]Fact, error)
	Info(ctx context.Context, h host.Host) ([]Fact, error)
}

// Fact is one line of SHOW or INFO.
type Fact struct {
	// Group is the heading it belongs under, such as "memory".
	Group string
	// Name and Value are printed as they are; Value is one line.
	Name, Value string
}

// CreateOptions are what a create request adds to the machine's own configuration.
type CreateOptions struct {
	// Display asks for a graphical display, reachable by VNC, even if the configuration has none.
	Display bool
	// Notice tells the person something once, such as "KVM does not work here, using TCG"; never nil.
	Notice func(text string)
	// Progress says what is being done now; never nil.
	Progress func(step string)
	// Owner names the broker that starts the machine, for the records that other brokers see.
	Owner string
}
