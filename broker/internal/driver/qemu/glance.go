package qemu

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path"
	"strings"

	"github.com/conbroker/conbroker/broker/internal/host"
)

// directHost is a Host whose files can be looked at without starting a process there.
type directHost interface {
	host.FileSystem
	host.DirReader
}

// maxRecord bounds the files that a glance reads, in bytes.
const maxRecord = 1 << 20

// glance is survey without a process, for a host whose files can be read directly: under load, starting one takes much longer than
// the look itself. It leaves everything that is not plain to the script: a run that has ended and must be cleared up, a host
// without /proc, a file that cannot be read.
func glance(ctx context.Context, h host.Host, p paths) (runs, suspended []*run, ok bool) {
	d, direct := h.(directHost)
	if !direct {
		return nil, nil, false
	}
	if _, err := d.ReadFile(ctx, "/proc/self/cmdline", maxRecord); err != nil {
		return nil, nil, false
	}
	alive := make(map[string]bool)
	for _, dir := range children(ctx, d, p.run) {
		if path.Ext(dir) == ".pid" {
			continue // beside the directory of its run, and left behind by it
		}
		data, err := d.ReadFile(ctx, path.Join(dir, "machine.json"), maxRecord)
		if errors.Is(err, host.ErrFileNotFound) {
			continue
		}
		r, running := lookAt(ctx, d, dir, data)
		if err != nil || !running {
			return nil, nil, false
		}
		alive[r.key()] = true
		runs = append(runs, r)
	}
	for _, file := range children(ctx, d, p.save) {
		if r, ok := lookAtSaved(ctx, d, file); ok {
			suspended = append(suspended, r)
		}
	}
	return runs, dropRunning(suspended, alive), ctx.Err() == nil
}

// children returns the paths in a directory; none if it cannot be read, or does not exist.
func children(ctx context.Context, d directHost, dir string) []string {
	names, err := d.ReadDir(ctx, dir)
	if err != nil {
		return nil
	}
	paths := make([]string, len(names))
	for i, name := range names {
		paths[i] = path.Join(dir, name)
	}
	return paths
}

// lookAt reads what is known of the run in a directory. It reports whether its process lives: one whose arguments name sockets in
// the directory, so that a number given to another program since does not count.
func lookAt(ctx context.Context, d directHost, dir string, machine []byte) (*run, bool) {
	base := path.Base(dir)
	key, _, _ := cutLast(base, "-")
	text, err := d.ReadFile(ctx, path.Join(path.Dir(dir), key+".pid"), maxRecord)
	pid, _, _ := strings.Cut(string(text), "\n")
	if err != nil || pid == "" || strings.Trim(pid, "0123456789") != "" {
		return nil, false
	}
	arguments, err := d.ReadFile(ctx, "/proc/"+pid+"/cmdline", maxRecord)
	if err != nil || !bytes.Contains(arguments, []byte("path="+strings.ReplaceAll(dir, ",", ",,")+"/")) {
		return nil, false
	}
	r := &run{dir: dir, pid: pid}
	if json.Unmarshal(machine, &r.record) != nil {
		r.Label = base // it runs, whatever became of its record
	}
	return r, true
}

// lookAtSaved reads the file that marks a suspended machine, if its state file is there.
func lookAtSaved(ctx context.Context, d directHost, file string) (*run, bool) {
	if path.Ext(file) != ".saved" {
		return nil, false
	}
	data, err := d.ReadFile(ctx, file, maxRecord)
	if err != nil {
		return nil, false
	}
	r, ok := parseSavedFile(file, data)
	if !ok {
		return nil, false
	}
	// One byte is enough to see that the file is there: too large is there.
	_, err = d.ReadFile(ctx, r.stateFile, 1)
	return r, !errors.Is(err, host.ErrFileNotFound)
}

// cutLast cuts s around the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
