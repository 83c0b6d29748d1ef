package driver

import (
	"errors"
	"fmt"
	"strings"
)

// State is where a machine is in its life.
type State string

// The states. A session in LIST has one of the first five; StateOff is for machines in ENUMERATE that do not run.
const (
	StateStarting  State = "starting"
	StateRunning   State = "running"
	StatePaused    State = "paused"
	StateSuspended State = "suspended" // saved to a file; no process
	StateCrashed   State = "crashed"   // exists, but the guest cannot go on
	StateOff       State = "off"
)

// TypePM is the session type of a host itself, the physical machine. Actions that end sessions leave it alone unless it is named.
const TypePM = "PM"

// Role is the part a session plays.
type Role string

// The roles of DESIGN section 2.
const (
	RoleServer Role = "S"
	RoleClient Role = "C"
	RoleTunnel Role = "T"
)

// NIC is a network interface of a machine.
type NIC struct {
	// MAC is six lower-case hex pairs joined by colons; may be empty.
	MAC string
	// IP is the address that the configuration states; may be empty.
	IP string
	// Name is the interface on the host, such as "vif3.0"; may be empty.
	Name string
}

// Machine is a VM as its configuration describes it.
type Machine struct {
	// Type is the session type.
	Type string
	// Label is the machine's name: no control characters, no slash, 1 to 64 bytes.
	Label string
	// ID is what identifies the machine for its type; for file-based types the absolute path of its configuration.
	ID string
	// UUID is 32 lower-case hex digits without dashes; may be empty.
	UUID string
	// NICs are its network interfaces in the order of the configuration.
	NICs []NIC
	// Path is the absolute path of the configuration file on the host.
	Path string
	// Serial is the serial number that annotations give a copy (SERNO); may be empty.
	Serial string
	// Category is the use that annotations state: "VM", "PM" and so on; may be empty.
	Category string
	// Arch is the guest's processor architecture, such as "x86_64".
	Arch string
	// Memory is in MiB, VCPUs a count; zero if unknown.
	Memory, VCPUs int
	// Config is the driver's own parsed form. Only the driver that made it looks inside.
	Config any
}

// Session is something that runs. Fields that are not known are empty.
type Session struct {
	Type  string
	Label string
	ID    string
	UUID  string
	NICs  []NIC
	// TCP is the guest's name or address as tables show it, where that is not the address of the first interface: a host's own
	// name, with a trailing dot if its domain is known.
	TCP   string
	State State
	Role  Role
	// Control: the session is the part of the hypervisor that controls the others, such as Xen's Domain-0. It is never one of "all".
	Control bool
	// Display is the X11 or VNC display number with a leading colon, such as ":1".
	Display string
	// ClientPort is the port at which a client attaches (VNC: 5900 + display); ServerPort the server's own. 0 is none.
	ClientPort, ServerPort int
	// PID is the process (QEMU) or domain number (Xen).
	PID string
	// User and Group own the process.
	User, Group string
	// JobID, Interface, Context, ExecPath, Hypervisor, Accelerator and Arch are the further fields of a MACHINE record.
	JobID, Interface, Context, ExecPath, Hypervisor, Accelerator, Arch string
	// Path is the absolute path of the configuration that it was started from, if that is known.
	Path string
	// StateFile is where a suspended machine is saved.
	StateFile string
	// Handle is the driver's own data. Only the driver that made it looks inside.
	Handle any
}

// ProbeState says whether a type can be used on a host.
type ProbeState string

// The states of INFO's driver rows.
const (
	ProbeEnabled  ProbeState = "enabled"
	ProbeDisabled ProbeState = "disabled" // the host lacks something; Info.Reason says what
)

// Info is what Probe found.
type Info struct {
	Type  string
	State ProbeState
	// Version is the tool's own version line, such as "QEMU emulator version 7.2.22".
	Version string
	// Accelerator is what machines will use ("kvm", "tcg"), if it is known without a test.
	Accelerator string
	// Reason says why the type is disabled; Advice is the command that mends it.
	Reason, Advice string
}

// Reasons for which an action on a machine fails. They are matched with errors.Is.
var (
	ErrAlreadyRunning = errors.New("already running")
	ErrNotRunning     = errors.New("not running")
	ErrUnsupported    = errors.New("unsupported")
	ErrTimeout        = errors.New("timed out")
)

// Error says which action failed on which machine.
type Error struct {
	// Action is what was tried, such as "reboot".
	Action string
	// Type and Label name the machine.
	Type, Label string
	// Err is the reason, wrapping one of the Err values of this package where one fits.
	Err error
	// Advice is what the person can do about it; may be empty.
	Advice string
}

// Error returns one line with action, machine, reason and advice.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s %s %s: %v", e.Action, e.Type, e.Label, e.Err)
	if e.Advice != "" {
		s += " (" + e.Advice + ")"
	}
	return s
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// BusyError says that the one place a resource has is taken, and by whom.
type BusyError struct {
	// Resource is what is taken, such as "console of tst100".
	Resource string
	// Holder names who has it, such as "conbroker, process 4711, user anna"; empty if that cannot be found out.
	Holder string
}

// Error names the resource and the holder.
func (e *BusyError) Error() string {
	if e.Holder == "" {
		return e.Resource + " is in use"
	}
	return fmt.Sprintf("%s is in use by %s", e.Resource, e.Holder)
}

// MachineError is a mistake in a configuration file of a machine whose label could be read all the same. Enumerate puts it in
// a Problem, so that a request for that label can be answered with the mistake.
type MachineError struct {
	// Label is the machine's label.
	Label string
	// Err is the mistake, usually a *config.Error.
	Err error
}

// Error returns the mistake's text.
func (e *MachineError) Error() string { return e.Err.Error() }

// Unwrap returns the mistake.
func (e *MachineError) Unwrap() error { return e.Err }

// Registry holds the drivers of this program in the order in which they are asked.
type Registry []Driver

// Get returns the driver of a session type; the type's case does not matter.
func (r Registry) Get(sessionType string) (Driver, bool) {
	for _, d := range r {
		if strings.EqualFold(d.Type(), sessionType) {
			return d, true
		}
	}
	return nil, false
}

// Types lists the session types in order.
func (r Registry) Types() []string {
	types := make([]string, len(r))
	for i, d := range r {
		types[i] = d.Type()
	}
	return types
}
