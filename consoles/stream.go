package consoles

import (
	"context"
	"io"
)

// Bounds of a terminal's size. Anything outside is clamped, so that a peer
// cannot make the screen model allocate without limit.
const (
	minCells = 1
	maxCells = 1000
)

// Size is the size of a terminal in character cells.
type Size struct{ Cols, Rows int }

// The size of a console that was opened without one.
const (
	defaultCols = 80
	defaultRows = 24
)

// Clamp returns s with both values within 1..1000.
func (s Size) Clamp() Size {
	return Size{Cols: min(max(s.Cols, minCells), maxCells), Rows: min(max(s.Rows, minCells), maxCells)}
}

// orDefault returns s clamped, or 80x24 if s is the zero size.
func (s Size) orDefault() Size {
	if s == (Size{}) {
		return Size{Cols: defaultCols, Rows: defaultRows}
	}
	return s.Clamp()
}

// ExitStatus tells how a stream ended.
type ExitStatus struct {
	// Code is the exit code of the process behind the stream; 128 plus the
	// signal's number if a signal ended it; 0 if there was no process.
	Code int
	// Signal is the name of the signal that ended the process, such as
	// "SIGKILL", or empty.
	Signal string
	// Reason says in plain words what happened, for example "connection closed
	// by the guest's serial port".
	Reason string
}

// Stream is the live byte stream to a guest or to a shell. It has exactly one
// reader, its console, and at most one writer at a time.
//
// Read returns io.EOF at the end of the stream. Close may be called at any
// time, also while Read or Write are blocked: it unblocks both and ends what
// the stream started. It is safe to call it more than once.
type Stream interface {
	io.ReadWriteCloser

	// Resize tells the far end the size of the terminal. A stream that has no
	// notion of a size returns nil.
	Resize(Size) error

	// Wait returns how the stream ended. The console calls it once Read has
	// failed; it must then return within bounded time.
	Wait() ExitStatus
}

// Breaker is implemented by streams that can send a serial break.
type Breaker interface {
	Break(ctx context.Context) error
}
