package xen

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

//go:embed script/probe.sh
var probeScript string

// Probe tells whether the host is the control domain of a Xen hypervisor, has xl, and lets the user run it.
func (d *Driver) Probe(ctx context.Context, h host.Host) (driver.Info, error) {
	info := driver.Info{Type: Type, State: driver.ProbeDisabled}
	sections, _, err := host.Sections(ctx, plain{h}, host.Script{Body: probeScript})
	if err != nil {
		return info, fmt.Errorf("probe %s: %w", Type, err)
	}
	values := make(map[string]string, len(sections))
	for _, s := range sections {
		values[s.Name] = strings.TrimSpace(string(s.Data))
	}
	if version := strings.Fields(values["version"]); len(version) >= 2 {
		info.Version = "Xen " + version[0] + "." + strings.Join(version[1:], "")
	}
	switch {
	case !strings.Contains(values["capabilities"], "control_d"):
		info.Reason = "this is not the control domain of a Xen hypervisor"
		info.Advice = "sudo apt-get install xen-system-amd64, and boot the hypervisor"
		return info, nil
	case values["xl"] == "":
		info.Reason, info.Advice = "xl is not in the PATH", "sudo apt-get install xen-utils"
		return info, nil
	}
	_, err = d.xl(ctx, h, "info")
	if err == nil {
		info.State = driver.ProbeEnabled
		return info, nil
	}
	var command *host.CommandError
	if errors.Is(err, host.ErrPermission) || errors.Is(err, host.ErrAuthentication) || errors.As(err, &command) {
		info.Reason, info.Advice = err.Error(), escalationAdvice
		return info, nil
	}
	return info, fmt.Errorf("probe %s: %w", Type, err)
}

// Show returns what changes: memory and processors in use.
func (d *Driver) Show(ctx context.Context, h host.Host) ([]driver.Fact, error) {
	return d.facts(ctx, h, "free_memory", "free_cpus", "sharing_used_memory", "outstanding_claims")
}

// Info returns what does not: the hypervisor and the hardware as it sees it.
func (d *Driver) Info(ctx context.Context, h host.Host) ([]driver.Fact, error) {
	return d.facts(ctx, h, "xen_version", "xen_caps", "xen_scheduler", "xen_commandline", "virt_caps", "total_memory",
		"nr_cpus", "nr_nodes", "cpu_mhz", "hw_caps", "release", "machine")
}

// facts picks lines of "xl info"; memory is in MiB there.
func (d *Driver) facts(ctx context.Context, h host.Host, names ...string) ([]driver.Fact, error) {
	output, err := d.xl(ctx, h, "info")
	if err != nil {
		return nil, fmt.Errorf("ask %s for its data: %w", Type, err)
	}
	values := parseInfo(output)
	var facts []driver.Fact
	for _, name := range names {
		value, ok := values[name]
		if !ok {
			continue
		}
		if strings.HasSuffix(name, "_memory") {
			value += " MiB"
		}
		facts = append(facts, driver.Fact{Group: "Xen", Name: name, Value: value})
	}
	return facts, nil
}

// parseInfo reads the output of "xl info": "name : value" lines.
func parseInfo(output []byte) map[string]string {
	values := make(map[string]string)
	for line := range strings.Lines(string(output)) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			values[strings.TrimSpace(name)] = strings.ToValidUTF8(strings.TrimSpace(value), "\uFFFD")
		}
	}
	return values
}
