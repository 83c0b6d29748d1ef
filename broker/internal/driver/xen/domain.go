package xen

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/conbroker/conbroker/broker/internal/driver"
)

// domain is what the host tells of one domain: the Handle of a driver.Session.
type domain struct {
	id   int
	name string
	// uuid is 32 lower-case hex digits, empty for domain 0.
	uuid string
	// flags are the six letters of xl's column State: running, blocked, paused, shut down, why, dying.
	flags string
	// fresh says that it has not run yet.
	fresh bool
	// kind is pv, pvh or hvm.
	kind    string
	nics    []driver.NIC
	vncPort int
	// display says that its configuration has a VNC server.
	display bool
	// config is the file it was started from, and extra what was added on the command line; empty if that is not known.
	config string
	extra  []string
	// watched says that an xl process takes care of what happens when it shuts down.
	watched bool
	// saved is the record of the state that it was restored from, until it runs.
	saved *record
}

// reason is why a domain shut down, the fifth letter of its flags (Xen 4.17, xl_list.c: "-rscw").
type reason byte

const (
	reasonPoweroff reason = '-'
	reasonReboot   reason = 'r'
)

func (d *domain) paused() bool   { return d.flags[2] == 'p' }
func (d *domain) shutDown() bool { return d.flags[3] == 's' }
func (d *domain) dying() bool    { return d.flags[5] == 'd' }
func (d *domain) reason() reason { return reason(d.flags[4]) }

// state is the domain's state in the words of the contract. A domain that has shut down and stays was preserved, or its
// configuration asks for a restart that has not come yet.
func (d *domain) state() driver.State {
	switch {
	case d.shutDown() && d.reason() == reasonReboot && d.watched:
		return driver.StateStarting
	case d.shutDown(), d.dying():
		return driver.StateCrashed
	case d.paused():
		return driver.StatePaused
	}
	return driver.StateRunning
}

// listLine is a line of "xl list -v": name, number, memory in MiB, processors, state, seconds, UUID, reason code, label. Names may
// have blanks; the number is the first column that the others fit behind.
var listLine = regexp.MustCompile(
	`^(.*?)\s+(\d+)\s+\d+\s+\d+\s+([r-][b-][p-][s-][rscw-][d-])\s+(\d+\.\d+)\s+([0-9a-fA-F-]{36})\s`)

// parseList reads the output of "xl list -v".
func parseList(output []byte) ([]*domain, error) {
	lines := strings.Split(strings.TrimRight(string(output), "\n"), "\n")
	if !strings.HasPrefix(lines[0], "Name ") {
		return nil, fmt.Errorf("xl list -v printed no table but %q", clip(lines[0]))
	}
	domains := make([]*domain, 0, len(lines)-1)
	for _, line := range lines[1:] {
		fields := listLine.FindStringSubmatch(line)
		if fields == nil {
			return nil, fmt.Errorf("xl list -v printed the unknown line %q", clip(line))
		}
		id, err := strconv.Atoi(fields[2])
		if err != nil {
			return nil, fmt.Errorf("xl list -v printed the domain number %q", fields[2])
		}
		d := &domain{id: id, name: fields[1], flags: fields[3], fresh: fields[4] == "0.0", uuid: plainUUID(fields[5])}
		domains = append(domains, d)
	}
	return domains, nil
}

// clip bounds what an error repeats of an output.
func clip(line string) string { return strings.ToValidUTF8(line[:min(len(line), 200)], "\uFFFD") }

// plainUUID drops the dashes; the UUID of domain 0, all zeros, is none.
func plainUUID(uuid string) string {
	uuid = strings.ToLower(strings.ReplaceAll(uuid, "-", ""))
	if strings.Trim(uuid, "0") == "" {
		return ""
	}
	return uuid
}

// longEntry is the part of "xl list -l" that is used (Xen 4.17, libxl_types.idl).
type longEntry struct {
	Domid  int
	Config struct {
		Info struct {
			Type, Name string
		} `json:"c_info"`
		NICs []struct {
			Devid   int
			MAC, IP string
		}
		VFBs []struct {
			VNC struct{ Enable string }
		}
		Build struct {
			HVM struct {
				VNC struct{ Enable string }
			} `json:"type.hvm"`
		} `json:"b_info"`
	}
}

// addLong adds what "xl list -l" knows. A domain that came or went between the two outputs keeps what is known of it.
func addLong(domains []*domain, output []byte) error {
	var entries []longEntry
	if err := json.Unmarshal(output, &entries); err != nil {
		return fmt.Errorf("xl list -l: %w", err)
	}
	byID := make(map[int]*longEntry, len(entries))
	for i := range entries {
		byID[entries[i].Domid] = &entries[i]
	}
	for _, d := range domains {
		e := byID[d.id]
		if e == nil {
			continue
		}
		d.name, d.kind = e.Config.Info.Name, e.Config.Info.Type
		d.display = e.Config.Build.HVM.VNC.Enable == "True"
		for _, fb := range e.Config.VFBs {
			d.display = d.display || fb.VNC.Enable != "False"
		}
		for _, n := range e.Config.NICs {
			d.nics = append(d.nics, driver.NIC{
				MAC: strings.ToLower(n.MAC), IP: n.IP, Name: fmt.Sprintf("vif%d.%d", d.id, n.Devid),
			})
		}
	}
	return nil
}

var vncPortLine = regexp.MustCompile(`(?m)^/local/domain/(\d+)/console/vnc-port = "(\d{1,5})"$`)

// addStore adds the VNC ports that "xenstore-ls -f" shows. A guest can write below its own directory, so what counts is
// only a port that is plausible.
func addStore(domains []*domain, output []byte) {
	ports := make(map[int]int)
	for _, match := range vncPortLine.FindAllSubmatch(output, -1) {
		id, _ := strconv.Atoi(string(match[1]))
		port, _ := strconv.Atoi(string(match[2]))
		if port >= vncBase && port <= 0xffff {
			ports[id] = port
		}
	}
	for _, d := range domains {
		d.vncPort = ports[d.id]
	}
}

// vncBase is the TCP port of VNC display 0.
const vncBase = 5900

// addWatcher adds what one xl process that stays with its domain tells: its log file, named after the domain, the value of
// CONBROKER_CONFIG, and its arguments, with a NUL behind each.
func (s *survey) addWatcher(data []byte) {
	words := strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00")
	if len(words) < 4 {
		return
	}
	name := strings.TrimSuffix(strings.TrimPrefix(path.Base(words[0]), "xl-"), ".log")
	s.watchers[name] = true
	if d := s.byName(name); d != nil {
		d.watched = true
		d.config, d.extra = watchedConfig(words[1], words[3:])
	}
}

// watchedConfig finds the configuration among the arguments behind "xl". A relative path is worth nothing: the process has
// left the directory that it was relative to.
func watchedConfig(restored string, args []string) (config string, extra []string) {
	if path.IsAbs(restored) {
		return path.Clean(restored), nil
	}
	if len(args) == 0 || args[0] != "create" {
		return "", nil
	}
	for i, arg := range args[1:] {
		if strings.HasPrefix(arg, "-") {
			continue
		}
		if path.IsAbs(arg) {
			return path.Clean(arg), args[i+2:]
		}
		return "", nil
	}
	return "", nil
}

// number is how xl wants to be told which domain is meant.
func (d *domain) number() string { return strconv.Itoa(d.id) }
