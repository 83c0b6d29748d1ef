package protocol

// Transport is the way to a host.
type Transport string

// The transports.
const (
	TransportLocal   Transport = "local"
	TransportOpenSSH Transport = "openssh"
	TransportNative  Transport = "native"
)

// HostState says what is known of a host without asking it.
type HostState string

// The states.
const (
	// HostUnknown: nothing has been asked of it yet.
	HostUnknown HostState = "unknown"
	// HostConnected: it answered last time.
	HostConnected HostState = "connected"
	// HostFailed: it did not; Host.Error says why.
	HostFailed HostState = "failed"
)

// Host is an execution target.
type Host struct {
	// Host is its name.
	Host string `json:"host"`
	// Address is what it is reached by.
	Address   string    `json:"address"`
	Transport Transport `json:"transport"`
	State     HostState `json:"state"`
	// Types are the session types found on it, or configured for it if it was not asked yet.
	Types []string `json:"types"`
	// Escalation is how rights are raised on it.
	Escalation Escalation `json:"escalation"`
	// Error is the last failure, if State is failed.
	Error *Error `json:"error,omitempty"`
}

// HostListParams ask for hosts.
type HostListParams struct {
	// Probe asks each host which session types it has, instead of answering from memory.
	Probe bool `json:"probe,omitempty"`
}

// HostListResult are the hosts and the groups of the configuration.
type HostListResult struct {
	Hosts  []Host              `json:"hosts"`
	Groups map[string][]string `json:"groups"`
}

// HostReportParams select hosts to report on.
type HostReportParams struct {
	WorkDone
	// Hosts are host or group names; left out, the local host.
	Hosts []string `json:"hosts,omitempty"`
	// Types are session types; left out, all.
	Types []string `json:"types,omitempty"`
}

// HostReportResult has a report per host that could be asked.
type HostReportResult struct {
	Reports []HostReport `json:"reports"`
	Errors  []HostError  `json:"errors"`
}

// HostReport is what is known of one host.
type HostReport struct {
	Host string `json:"host"`
	// Facts are lines to show, grouped.
	Facts []Fact `json:"facts"`
	// Drivers are the session types and whether they can be used; with host/info only.
	Drivers []DriverInfo `json:"drivers,omitempty"`
	// Sessions counts what runs, by type; with host/show only.
	Sessions map[string]int `json:"sessions,omitempty"`
}

// Fact is one line.
type Fact struct {
	// Group is the heading it belongs under.
	Group string `json:"group"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

// DriverState says whether a session type can be used on a host.
type DriverState string

// The states.
const (
	DriverEnabled  DriverState = "enabled"
	DriverDisabled DriverState = "disabled"
)

// DriverInfo is a session type on a host.
type DriverInfo struct {
	Type  string      `json:"type"`
	State DriverState `json:"state"`
	// Version is the tool's own version line.
	Version string `json:"version,omitempty"`
	// Accelerator is what machines will use, if it is known.
	Accelerator string `json:"accelerator,omitempty"`
	// Reason says why it is disabled, Advice what mends it.
	Reason string `json:"reason,omitempty"`
	Advice string `json:"advice,omitempty"`
}
