package cast

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxLine bounds a line of a recording, in bytes.
const MaxLine = 8 << 20

// Reader decodes a recording.
type Reader struct {
	scan   *bufio.Scanner
	line   int
	header Header
}

// NewReader reads the header from r. It accepts version 2 only.
func NewReader(r io.Reader) (*Reader, error) {
	d := &Reader{scan: bufio.NewScanner(r)}
	d.scan.Buffer(nil, MaxLine)
	line, err := d.next()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("read the header of a recording: %w", err)
	}
	if err := json.Unmarshal(line, &d.header); err != nil {
		return nil, fmt.Errorf("read the header of a recording: %w", err)
	}
	if d.header.Version != Version {
		return nil, fmt.Errorf("read the header of a recording: version %d is not supported, only %d", d.header.Version, Version)
	}
	return d, nil
}

// Header returns the header.
func (d *Reader) Header() Header { return d.header }

// Next returns the next event; io.EOF after the last one.
func (d *Reader) Next() (Event, error) {
	line, err := d.next()
	if err != nil {
		if errors.Is(err, io.EOF) {
			return Event{}, io.EOF
		}
		return Event{}, fmt.Errorf("read a recording: %w", err)
	}
	ev, err := parseEvent(line)
	if err != nil {
		return Event{}, fmt.Errorf("read line %d of a recording: %w", d.line, err)
	}
	return ev, nil
}

// next returns the next line that is not empty.
func (d *Reader) next() ([]byte, error) {
	for d.scan.Scan() {
		d.line++
		if line := bytes.TrimSpace(d.scan.Bytes()); len(line) > 0 {
			return line, nil
		}
	}
	if err := d.scan.Err(); err != nil {
		return nil, err
	}
	return nil, io.EOF
}

// parseEvent decodes [time, code, data].
func parseEvent(line []byte) (ev Event, err error) {
	var parts []json.RawMessage
	if err := json.Unmarshal(line, &parts); err != nil {
		return ev, err
	}
	if len(parts) != 3 {
		return ev, fmt.Errorf("an event has 3 parts, not %d", len(parts))
	}
	for i, to := range []any{&ev.Time, &ev.Code, &ev.Data} {
		if err := json.Unmarshal(parts[i], to); err != nil {
			return ev, fmt.Errorf("part %d of the event: %w", i+1, err)
		}
	}
	if ev.Time < 0 {
		return ev, fmt.Errorf("time %v is negative", ev.Time)
	}
	return ev, nil
}
