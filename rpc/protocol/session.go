package protocol

import (
	"encoding/json"
	"errors"
)

// CreateMode says what session/create does when the session runs already, and when it does not.
type CreateMode string

// The modes.
const (
	// ModeStart starts it; alreadyRunning if it runs. The default.
	ModeStart CreateMode = "start"
	// ModeConnect connects to it; notRunning if it does not run.
	ModeConnect CreateMode = "connect"
	// ModeReuse connects to it if it runs, and starts it if not.
	ModeReuse CreateMode = "reuse"
	// ModeReconnect is reuse, and first ends the other clients of a running session.
	ModeReconnect CreateMode = "reconnect"
	// ModeResume continues a paused session, or restores a suspended one.
	ModeResume CreateMode = "resume"
)

// ConsoleKind is the kind of console that a create asks for.
type ConsoleKind string

// The kinds. The broker opens the guest's console for all but none and vnc, and answers the same for each; how it is shown is the
// frontend's part.
const (
	ConsoleNone    ConsoleKind = "none"
	ConsoleCLI     ConsoleKind = "cli"
	ConsoleXterm   ConsoleKind = "xterm"
	ConsoleGterm   ConsoleKind = "gterm"
	ConsoleEmacs   ConsoleKind = "emacs"
	ConsoleEmacsM  ConsoleKind = "emacsm"
	ConsoleEmacsA  ConsoleKind = "emacsa"
	ConsoleEmacsAM ConsoleKind = "emacsam"
	ConsoleVNC     ConsoleKind = "vnc"
)

// Forwarding says where the viewer of a graphical console runs.
type Forwarding string

// The forwardings.
const (
	// ForwardingDF: the viewer runs on the host and is drawn here through X11.
	ForwardingDF Forwarding = "df"
	// ForwardingCF: the viewer runs here, through a tunnel.
	ForwardingCF Forwarding = "cf"
)

// Escalation is how rights are raised on a host.
type Escalation string

// The escalations.
const (
	EscalationNone Escalation = "none"
	EscalationSudo Escalation = "sudo"
	EscalationKsu  Escalation = "ksu"
)

// Size is the size of a terminal in cells.
type Size struct {
	Cols int `json:"cols"`
	Rows int `json:"rows"`
}

// SessionCreateParams say what to start or connect to.
type SessionCreateParams struct {
	WorkDone
	// Host is where; left out, the local host.
	Host string `json:"host,omitempty"`
	// Type is the session type; left out, the configured default, or else all types of the host.
	Type string `json:"type,omitempty"`
	// Address selects the machine.
	Address Address `json:"address"`
	// Mode is start if left out.
	Mode CreateMode `json:"mode,omitempty"`
	// StateFile is the file to resume from; left out, the one that the broker saved.
	StateFile string `json:"stateFile,omitempty"`
	// Console is the kind of console wanted; left out, the configured default.
	Console ConsoleKind `json:"console,omitempty"`
	// Forwarding is for the frontend's viewer. Escalation must be the host's configured one; another is refused, so that nothing
	// runs with other rights than asked for.
	Forwarding Forwarding `json:"forwarding,omitempty"`
	Escalation Escalation `json:"escalation,omitempty"`
	// Size and Term are those of the terminal that will show the console.
	Size *Size  `json:"size,omitempty"`
	Term string `json:"term,omitempty"`
}

// SessionCreateResult is the session, and its console if one was wanted.
type SessionCreateResult struct {
	Session Session `json:"session"`
	// Started: this request started the machine; false if it ran already.
	Started bool `json:"started"`
	// Console is the guest's console; left out for console none and vnc.
	Console string `json:"console,omitempty"`
	// Attach is the command that attaches a terminal to the console.
	Attach []string `json:"attach,omitempty"`
}

// CancelMethod says how a session is ended or interrupted.
type CancelMethod string

// The methods.
const (
	// CancelPoweroff asks the guest, waits up to timeout, then stops it; timeout 0 stops it at once. The default.
	CancelPoweroff CancelMethod = "poweroff"
	// CancelReset is the reset button.
	CancelReset CancelMethod = "reset"
	// CancelReboot lets the guest reboot itself.
	CancelReboot CancelMethod = "reboot"
	// CancelPause stops the processors and keeps the memory.
	CancelPause CancelMethod = "pause"
	// CancelSuspend saves to a state file and frees the memory.
	CancelSuspend CancelMethod = "suspend"
	// CancelInit changes the UNIX init level in the guest.
	CancelInit CancelMethod = "init"
)

// SessionCancelParams say which sessions to cancel and how.
type SessionCancelParams struct {
	WorkDone
	// Host is where; left out, the local host.
	Host string `json:"host,omitempty"`
	// Type is the session type; left out, all types of the host, except the host itself.
	Type string `json:"type,omitempty"`
	// Session is a key that session/list gave; then Host, Type and Address are left out.
	Session SessionRef `json:"session,omitempty"`
	// Address selects one session.
	Address *Address `json:"address,omitempty"`
	// All selects every virtual machine of the host and type; never the host itself.
	All bool `json:"all,omitempty"`
	// Method is poweroff if left out.
	Method CancelMethod `json:"method,omitempty"`
	// Timeout is how long to wait for the guest, in seconds; left out, 20.
	Timeout *float64 `json:"timeout,omitempty"`
	// Level is the init level, with method init.
	Level string `json:"level,omitempty"`
	// StateFile is where to save, with method suspend; left out, the broker chooses.
	StateFile string `json:"stateFile,omitempty"`
	// Force leaves nested machines alone: those that run inside a selected session, or on the host with Self. With poweroff it also
	// discards the saved state of a suspended session, which is otherwise kept.
	Force bool `json:"force,omitempty"`
	// Self includes the host itself, last, after all machines on it. Confirm must then be the host's name.
	Self    bool   `json:"self,omitempty"`
	Confirm string `json:"confirm,omitempty"`
	// Escalation must be the host's configured one; another is refused.
	Escalation Escalation `json:"escalation,omitempty"`
}

// SessionCancelResult has one entry per selected session, in the order in which they were handled.
type SessionCancelResult struct {
	Results []CancelOutcome `json:"results"`
}

// CancelOutcome is what became of one session.
type CancelOutcome struct {
	// Session is as it was found.
	Session Session `json:"session"`
	// State is the state now; "off" if the session is gone.
	State SessionState `json:"state"`
	// StateFile is where it was saved.
	StateFile string `json:"stateFile,omitempty"`
	// Error is set if it failed.
	Error *Error `json:"error,omitempty"`
}

// SessionListParams narrow a list.
type SessionListParams struct {
	WorkDone
	// Hosts are host or group names; left out, all configured hosts.
	Hosts []string `json:"hosts,omitempty"`
	// Types are session types; left out, all.
	Types []string `json:"types,omitempty"`
	// Roles are S, C and T; left out, all.
	Roles []Role `json:"roles,omitempty"`
}

// SessionListResult is what runs. It is complete except for what Errors names.
type SessionListResult struct {
	Sessions []Session   `json:"sessions"`
	Errors   []HostError `json:"errors"`
}

// SessionWatchParams narrow a watch.
type SessionWatchParams struct {
	SessionListParams
	// Stop ends the watch instead; the result is then empty.
	Stop bool `json:"stop,omitempty"`
}

// SessionDidChangeParams is a difference.
type SessionDidChangeParams struct {
	// Host is where it happened.
	Host string `json:"host"`
	// Changed are the sessions that are new or look different, whole.
	Changed []Session `json:"changed"`
	// Removed are the keys of those that are gone.
	Removed []string `json:"removed"`
	// Error is set while the host cannot be asked; left out when it can again.
	Error *Error `json:"error,omitempty"`
}

// SessionRef names a session: its key, or the whole record as a result gave it.
type SessionRef string

// UnmarshalJSON takes a string, or an object with a member "key".
func (r *SessionRef) UnmarshalJSON(data []byte) error {
	var key string
	if json.Unmarshal(data, &key) == nil {
		*r = SessionRef(key)
		return nil
	}
	var record struct{ Key *string }
	if err := json.Unmarshal(data, &record); err != nil || record.Key == nil {
		return errors.New("session must be a key, or a session record that has one")
	}
	*r = SessionRef(*record.Key)
	return nil
}
