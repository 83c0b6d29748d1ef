package inventory

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/conbroker/conbroker/broker/internal/config"
	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

// fileVersion is that of the files written here. A file of another version is passed over.
const fileVersion = 1

// maxFile bounds what is read of one file.
const maxFile = 256 << 20

// document is the content of a file.
type document struct {
	Version int        `json:"version"`
	Host    string     `json:"host"`
	Types   []typeScan `json:"types"`
}

// typeScan is a TypeEntry on disk.
type typeScan struct {
	Type     string    `json:"type"`
	Scanned  time.Time `json:"scanned"`
	Machines []machine `json:"machines"`
	Problems []problem `json:"problems,omitempty"`
}

// machine is a driver.Machine on disk. The type is that of the scan.
type machine struct {
	Label string `json:"label"`
	// ID is left out if it is the path, as it is for most types.
	ID       string `json:"id,omitempty"`
	UUID     string `json:"uuid,omitempty"`
	NICs     []nic  `json:"nics,omitempty"`
	Path     string `json:"path,omitempty"`
	Serial   string `json:"serial,omitempty"`
	Category string `json:"category,omitempty"`
	Arch     string `json:"arch,omitempty"`
	Memory   int    `json:"memory,omitempty"`
	VCPUs    int    `json:"vcpus,omitempty"`
}

// nic is a driver.NIC on disk.
type nic struct {
	MAC  string `json:"mac,omitempty"`
	IP   string `json:"ip,omitempty"`
	Name string `json:"name,omitempty"`
}

// problem is a host.Problem on disk. File and Line are those of a *config.Error.
type problem struct {
	Path  string `json:"path"`
	Error string `json:"error"`
	File  string `json:"file,omitempty"`
	Line  int    `json:"line,omitempty"`
}

// encode returns the file of an entry.
func encode(e Entry) ([]byte, error) {
	d := document{Version: fileVersion, Host: e.Host, Types: []typeScan{}}
	for _, t := range e.Types {
		scan := typeScan{Type: t.Type, Scanned: t.Scanned.UTC(), Machines: make([]machine, len(t.Machines))}
		for i, m := range t.Machines {
			scan.Machines[i] = toDisk(m)
		}
		for _, p := range t.Problems {
			scan.Problems = append(scan.Problems, problemToDisk(p))
		}
		d.Types = append(d.Types, scan)
	}
	data, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}

func toDisk(m driver.Machine) machine {
	out := machine{Label: m.Label, ID: m.ID, UUID: m.UUID, Path: m.Path, Serial: m.Serial, Category: m.Category,
		Arch: m.Arch, Memory: m.Memory, VCPUs: m.VCPUs}
	if m.ID == m.Path {
		out.ID = ""
	}
	for _, n := range m.NICs {
		out.NICs = append(out.NICs, nic(n))
	}
	return out
}

func fromDisk(m machine, sessionType string) driver.Machine {
	out := driver.Machine{Type: sessionType, Label: m.Label, ID: m.ID, UUID: m.UUID, Path: m.Path, Serial: m.Serial,
		Category: m.Category, Arch: m.Arch, Memory: m.Memory, VCPUs: m.VCPUs}
	if out.ID == "" {
		out.ID = out.Path
	}
	if len(m.NICs) > 0 {
		out.NICs = make([]driver.NIC, len(m.NICs))
	}
	for i, n := range m.NICs {
		out.NICs[i] = driver.NIC(n)
	}
	return out
}

func problemToDisk(p host.Problem) problem {
	out := problem{Path: p.Path}
	var mistake *config.Error
	switch {
	case errors.As(p.Err, &mistake):
		out.File, out.Line, out.Error = mistake.File, mistake.Line, mistake.Text
	case p.Err != nil:
		out.Error = p.Err.Error()
	}
	return out
}

func problemFromDisk(p problem) host.Problem {
	if p.File != "" {
		return host.Problem{Path: p.Path, Err: &config.Error{File: p.File, Line: p.Line, Text: p.Error}}
	}
	return host.Problem{Path: p.Path, Err: errors.New(p.Error)}
}

// readEntry reads a file that encode wrote.
func readEntry(path string) (Entry, error) {
	f, err := os.Open(path)
	if err != nil {
		return Entry{}, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return Entry{}, err
	}
	if len(data) > maxFile {
		return Entry{}, errors.New("it is too large for an inventory")
	}
	return decode(data)
}

// decode reads the content of a file.
func decode(data []byte) (Entry, error) {
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return Entry{}, fmt.Errorf("it is damaged: %w", err)
	}
	if d.Version != fileVersion {
		return Entry{}, fmt.Errorf("its version is %d; this program reads %d", d.Version, fileVersion)
	}
	if d.Host == "" {
		return Entry{}, errors.New("it is damaged: the host is missing")
	}
	e := Entry{Host: d.Host}
	for _, t := range d.Types {
		scan := TypeEntry{Type: t.Type, Scanned: t.Scanned, Machines: make([]driver.Machine, len(t.Machines))}
		for i, m := range t.Machines {
			scan.Machines[i] = fromDisk(m, t.Type)
		}
		for _, p := range t.Problems {
			scan.Problems = append(scan.Problems, problemFromDisk(p))
		}
		e.Types = append(e.Types, scan)
	}
	return e, nil
}
