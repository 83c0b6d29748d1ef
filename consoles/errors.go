package consoles

import (
	"errors"
	"fmt"
)

// Errors returned by this package, wrapped with what was tried and on which console.
var (
	// ErrClosed says that the console's stream has ended, or that the hub was closed.
	ErrClosed = errors.New("console is closed")
	// ErrDetached says that the attachment was detached.
	ErrDetached = errors.New("attachment is detached")
	// ErrExists says that an open console with the same id exists.
	ErrExists = errors.New("console exists already")
	// ErrReadOnly says that the attachment does not have the write role.
	ErrReadOnly = errors.New("attachment is read-only")
	// ErrInputFull says that the queue of input to the guest has no room now,
	// because the guest does not read.
	ErrInputFull = errors.New("input queue is full: the guest does not read")
	// ErrInputTooLarge says that one input is larger than the whole queue.
	ErrInputTooLarge = errors.New("input is larger than the input queue")
	// ErrOffset says that an offset lies outside of the stream.
	ErrOffset = errors.New("offset is outside of the console's stream")
	// ErrBudget says that the memory budget of the hub is used up.
	ErrBudget = errors.New("memory budget for consoles is used up")
	// ErrNoBreak says that the stream cannot send a serial break.
	ErrNoBreak = errors.New("stream cannot send a break")
)

// BusyError says that another client has the write role of a console.
type BusyError struct {
	Console string // id of the console
	Holder  string // name of the client that writes
}

// Error names the console and the client that holds it.
func (e *BusyError) Error() string {
	return fmt.Sprintf("console %s is busy: %q is writing", e.Console, e.Holder)
}
