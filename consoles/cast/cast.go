// Package cast writes and reads terminal recordings in the asciicast v2 format
// (https://docs.asciinema.org/manual/asciicast/v2/): a line of JSON with the
// header, then one line [time, code, data] for each event.
//
// A recording is valid UTF-8: a character that is split between two writes is
// held back until it is whole, and bytes that are no UTF-8 become U+FFFD.
package cast

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Version of the format.
const Version = 2

// Codes of events.
const (
	CodeOutput = "o" // Data is what the terminal printed
	CodeResize = "r" // Data is "COLSxROWS"
	CodeMarker = "m" // Data is a label; used here for gaps
	CodeInput  = "i" // never written here: input holds secrets
)

// Header is the first line of a recording.
type Header struct {
	Version   int               `json:"version"`
	Width     int               `json:"width"`               // columns at the start
	Height    int               `json:"height"`              // rows at the start
	Timestamp int64             `json:"timestamp,omitempty"` // seconds since 1970
	Title     string            `json:"title,omitempty"`
	Env       map[string]string `json:"env,omitempty"` // TERM, SHELL
}

// Event is one line of a recording after the header.
type Event struct {
	Time float64 // seconds since the start
	Code string  // CodeOutput, CodeResize, ...
	Data string
}

// Create makes the file of a new recording: it must not exist, is readable by
// its owner only, and lies in a directory that is. A missing directory is made.
func Create(path string) (*os.File, error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of recording %s: %w", path, err)
	}
	if err := private(dir); err != nil {
		return nil, fmt.Errorf("create recording %s: %w", path, err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create recording: %w", err)
	}
	return f, nil
}

// ErrNotPrivate says that others than the owner may enter the directory of recordings.
var ErrNotPrivate = errors.New("directory is open to other users")

// checkMode reports a directory whose mode lets others in.
func checkMode(dir string, mode fs.FileMode) error {
	if mode.Perm()&0o077 != 0 {
		return fmt.Errorf("%w: %s has mode %04o; chmod 700 it, or record elsewhere", ErrNotPrivate, dir, mode.Perm())
	}
	return nil
}
