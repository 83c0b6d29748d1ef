package protocol

// Address selects machines or sessions: all given keys must match. LABEL, UUID, MAC, TCP, ID and PATHNAME match exactly;
// FILENAME is whole path components from the right.
type Address struct {
	Label string `json:"label,omitempty"`
	// UUID is 32 hex digits, with or without dashes, in either case.
	UUID string `json:"uuid,omitempty"`
	// MAC is six hex pairs joined by colons or dashes, in either case.
	MAC string `json:"mac,omitempty"`
	// TCP is the guest's IP address, v4 or v6, or its host name.
	TCP string `json:"tcp,omitempty"`
	// Pathname is the absolute path of the configuration file on the host; "~/" and "$HOME/" are the home directory there.
	Pathname string `json:"pathname,omitempty"`
	// Filename is the end of that path, such as "tst100/tst100.conf".
	Filename string `json:"filename,omitempty"`
	// ID is the session type's own identifier.
	ID string `json:"id,omitempty"`
	// BasePath are directories to search for configurations, instead of the configured ones.
	BasePath []string `json:"basepath,omitempty"`
}

// SessionState is where a machine is in its life.
type SessionState string

// The states. Sessions have the first five; "off" is for machines that do not run; "unknown" for those not asked.
const (
	StateStarting  SessionState = "starting"
	StateRunning   SessionState = "running"
	StatePaused    SessionState = "paused"
	StateSuspended SessionState = "suspended"
	StateCrashed   SessionState = "crashed"
	StateOff       SessionState = "off"
	StateUnknown   SessionState = "unknown"
)

// Role is the part that a session plays.
type Role string

// The roles.
const (
	// RoleServer: a domain, a virtual machine, a host, a VNC server.
	RoleServer Role = "S"
	// RoleClient: a viewer or a terminal.
	RoleClient Role = "C"
	// RoleTunnel: a forwarded port.
	RoleTunnel Role = "T"
)

// NIC is a network interface of a machine.
type NIC struct {
	// MAC is six lower-case hex pairs joined by colons.
	MAC string `json:"mac"`
	// IP is empty if it is not known without doubt.
	IP string `json:"ip"`
}

// Session is something that runs: a row of LIST. Its members are the fields of a MACHINE record; what is not known is empty.
type Session struct {
	// Key names this session in later requests, as long as it lives.
	Key string `json:"key"`
	// Host is the containing host's name, Type the session type.
	Host  string `json:"host"`
	Type  string `json:"type"`
	Label string `json:"label"`
	// ID is the session type's own identifier; for file-based types the path of the configuration.
	ID string `json:"id"`
	// UUID is 32 lower-case hex digits.
	UUID string `json:"uuid"`
	// MAC is that of the first network interface; TCP its address, or the guest's name; for a host its own name.
	MAC string `json:"mac"`
	TCP string `json:"tcp"`
	// NICs are all network interfaces.
	NICs []NIC `json:"nics,omitempty"`
	// Display is the X11 or VNC display, such as ":1".
	Display string `json:"display"`
	// CPort is the port at which a client attaches, SPort the server's own; 0 is none.
	CPort int `json:"cport"`
	SPort int `json:"sport"`
	// PID is the process, or the domain's number for XEN.
	PID   string `json:"pid"`
	User  string `json:"user"`
	Group string `json:"group"`
	Role  Role   `json:"role"`
	JobID string `json:"jobId"`
	// IfName is the network interface on the host.
	IfName      string `json:"ifname"`
	Context     string `json:"context"`
	ExecPath    string `json:"execPath"`
	Hypervisor  string `json:"hypervisor"`
	Accelerator string `json:"accelerator"`
	Arch        string `json:"arch"`
	// State is where it is in its life.
	State SessionState `json:"state"`
	// Path is the configuration file on the host.
	Path string `json:"path,omitempty"`
	// StateFile is where a suspended machine is saved on the host.
	StateFile string `json:"stateFile,omitempty"`
	// Console is the guest's console that this broker holds, if it does.
	Console string `json:"console,omitempty"`
}

// Machine is a VM as its configuration describes it: a row of ENUMERATE.
type Machine struct {
	Host  string `json:"host"`
	Type  string `json:"type"`
	Label string `json:"label"`
	ID    string `json:"id"`
	UUID  string `json:"uuid"`
	// MAC and TCP are those of the first network interface.
	MAC string `json:"mac"`
	TCP string `json:"tcp"`
	// NICs are all network interfaces.
	NICs []NIC `json:"nics,omitempty"`
	// Path is the configuration file on the host.
	Path string `json:"path"`
	// Serial and Category come from annotations in the file.
	Serial   string `json:"serial,omitempty"`
	Category string `json:"category,omitempty"`
	Arch     string `json:"arch,omitempty"`
	// Memory is in MiB.
	Memory int `json:"memory,omitempty"`
	VCPUs  int `json:"vcpus,omitempty"`
	// State is that of the session started from it; "unknown" if the answer comes from the cache.
	State SessionState `json:"state"`
	// Scanned says when the file was read, RFC 3339, if the answer comes from the cache.
	Scanned string `json:"scanned,omitempty"`
}

// Candidate is a machine or session that an ambiguous address fits.
type Candidate struct {
	Host   string       `json:"host"`
	Type   string       `json:"type"`
	Label  string       `json:"label"`
	ID     string       `json:"id"`
	Path   string       `json:"path,omitempty"`
	UUID   string       `json:"uuid,omitempty"`
	MAC    string       `json:"mac,omitempty"`
	TCP    string       `json:"tcp,omitempty"`
	Serial string       `json:"serial,omitempty"`
	State  SessionState `json:"state,omitempty"`
}
