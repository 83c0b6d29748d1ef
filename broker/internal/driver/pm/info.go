package pm

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

//go:embed script/info.sh
var infoScript string

// Info tells what the host is: system, processors and what they can, memory, and the software that sessions need.
func (Driver) Info(ctx context.Context, h host.Host) ([]driver.Fact, error) {
	sections, _, err := host.Sections(ctx, h, host.Script{Body: infoScript, Limit: scriptLimit})
	if err != nil {
		return nil, fmt.Errorf("look at the equipment of %s: %w", h.Name(), err)
	}
	return infoFacts(sections), nil
}

// infoFacts reads the sections of info.sh.
func infoFacts(sections []host.Section) []driver.Fact {
	said := texts(sections)
	var f facts
	f.add("host", "node", said["node"])
	f.add("host", "os", osName(said["os"]))
	f.add("host", "kernel", said["kernel"])
	f.add("host", "SMP", yesNo(strings.Contains(said["kernel"], " SMP")))
	f.add("host", "machine", said["machine"])
	f.add("host", "hypervisor", said["hypervisor"])
	f.addProcessors(said)
	f.addMemory("total", memory(said["memory"]), "MemTotal")
	f.addMemorySize(said["memsize"])
	for _, s := range sections {
		if s.Name == "software" {
			f.addSoftware(lines(clean(s.Data)))
		}
	}
	return f
}

// addProcessors reads the first processor of /proc/cpuinfo, or what sysctl says.
func (f *facts) addProcessors(said map[string]string) {
	first := make(map[string]string)
	for _, line := range lines(said["cpu"]) {
		key, value, _ := strings.Cut(line, ":")
		if key = strings.TrimSpace(key); first[key] == "" {
			first[key] = strings.TrimSpace(value)
		}
	}
	model := said["cpumodel"]
	for _, key := range []string{"model name", "Model", "cpu model", "CPU implementer"} {
		if model == "" {
			model = first[key]
		}
	}
	f.add("processors", "model", model)
	f.add("processors", "count", said["cpucount"])
	flags := strings.Fields(first["flags"])
	if len(flags) == 0 {
		return // not a processor with these flags
	}
	for _, flag := range []string{"vmx", "svm", "pae"} {
		f.add("processors", flag, yesNo(slices.Contains(flags, flag)))
	}
}

// addSoftware adds a program with its version if it told one, else with its path.
func (f *facts) addSoftware(said []string) {
	switch len(said) {
	case 0, 1:
	case 2:
		f.add("software", said[0], said[1])
	default:
		f.add("software", said[0], said[2])
	}
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
