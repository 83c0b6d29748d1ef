package qemu

import (
	"context"
	"fmt"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

// maxFile is the largest machine file read, in bytes.
const maxFile = 256 << 10

// Enumerate finds machine files below roots. A machine file is a *.toml that has at its top level a label and a kernel or
// drive; other TOML files are passed over. Machine files with a mistake are Problems.
func (d *Driver) Enumerate(ctx context.Context, h host.Host, roots []string) ([]driver.Machine, []host.Problem, error) {
	files, problems, err := host.Scan(ctx, h, host.ScanOptions{Roots: roots, Suffixes: []string{".toml"}, MaxSize: maxFile})
	if err != nil {
		return nil, nil, fmt.Errorf("enumerate QEMU machines: %w", err)
	}
	var machines []driver.Machine
	for _, f := range files {
		if !recognised(f.Data) {
			continue
		}
		m, err := parse(f.Data, f.Path)
		if err != nil {
			problems = append(problems, host.Problem{Path: f.Path, Err: err})
			continue
		}
		machines = append(machines, m.machine())
	}
	return machines, problems, nil
}

func (m *machineFile) machine() driver.Machine {
	return driver.Machine{
		Type: Type, Label: m.Label, ID: m.file, UUID: m.UUID, NICs: m.addresses(), Path: m.file,
		Arch: m.Arch, Memory: m.mebibytes, VCPUs: m.VCPUs,
	}
}

// load reads the file of a machine again: what counts is what it says when the machine starts, not when it was found.
func load(ctx context.Context, h host.Host, m driver.Machine) (*machineFile, error) {
	data, err := host.ReadFile(ctx, h, m.Path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("read machine file: %w", err)
	}
	return parse(data, m.Path)
}
