package qemu

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"time"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

// record is what machine.json says about one run, and what is kept of a suspended machine.
type record struct {
	// Path, Label, UUID, NICs and Arch are the machine's.
	Path  string       `json:"path"`
	Label string       `json:"label"`
	UUID  string       `json:"uuid,omitempty"`
	NICs  []driver.NIC `json:"nics,omitempty"`
	Arch  string       `json:"arch"`
	// Accelerator and Display are how it was started; a saved state fits only the same.
	Accelerator string `json:"accelerator"`
	Display     bool   `json:"display,omitempty"`
	// Exec is QEMU's path and Version its version line.
	Exec    string `json:"exec"`
	Version string `json:"version"`
	// Owner is the broker that started it, at Started.
	Owner   string    `json:"owner"`
	Started time.Time `json:"started"`
	// Restored is the state file that this run came from; Own says that the driver chose its place.
	Restored string `json:"restored,omitempty"`
	Own      bool   `json:"own,omitempty"`
}

// run is one run of a machine: the Handle of a driver.Session.
type run struct {
	record
	// dir is the run's directory, pid QEMU's process; both are empty for a suspended machine.
	dir, pid string
	// stateFile is where a suspended machine is saved, and saved the file that says so.
	stateFile, saved string
}

func (r *run) key() string { return keyOf(r.Path) }

var (
	//go:embed script/running.sh
	runningScript string
	//go:embed script/survey.sh
	surveyScript string
	//go:embed script/inspect.sh
	inspectScript string
)

// survey finds what runs and what is suspended on a host, in one round trip, and removes what dead runs left.
func survey(ctx context.Context, h host.Host, p paths) (runs, suspended []*run, err error) {
	if runs, suspended, ok := glance(ctx, h, p); ok {
		return runs, suspended, nil
	}
	sections, _, err := host.Sections(ctx, h, host.Script{Body: runningScript + surveyScript, Args: []string{p.run, p.save}})
	if err != nil {
		return nil, nil, fmt.Errorf("look for running QEMU machines: %w", err)
	}
	var dir, pid string
	alive := make(map[string]bool)
	for _, s := range sections {
		switch s.Name {
		case "dir":
			dir = string(s.Data)
		case "pid":
			pid = string(s.Data)
		case "machine":
			r := &run{dir: dir, pid: pid}
			if json.Unmarshal(s.Data, &r.record) != nil {
				r.Label = path.Base(dir) // it runs, whatever became of its record
			}
			alive[r.key()] = true
			runs = append(runs, r)
		case "saved":
			if r, ok := parseSaved(s.Data); ok {
				suspended = append(suspended, r)
			}
		}
	}
	return runs, dropRunning(suspended, alive), nil
}

// dropRunning removes suspended machines that run: their state file is about to go, or was never completed.
func dropRunning(suspended []*run, alive map[string]bool) []*run {
	var kept []*run
	for _, r := range suspended {
		if !alive[r.key()] {
			kept = append(kept, r)
		}
	}
	return kept
}

// parseSaved reads a section of a suspended machine: the name of its file, then the file's two lines.
func parseSaved(data []byte) (*run, bool) {
	name, rest, _ := bytes.Cut(data, []byte("\n"))
	return parseSavedFile(string(name), rest)
}

// parseSavedFile reads the two lines of a file that marks a suspended machine: the state file's path, and a record.
func parseSavedFile(name string, data []byte) (*run, bool) {
	state, machine, found := bytes.Cut(data, []byte("\n"))
	r := &run{stateFile: string(state), saved: name}
	if !found || json.Unmarshal(machine, &r.record) != nil {
		return nil, false
	}
	return r, true
}

// States of /dev/kvm.
const (
	kvmUsable    = "usable"
	kvmMissing   = "missing"
	kvmForbidden = "forbidden"
)

// inspection is what is asked of a host before a machine is started there.
type inspection struct {
	binary string
	// key is the machine's; empty asks for QEMU only.
	key string
	// files must be readable.
	files []string
}

// inspected is the answer.
type inspected struct {
	// exec is QEMU's path, empty if it is not installed.
	exec, version string
	sandbox       bool
	// kvm is one of the kvm words.
	kvm string
	// running is the process that runs the machine already.
	running string
	// saved is what a suspended machine left.
	saved *run
	// files has a word for each file asked for: good, missing, directory or forbidden.
	files []string
}

func inspect(ctx context.Context, h host.Host, p paths, i inspection) (inspected, error) {
	saved := ""
	if i.key != "" {
		saved = p.savedFile(i.key)
	}
	sections, _, err := host.Sections(ctx, h, host.Script{
		Body: runningScript + inspectScript,
		Args: append([]string{i.binary, p.run, i.key, saved}, i.files...),
	})
	if err != nil {
		return inspected{}, fmt.Errorf("look for %s: %w", i.binary, err)
	}
	var found inspected
	for _, s := range sections {
		text := string(bytes.TrimSpace(s.Data))
		switch s.Name {
		case "running":
			found.running = text
		case "saved":
			found.saved, _ = parseSavedFile(saved, s.Data)
		case "exec":
			found.exec = text
		case "version":
			found.version = text
		case "sandbox":
			found.sandbox = true
		case "kvm":
			found.kvm = text
		case "file":
			found.files = append(found.files, text)
		}
	}
	return found, nil
}

//go:embed script/await.sh
var awaitScript string

// awaitRound is how often await.sh looks.
const awaitRound = 50 * time.Millisecond

// awaitEnd waits until the process of r has ended, at most for wait, and removes what it left. A signal such as "KILL" is
// sent first, unless it is empty. It returns whether the process is gone, and the end of QEMU's log.
func awaitEnd(ctx context.Context, h host.Host, r *run, wait time.Duration, signal string) (gone bool, log string, err error) {
	rounds := strconv.Itoa(int((wait + awaitRound - 1) / awaitRound))
	sections, _, err := host.Sections(ctx, h, host.Script{Body: runningScript + awaitScript, Args: []string{r.dir, rounds, signal, r.pid}})
	if err != nil {
		return false, "", fmt.Errorf("wait for QEMU of %s to end: %w", r.Label, err)
	}
	for _, s := range sections {
		if s.Name == "log" {
			return true, string(bytes.TrimSpace(s.Data)), nil
		}
	}
	return false, "", nil
}
