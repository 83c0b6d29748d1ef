// Package inventory remembers which machines were found on which host, so that a question about them can be answered
// without touching a host. It keeps the last enumeration of each host on disk.
//
// What it holds is a copy of what the configuration files said when they were read; a scan replaces it.
package inventory

import (
	"time"

	"github.com/conbroker/conbroker/broker/internal/address"
	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

// Entry is what is remembered of one host.
type Entry struct {
	// Host is its name as it was configured when it was scanned.
	Host string
	// Types are the scans of its session types, by type.
	Types []TypeEntry
}

// TypeEntry is the last scan of one session type on one host.
type TypeEntry struct {
	// Type is the session type in upper case.
	Type string
	// Scanned is when the files were read.
	Scanned time.Time
	// Machines are what was found; Config is nil in them.
	Machines []driver.Machine
	// Problems are files that could not be read.
	Problems []host.Problem
}

// Filter narrows a query. Empty fields narrow nothing, so the zero filter is everything.
type Filter struct {
	// Hosts are host names, Types session types in any case.
	Hosts, Types []string
	// Address must be normal (address.Normalize); its BasePath is not looked at.
	Address address.Address
}

// Found is a machine that a query returns.
type Found struct {
	// Host is where the machine is configured.
	Host string
	// Machine is as it was read; Config is nil.
	Machine driver.Machine
	// Scanned is when it was read.
	Scanned time.Time
}

// Target says what a machine is compared as when an address selects it.
func Target(m driver.Machine) address.Target {
	t := address.Target{Label: m.Label, UUID: m.UUID, Path: m.Path, ID: m.ID}
	t.MACs = make([]string, 0, len(m.NICs))
	for _, n := range m.NICs {
		if n.MAC != "" {
			t.MACs = append(t.MACs, n.MAC)
		}
		if n.IP != "" {
			t.IPs = append(t.IPs, n.IP)
		}
	}
	return t
}
