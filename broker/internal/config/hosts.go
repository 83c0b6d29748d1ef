package config

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// LocalName is the name of the computer that the broker runs on. It is the one of package host, which this package must not
// import; a test of the broker compares them.
const LocalName = "localhost"

// HostNameError says why a text cannot be the name of a host.
type HostNameError struct {
	// Name is the text.
	Name string
	// Text says what is wrong with it and what is expected.
	Text string
}

// Error returns the reason, which quotes the name.
func (e *HostNameError) Error() string { return "host name: " + e.Text }

// CheckHostName returns a *HostNameError unless name can be given to ssh as a host: 1 to 255 characters, no blank, no control
// character, none that a shell or a list would take apart, and no leading dash, which ssh would read as an option.
func CheckHostName(name string) error {
	if text := checkHostName(name); text != "" {
		return &HostNameError{Name: name, Text: text}
	}
	return nil
}

// checkHostName returns what is wrong with a host name, empty if nothing is.
func checkHostName(name string) string {
	const expected = `expected a host name such as "lab00" or "lab00.soho"`
	switch {
	case name == "":
		return "it is empty; " + expected
	case len(name) > 255:
		return fmt.Sprintf("%.20q... is longer than 255 bytes; %s", name, expected)
	case strings.HasPrefix(name, "-"):
		return fmt.Sprintf("%q begins with a dash; %s", name, expected)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, isForeign):
		return fmt.Sprintf("%q holds a character that host names do not have; %s", name, expected)
	case name == "." || name == "..":
		return fmt.Sprintf("%q is no host name; %s", name, expected)
	}
	return ""
}

// isForeign reports whether a character must not be in a host name. Letters of other scripts may: ssh takes any alias.
func isForeign(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && !strings.ContainsRune("._-:@%[]+", r)
}

// hasControl reports whether a text holds a control character or is not UTF-8.
func hasControl(s string) bool {
	return !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl)
}

// HostNames lists the configured hosts: the local one first, then the others by name.
func (c *Config) HostNames() []string {
	names := slices.Sorted(maps.Keys(c.Hosts))
	names = slices.DeleteFunc(names, func(n string) bool { return n == LocalName })
	return slices.Insert(names, 0, LocalName)
}

// ResolveHosts replaces groups by their hosts, at any depth, and leaves out repetitions. The order is that of the first mention. Names
// that are not configured are kept, since ssh may know them. A text that cannot be a host name is a *HostNameError.
func (c *Config) ResolveHosts(names []string) ([]string, error) {
	var hosts []string
	seen := map[string]bool{}
	var expand func(names []string) error
	expand = func(names []string) error {
		for _, name := range names {
			if err := CheckHostName(name); err != nil {
				return err
			}
			if seen[name] {
				continue
			}
			seen[name] = true
			members, isGroup := c.Groups[name]
			if !isGroup {
				hosts = append(hosts, name)
				continue
			}
			if err := expand(members); err != nil {
				return fmt.Errorf("group %q: %w", name, err)
			}
		}
		return nil
	}
	if err := expand(names); err != nil {
		return nil, err
	}
	return hosts, nil
}

// cycle returns the way from a group back to itself, or nil.
func (c *Config) cycle(start string) []string {
	seen := map[string]bool{}
	var walk func(name string) []string
	walk = func(name string) []string {
		for _, member := range c.Groups[name] {
			if member == start {
				return []string{name, member}
			}
			if seen[member] {
				continue
			}
			seen[member] = true
			if rest := walk(member); rest != nil {
				return append([]string{name}, rest...)
			}
		}
		return nil
	}
	return walk(start)
}

// HostSettings are what holds for one host: its own configuration, the defaults, and what this package assumes. No field of a
// single word is empty except Type and Libvirt.
type HostSettings struct {
	// Name is the host's name, Address what ssh is given.
	Name, Address string
	// Transport, Escalation, Forwarding and Console are words of the lists of the same name.
	Transport, Escalation, Forwarding, Console string
	// Type is taken when a request names none; empty means all.
	Type string
	// Types are the session types looked for; nil means all.
	Types []string
	// BasePaths are directories to search for machines: absolute, or relative to the home directory on the host.
	BasePaths []string
	// Libvirt is the connection URI; empty means libvirt's own choice.
	Libvirt string
}

// Host returns the settings of a host, configured or not. The name localhost is always the local transport. Without configured
// basepaths these are searched: conbroker/machines in the configuration directory, "xen", "qemu" and "/etc/ctys.d".
func (c *Config) Host(name string) HostSettings {
	h := c.Hosts[name]
	s := HostSettings{
		Name:       name,
		Address:    first(h.Address, name),
		Transport:  first(h.Transport, "openssh"),
		Escalation: first(h.Escalation, c.Defaults.Escalation, "none"),
		Forwarding: first(c.Defaults.Forwarding, "df"),
		Console:    first(c.Defaults.Console, "cli"),
		Type:       c.Defaults.Type,
		Types:      slices.Clone(h.Types),
		Libvirt:    h.Libvirt,
	}
	if name == LocalName {
		s.Transport = "local"
	}
	for _, dir := range h.BasePaths {
		s.BasePaths = append(s.BasePaths, fromHome(dir))
	}
	if len(s.BasePaths) == 0 {
		s.BasePaths = defaultBasePaths(s.Transport)
	}
	return s
}

// defaultBasePaths are searched on a host whose configuration names none. Only of this computer is the configuration
// directory known.
func defaultBasePaths(transport string) []string {
	machines := ".config/conbroker/machines"
	if transport == "local" {
		if dir, err := directory(); err == nil {
			machines = filepath.Join(dir, "machines")
		}
	}
	return []string{machines, "xen", "qemu", "/etc/ctys.d"}
}

// fromHome writes "~/x", "$HOME/x" and "${HOME}/x" as x, because relative directories begin at the home directory.
func fromHome(dir string) string {
	for _, home := range []string{"~", "$HOME", "${HOME}"} {
		if dir == home {
			return "~"
		}
		if rest, ok := strings.CutPrefix(dir, home+"/"); ok && strings.Trim(rest, "/") != "" {
			return strings.TrimLeft(rest, "/")
		}
	}
	return dir
}

// first returns the first text that is not empty.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
