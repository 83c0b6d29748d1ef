package pm

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/conbroker/conbroker/broker/internal/driver"
)

// facts gathers the lines of a report; empty values are left out.
type facts []driver.Fact

func (f *facts) add(group, name, value string) {
	if value = strings.TrimSpace(value); value != "" {
		*f = append(*f, driver.Fact{Group: group, Name: name, Value: value})
	}
}

// osName is the name of the operating system from /etc/os-release (os-release(5)) or from macOS' sw_vers.
func osName(text string) string {
	values := make(map[string]string)
	for _, line := range lines(text) {
		if key, value, ok := strings.Cut(line, "="); ok {
			values[key] = strings.Trim(value, `"'`)
		} else if key, value, ok := strings.Cut(line, ":"); ok {
			values[key] = strings.TrimSpace(value)
		}
	}
	switch {
	case values["PRETTY_NAME"] != "":
		return values["PRETTY_NAME"]
	case values["NAME"] != "":
		return strings.TrimSpace(values["NAME"] + " " + values["VERSION"])
	}
	return strings.TrimSpace(values["ProductName"] + " " + values["ProductVersion"])
}

// memory reads /proc/meminfo, whose values are in KiB; see proc_meminfo(5).
func memory(text string) map[string]int64 {
	values := make(map[string]int64)
	for _, line := range lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		if n, err := strconv.ParseInt(f[1], 10, 64); err == nil && n >= 0 {
			values[strings.TrimSuffix(f[0], ":")] = n
		}
	}
	return values
}

// mib writes KiB as MiB.
func mib(kib int64) string { return fmt.Sprintf("%d MiB", kib/1024) }

// addMemory adds one figure of /proc/meminfo, if it is there.
func (f *facts) addMemory(name string, values map[string]int64, key string) {
	if kib, ok := values[key]; ok {
		f.add("memory", name, mib(kib))
	}
}

// addMemorySize adds what sysctl hw.memsize says, in bytes.
func (f *facts) addMemorySize(text string) {
	if bytes, err := strconv.ParseInt(text, 10, 64); err == nil {
		f.add("memory", "total", mib(bytes/1024))
	}
}

// uptime reads the seconds of /proc/uptime.
func uptime(text string) string {
	seconds, _, _ := strings.Cut(text, " ")
	n, err := strconv.ParseFloat(seconds, 64)
	if err != nil || n < 0 || n > 1e10 {
		return ""
	}
	d := time.Duration(n) * time.Second
	days := d / (24 * time.Hour)
	return fmt.Sprintf("%d days %02d:%02d", days, d/time.Hour%24, d/time.Minute%60)
}

// load is the three averages of /proc/loadavg or of sysctl vm.loadavg, "{ 1.2 1.1 1.0 }".
func load(text string) string {
	f := strings.Fields(strings.Trim(text, "{ }"))
	if len(f) < 3 {
		return ""
	}
	return strings.Join(f[:3], " ")
}
