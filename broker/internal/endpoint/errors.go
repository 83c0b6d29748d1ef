package endpoint

import (
	"errors"
	"fmt"
	"strings"
)

// ErrAbsent says that no daemon answers at the place. It is matched with errors.Is.
var ErrAbsent = errors.New("no daemon runs")

// RunningError is a daemon that cannot start because another one runs.
type RunningError struct {
	// PID is the other one's process, 0 if unknown; Version its version, empty if unknown.
	PID     int
	Version string
	// Lock is the file it holds.
	Lock string
}

// Error names the running daemon.
func (e *RunningError) Error() string {
	if e.PID == 0 {
		return "another daemon runs: it holds " + e.Lock
	}
	return fmt.Sprintf("another daemon runs: process %d, version %s", e.PID, orUnknown(e.Version))
}

// BusyError is a daemon that does not retire, because it is in use.
type BusyError struct {
	// Running is the daemon.
	Running PeerHello
}

// Error says what the daemon holds.
func (e *BusyError) Error() string {
	return fmt.Sprintf("the running daemon (process %d, version %s) holds %d consoles and %d clients: close them, then try again",
		e.Running.PID, orUnknown(e.Running.Version), e.Running.Consoles, e.Running.Clients)
}

// IncompatibleError is a daemon of another protocol that could not be replaced.
type IncompatibleError struct {
	// Running is the daemon; Own is this program.
	Running PeerHello
	Own     Hello
}

// Error says both versions, what the daemon holds, and how to replace it.
func (e *IncompatibleError) Error() string {
	return fmt.Sprintf("the running daemon (process %d, version %s, protocol %d) does not fit this program (version %s, protocol %d)"+
		" and holds %d consoles and %d clients: close them, then try again or run conbroker daemon --replace",
		e.Running.PID, orUnknown(e.Running.Version), e.Running.Protocol, orUnknown(e.Own.Version), e.Own.Protocol,
		e.Running.Consoles, e.Running.Clients)
}

// StartError is a daemon that did not come up.
type StartError struct {
	// Argv is how it was started.
	Argv []string
	// Err is how it ended, or that it did not get ready in time.
	Err error
	// Said are the last lines it wrote; Log is the file with all of them.
	Said, Log string
}

// Error says how the daemon ended and its last line.
func (e *StartError) Error() string {
	said := strings.TrimSpace(e.Said)
	if said == "" {
		said = "it said nothing"
	}
	return fmt.Sprintf("start the daemon %s: %v: %s (log: %s)", e.Argv[0], e.Err, said, e.Log)
}

// Unwrap returns how it ended.
func (e *StartError) Unwrap() error { return e.Err }

// DiedError is a daemon that ended while it was in use.
type DiedError struct {
	// PID and Version name it; Log is the file with its last words, empty if unknown.
	PID     int
	Version string
	Log     string
}

// Error names the daemon in one line.
func (e *DiedError) Error() string {
	said := fmt.Sprintf("the conbroker daemon ended unexpectedly: process %d, version %s", e.PID, orUnknown(e.Version))
	if e.Log != "" {
		said += " (log: " + e.Log + ")"
	}
	return said
}

func orUnknown(version string) string {
	if version == "" {
		return "unknown"
	}
	return version
}
