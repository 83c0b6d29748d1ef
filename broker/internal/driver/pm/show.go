package pm

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

//go:embed script/show.sh
var showScript string

// maxProcesses is how many of the busiest processes are shown.
const maxProcesses = 15

// Show tells how the host does: load, memory, the busiest processes, disks, and temperatures with their alarms.
func (Driver) Show(ctx context.Context, h host.Host) ([]driver.Fact, error) {
	sections, _, err := host.Sections(ctx, h, host.Script{Body: showScript, Limit: scriptLimit})
	if err != nil {
		return nil, fmt.Errorf("look at the load of %s: %w", h.Name(), err)
	}
	return showFacts(sections), nil
}

// showFacts reads the sections of show.sh.
func showFacts(sections []host.Section) []driver.Fact {
	said := texts(sections)
	var f facts
	f.add("host", "node", said["node"])
	f.add("host", "os", osName(said["os"]))
	f.add("host", "system", said["system"])
	f.add("host", "release", said["release"])
	f.add("host", "machine", said["machine"])
	f.add("host", "uptime", uptime(said["uptime"]))
	f.add("load", "1, 5 and 15 minutes", load(said["load"]))
	values := memory(said["memory"])
	f.addMemory("total", values, "MemTotal")
	f.addMemory("free", values, "MemFree")
	f.addMemory("available", values, "MemAvailable")
	f.addMemory("swap total", values, "SwapTotal")
	f.addMemory("swap free", values, "SwapFree")
	f.addMemorySize(said["memsize"])
	f.addProcesses(said["top"])
	f.addDisks(said["disks"])
	f.addTemperatures(sections)
	return f
}

// addProcesses adds the table of top or ps: the head, then the first processes. The process number is the fact's name.
func (f *facts) addProcesses(text string) {
	shown := -1
	for _, line := range lines(text) {
		number, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case number == "PID":
			shown = 0
			f.add("processes", number, rest)
		case shown >= 0 && shown < maxProcesses && number != "":
			shown++
			f.add("processes", number, rest)
		}
	}
}

// addDisks reads df -P -k, whose columns POSIX fixes; the mount point, the last, may have blanks.
func (f *facts) addDisks(text string) {
	for _, line := range lines(text) {
		c := strings.Fields(line)
		if len(c) < 6 || !strings.HasPrefix(c[0], "/") && c[5] != "/" {
			continue
		}
		total, totalErr := strconv.ParseInt(c[1], 10, 64)
		free, freeErr := strconv.ParseInt(c[3], 10, 64)
		if totalErr == nil && freeErr == nil {
			f.add("disks", strings.Join(c[5:], " "), fmt.Sprintf("%s of %s free, %s used (%s)", mib(free), mib(total), c[4], c[0]))
		}
	}
}

// addTemperatures reads the sensors: chip, label, input, max, crit and alarm, a line each, in thousandths of a degree
// Celsius (the kernel's hwmon sysfs interface), and counts the alarms.
func (f *facts) addTemperatures(sections []host.Section) {
	sensors, alarms := 0, 0
	for _, s := range sections {
		v := strings.Split(string(s.Data), "\n")
		if s.Name != "temperature" || len(v) < 6 {
			continue
		}
		degrees, ok := celsius(v[2])
		if !ok {
			continue
		}
		sensors++
		value := fmt.Sprintf("%.1f °C", degrees)
		if isAlarm(degrees, v[3:6]) {
			alarms++
			value += " ALARM"
		}
		f.add("temperatures", strings.TrimSpace(clean([]byte(v[0]))+" "+clean([]byte(v[1]))), value)
	}
	if sensors > 0 {
		f.add("temperatures", "alarms", strconv.Itoa(alarms))
	}
}

// isAlarm reports whether the chip says so, or a limit that is set is reached.
func isAlarm(degrees float64, limits []string) bool {
	for _, text := range limits[:2] {
		if limit, ok := celsius(text); ok && limit > 0 && degrees >= limit {
			return true
		}
	}
	return strings.TrimSpace(limits[2]) == "1"
}

func celsius(text string) (float64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 32)
	return float64(n) / 1000, err == nil
}
