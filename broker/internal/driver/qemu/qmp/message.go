package qmp

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Version is what the server's greeting says about QEMU.
type Version struct {
	Major, Minor, Micro int
	// Package is the distributor's own version, such as "Debian 1:7.2+dfsg-7"; may be empty.
	Package string
}

// Event is something that happened in QEMU, such as SHUTDOWN, RESET or STOP.
type Event struct {
	// Name is the event's name in capitals (QEMU QMP Reference Manual).
	Name string
	// Data is the event's own JSON object; nil if it has none.
	Data json.RawMessage
	// Time is QEMU's clock when it happened.
	Time time.Time
	// Lost counts the events before this one that were dropped because nobody took them.
	Lost uint64
}

// CommandError is QEMU's answer to a command that it could not carry out.
type CommandError struct {
	// Command is the command's name.
	Command string
	// Class is QEMU's error class, such as "GenericError" or "CommandNotFound".
	Class string
	// Desc is QEMU's text for people.
	Desc string
}

// Error returns command, text and class.
func (e *CommandError) Error() string {
	return fmt.Sprintf("qmp command %s: %s (%s)", e.Command, e.Desc, e.Class)
}

// Reasons for which a connection ends. They are matched with errors.Is.
var (
	// ErrClosed says that the connection ended: QEMU is gone, or Close was called.
	ErrClosed = errors.New("qmp connection is closed")
	// ErrProtocol says that the peer does not speak QMP.
	ErrProtocol = errors.New("peer does not speak qmp")
)

// message is one line from the server: exactly one of greeting, event, fault and result is set.
type message struct {
	greeting *Version
	event    *Event
	fault    *CommandError
	result   json.RawMessage
	// id is that of the command answered; only results and faults have one.
	id    uint64
	hasID bool
}

// wire has the members of every kind of message (QEMU docs/interop/qmp-spec.txt section 2.2 to 2.5).
type wire struct {
	QMP *struct {
		Version struct {
			QEMU struct {
				Major int `json:"major"`
				Minor int `json:"minor"`
				Micro int `json:"micro"`
			} `json:"qemu"`
			Package string `json:"package"`
		} `json:"version"`
	} `json:"QMP"`
	Event     string          `json:"event"`
	Data      json.RawMessage `json:"data"`
	Timestamp struct {
		Seconds      int64 `json:"seconds"`
		Microseconds int64 `json:"microseconds"`
	} `json:"timestamp"`
	Error *struct {
		Class string `json:"class"`
		Desc  string `json:"desc"`
	} `json:"error"`
	Return json.RawMessage `json:"return"`
	ID     *uint64         `json:"id"`
}

// decode reads one message. The line is untrusted.
func decode(line []byte) (message, error) {
	var w wire
	if err := json.Unmarshal(line, &w); err != nil {
		return message{}, fmt.Errorf("%w: %q: %w", ErrProtocol, excerpt(line), err)
	}
	var m message
	if w.ID != nil {
		m.id, m.hasID = *w.ID, true
	}
	switch {
	case w.QMP != nil:
		v := w.QMP.Version
		m.greeting = &Version{Major: v.QEMU.Major, Minor: v.QEMU.Minor, Micro: v.QEMU.Micro, Package: v.Package}
	case w.Event != "":
		m.event = &Event{Name: w.Event, Data: w.Data, Time: time.Unix(w.Timestamp.Seconds, w.Timestamp.Microseconds*1000)}
	case w.Error != nil:
		m.fault = &CommandError{Class: w.Error.Class, Desc: w.Error.Desc}
	case w.Return != nil:
		m.result = w.Return
	default:
		return message{}, fmt.Errorf("%w: %q is neither greeting, event, return nor error", ErrProtocol, excerpt(line))
	}
	return m, nil
}

// excerpt returns the start of a line, for error messages.
func excerpt(line []byte) []byte {
	const most = 80
	return line[:min(len(line), most)]
}
