package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Bounds of consoles.scrollback.
const (
	minScrollback = 4 * KiB
	maxScrollback = GiB
)

// checker looks for mistakes in a configuration and keeps the first one.
type checker struct {
	file  string
	lines keyLines
	err   error
}

// fail keeps a mistake in the value of key, if it is the first.
func (k *checker) fail(key []string, format string, args ...any) {
	if k.err == nil {
		k.err = &Error{File: k.file, Line: k.lines.line(key...), Text: strings.Join(key, ".") + ": " + fmt.Sprintf(format, args...)}
	}
}

// word brings a word to lower case and compares it with the allowed ones; an empty word is not set.
func (k *checker) word(value *string, allowed []string, key ...string) {
	lower := strings.ToLower(*value)
	if *value != "" && !slices.Contains(allowed, lower) {
		k.fail(key, "%q is not known; allowed are %s", *value, strings.Join(allowed, ", "))
	}
	*value = lower
}

// sessionType brings a session type to upper case. Which types exist is known to the drivers only.
func (k *checker) sessionType(value *string, key ...string) {
	upper := strings.ToUpper(*value)
	if strings.Trim(upper, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
		k.fail(key, "%q is no session type; expected one word such as %q", *value, "XEN")
	}
	*value = upper
}

// check brings the words of c to their usual spelling and returns the first mistake as an *Error.
func (c *Config) check(file string, lines keyLines) error {
	k := &checker{file: file, lines: lines}
	k.sessionType(&c.Defaults.Type, "defaults", "type")
	k.word(&c.Defaults.Console, ConsoleKinds(), "defaults", "console")
	k.word(&c.Defaults.Escalation, Escalations(), "defaults", "escalation")
	k.word(&c.Defaults.Forwarding, Forwardings(), "defaults", "forwarding")
	for _, name := range slices.Sorted(maps.Keys(c.Hosts)) {
		h := c.Hosts[name]
		k.host(name, &h)
		c.Hosts[name] = h
	}
	for _, name := range slices.Sorted(maps.Keys(c.Groups)) {
		k.group(c, name)
	}
	k.consoles(&c.Consoles)
	return k.err
}

// host checks one table of hosts.
func (k *checker) host(name string, h *Host) {
	key := func(last string) []string { return []string{"hosts", name, last} }
	if text := checkHostName(name); text != "" {
		k.fail([]string{"hosts", name}, "%s", text)
	}
	k.word(&h.Transport, Transports(), key("transport")...)
	k.word(&h.Escalation, Escalations(), key("escalation")...)
	if name == LocalName && h.Transport != "" && h.Transport != "local" {
		k.fail(key("transport"), "%s is always this computer, reached without ssh; give the host another name and set its address", LocalName)
	}
	if h.Address != "" {
		if text := checkHostName(h.Address); text != "" {
			k.fail(key("address"), "%s", text)
		}
	}
	for i := range h.Types {
		k.sessionType(&h.Types[i], key("types")...)
		if h.Types[i] == "" {
			k.fail(key("types"), "a session type is empty; expected such as %q", "XEN")
		}
	}
	for _, dir := range h.BasePaths {
		k.text(dir, key("basepaths")...)
	}
	if h.Libvirt != "" {
		k.text(h.Libvirt, key("libvirt")...)
	}
}

// group checks one group: its name, its members' names, and that it does not contain itself.
func (k *checker) group(c *Config, name string) {
	key := []string{"groups", name}
	if text := checkHostName(name); text != "" {
		k.fail(key, "%s", text)
	}
	if _, isHost := c.Hosts[name]; isHost || name == LocalName {
		k.fail(key, "there is a host of this name; expected another name for the group")
	}
	for _, member := range c.Groups[name] {
		if text := checkHostName(member); text != "" {
			k.fail(key, "%s", text)
		}
	}
	if path := c.cycle(name); path != nil {
		k.fail(key, "the group contains itself: %s", strings.Join(path, " > "))
	}
}

// consoles checks the table of consoles.
func (k *checker) consoles(s *Consoles) {
	k.word(&s.Record, RecordModes(), "consoles", "record")
	if size := s.Scrollback; size != 0 && (size < minScrollback || size > maxScrollback) {
		k.fail([]string{"consoles", "scrollback"}, "%s is out of bounds; expected %s to %s", size, minScrollback, maxScrollback)
	}
	k.argv(s.Xterm, "consoles", "xterm")
	k.argv(s.VNCViewer, "consoles", "vncviewer")
}

// argv checks the command of a window program; nil is not set.
func (k *checker) argv(argv []string, key ...string) {
	if argv != nil && (len(argv) == 0 || argv[0] == "") {
		k.fail(key, "the program is missing; expected a list such as [\"xterm\", \"-e\"]")
	}
	for _, arg := range argv[min(1, len(argv)):] {
		if strings.ContainsRune(arg, 0) {
			k.fail(key, "an argument holds a zero byte")
		}
	}
}

// text refuses an empty value and control characters.
func (k *checker) text(value string, key ...string) {
	if value == "" {
		k.fail(key, "a value is empty")
	}
	if hasControl(value) {
		k.fail(key, "%q holds a control character", value)
	}
}
