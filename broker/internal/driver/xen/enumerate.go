package xen

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/driver/xen/xlcfg"
	"github.com/conbroker/conbroker/broker/internal/host"
)

// maxConfig is the largest configuration read, in bytes.
const maxConfig = 256 << 10

// suffixes are the endings of configurations: ctys has the first two, xl's own examples the third.
func suffixes() []string { return []string{".conf", ".ctys", ".cfg"} }

// Enumerate finds the machines that are configured below roots, in one round trip. A file that is meant to be a machine of
// Xen and that xl would refuse is a Problem; where its label can be read all the same, the Problem holds a *driver.MachineError.
func (d *Driver) Enumerate(ctx context.Context, h host.Host, roots []string) ([]driver.Machine, []host.Problem, error) {
	files, problems, err := host.Scan(ctx, h, host.ScanOptions{Roots: roots, Suffixes: suffixes(), MaxSize: maxConfig})
	if err != nil {
		return nil, nil, fmt.Errorf("enumerate %s machines: %w", Type, err)
	}
	machines, mistakes := machinesOf(files)
	return machines, append(problems, mistakes...), nil
}

// machinesOf reads what a scan found.
func machinesOf(files []host.File) (machines []driver.Machine, problems []host.Problem) {
	texts := make(map[string]*xlcfg.File, len(files))
	parsed := make(map[string]error, len(files))
	for _, f := range files {
		texts[f.Path], parsed[f.Path] = xlcfg.Parse(f.Data, f.Path)
	}
	for _, f := range files {
		if !recognised(f.Data) {
			continue
		}
		s := &source{file: f.Path, own: texts[f.Path], texts: texts}
		m, err := s.machine()
		if mistake := parsed[f.Path]; mistake != nil {
			err = mistake
			if label, unknown := s.label(); unknown == nil {
				err = &driver.MachineError{Label: label, Err: mistake}
			}
		}
		if err != nil {
			problems = append(problems, host.Problem{Path: f.Path, Err: err})
			continue
		}
		machines = append(machines, m)
	}
	slices.SortFunc(machines, func(a, b driver.Machine) int { return cmp.Compare(a.Path, b.Path) })
	return machines, problems
}

// load reads the configuration of a machine again: what counts is what it says when the machine starts.
func load(ctx context.Context, h host.Host, m driver.Machine) (driver.Machine, error) {
	data, err := host.ReadFile(ctx, h, m.Path, maxConfig)
	if err != nil {
		return m, fmt.Errorf("read configuration: %w", err)
	}
	file, err := xlcfg.Parse(data, m.Path)
	if err != nil {
		return m, err
	}
	s := &source{file: m.Path, own: file, texts: map[string]*xlcfg.File{m.Path: file}}
	now, err := s.machine()
	var inner *driver.MachineError
	if errors.As(err, &inner) {
		err = inner.Err
	}
	return now, err
}
