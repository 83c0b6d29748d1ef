package xen

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

//go:embed script/survey.sh
var surveyScript string

// survey is what one look at a host shows.
type survey struct {
	domains []*domain
	// watchers are the names of the domains, there or not, that an xl process takes care of.
	watchers map[string]bool
	// saved are the suspended machines.
	saved []*record
	// hypervisor is such as "Xen 4.17", machine what uname -m prints.
	hypervisor, machine string
}

// byID returns the domain of a number, nil if there is none.
func (s *survey) byID(id int) *domain {
	for _, d := range s.domains {
		if d.id == id {
			return d
		}
	}
	return nil
}

// byName returns the guest of a name, nil if there is none. Xen takes care that a name is used once.
func (s *survey) byName(name string) *domain {
	for _, d := range s.domains {
		if d.name == name && d.id != 0 {
			return d
		}
	}
	return nil
}

// depth says how much a look costs.
type depth string

const (
	// brief: numbers, names, states and who watches over them.
	brief depth = "brief"
	// full: everything that LIST shows.
	full depth = "full"
)

// look surveys a host in one round trip. Where the escalation allows the tools but no shell, each tool runs alone: then it is
// not known which configurations the domains were started from.
func (d *Driver) look(ctx context.Context, h host.Host, deep depth) (*survey, error) {
	sections, complete, err := host.Sections(ctx, raised{h}, host.Script{Body: surveyScript, Args: []string{string(deep)}})
	if errors.Is(err, host.ErrPermission) || errors.Is(err, host.ErrAuthentication) {
		return d.lookByTools(ctx, h, deep, err)
	}
	if err != nil {
		return nil, err
	}
	if !complete {
		return nil, &host.Error{Host: h.Name(), Action: "look at the domains", Err: errors.New("the answer is incomplete")}
	}
	return readSurvey(h, sections)
}

// lookByTools runs xl alone; refused is why no script could run.
func (d *Driver) lookByTools(ctx context.Context, h host.Host, deep depth, refused error) (*survey, error) {
	list, err := d.xl(ctx, h, "list", "-v")
	if err != nil {
		return nil, errors.Join(refused, err)
	}
	sections := []host.Section{{Name: "list", Data: list}}
	if deep == full {
		long, err := d.xl(ctx, h, "list", "-l")
		if err != nil {
			return nil, err
		}
		sections = append(sections, host.Section{Name: "long", Data: long})
		r, err := h.Run(ctx, host.Command{Argv: []string{"xenstore-ls", "-f", "/local/domain"}, Raised: true})
		if err == nil && r.ExitCode == 0 {
			sections = append(sections, host.Section{Name: "store", Data: r.Stdout})
		}
	}
	return readSurvey(h, sections)
}

// readSurvey reads the sections of survey.sh.
func readSurvey(h host.Host, sections []host.Section) (*survey, error) {
	s := &survey{hypervisor: "Xen", machine: "x86_64", watchers: make(map[string]bool)}
	if len(sections) > 1 && sections[1].Name == "failed" {
		return nil, listFailure(h, sections[0].Data)
	}
	for _, part := range sections {
		var err error
		text := strings.TrimSpace(string(part.Data))
		switch part.Name {
		case "list":
			s.domains, err = parseList(part.Data)
		case "long":
			err = addLong(s.domains, part.Data)
		case "store":
			addStore(s.domains, part.Data)
		case "watcher":
			s.addWatcher(part.Data)
		case "version":
			if text != "" {
				s.hypervisor = "Xen " + strings.Join(strings.Fields(text), ".")
			}
		case "machine":
			s.machine = text
		case "saved":
			if r, ok := parseRecord(part.Data); ok {
				s.saved = append(s.saved, r)
			}
		}
		if err != nil {
			return nil, &host.Error{Host: h.Name(), Action: "look at the domains", Err: err}
		}
	}
	return s, nil
}

// listFailure is the error for an "xl list" that failed in the script.
func listFailure(h host.Host, said []byte) error {
	if strings.Contains(string(said), "xl: not found") || strings.Contains(string(said), "xl: command not found") {
		return notInstalled(h)
	}
	return outcome(h, host.Command{Argv: []string{"xl", "list", "-v"}}, host.Result{ExitCode: 1, Stderr: said})
}

// record says what is saved of a suspended machine. Its file has the state file's path in the first line, for the shell, and
// the record as JSON in the second.
type record struct {
	Label string       `json:"label"`
	UUID  string       `json:"uuid,omitempty"`
	NICs  []driver.NIC `json:"nics,omitempty"`
	// Config is the machine's file, empty if that is not known.
	Config string `json:"config,omitempty"`
	// State is the state file; Own says that the driver chose its place.
	State string `json:"state"`
	Own   bool   `json:"own,omitempty"`
	// Owner is the broker that saved it.
	Owner string `json:"owner,omitempty"`
}

func parseRecord(data []byte) (*record, bool) {
	_, text, _ := strings.Cut(string(data), "\n")
	var r record
	err := json.Unmarshal([]byte(text), &r)
	return &r, err == nil && r.Label != "" && r.State != ""
}

func (r *record) encode() (string, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("write record: %w", err)
	}
	return r.State + "\n" + string(text) + "\n", nil
}
