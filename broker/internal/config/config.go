// Package config reads conbroker's configuration: TOML, strict, with the file and line of every mistake. It is the only
// package that knows TOML, so machine files of drivers are read through [Decode] as well.
package config

// Config is the content of config.toml (DESIGN section 6). The zero value is valid: the local host, and any host name
// that ssh knows. After [Load] its words are in the spelling given here, whatever their case in the file.
type Config struct {
	Defaults Defaults            `toml:"defaults"`
	Hosts    map[string]Host     `toml:"hosts"`
	Groups   map[string][]string `toml:"groups"`
	// Macros are texts for the command line of the original, by name.
	Macros   map[string]string `toml:"macros"`
	Consoles Consoles          `toml:"consoles"`
}

// Defaults hold for every host that does not say otherwise.
type Defaults struct {
	// Type is the session type taken when a request names none: upper case, such as "XEN". Empty means all types that
	// the host has.
	Type string `toml:"type"`
	// Console is the kind of console opened after a create that names none: one of [ConsoleKinds].
	Console string `toml:"console"`
	// Escalation is one of [Escalations].
	Escalation string `toml:"escalation"`
	// Forwarding is one of [Forwardings].
	Forwarding string `toml:"forwarding"`
}

// Host is one execution target.
type Host struct {
	// Address is what ssh is given; empty means the host's name.
	Address string `toml:"address"`
	// Transport is one of [Transports]; empty means openssh, or local for localhost.
	Transport string `toml:"transport"`
	// Escalation is one of [Escalations]; empty means the default.
	Escalation string `toml:"escalation"`
	// Types are the session types looked for, in upper case; empty means all.
	Types []string `toml:"types"`
	// BasePaths are where machine configurations are searched; relative ones from the home directory.
	BasePaths []string `toml:"basepaths"`
	// Libvirt is the connection URI for libvirt, such as "xen:///system".
	Libvirt string `toml:"libvirt"`
}

// Consoles are the settings of the console hub and of the windows that show consoles.
type Consoles struct {
	// Scrollback is how much of each console is kept in memory: 4 KiB to 1 GiB.
	Scrollback ByteSize `toml:"scrollback"`
	// Record is one of [RecordModes].
	Record string `toml:"record"`
	// Xterm and VNCViewer are the argv of the window programs; "{label}", "{host}" and "{port}" are replaced.
	Xterm     []string `toml:"xterm"`
	VNCViewer []string `toml:"vncviewer"`
}

// Transports are the ways to a host: the ssh program, the broker's own SSH, and none because it is this computer.
func Transports() []string { return []string{"openssh", "native", "local"} }

// Escalations are how rights are raised on a host.
func Escalations() []string { return []string{"none", "sudo", "ksu"} }

// Forwardings say where the viewer of a graphical console runs: on the host (df) or here (cf). The file may write DF and CF
// as the original did.
func Forwardings() []string { return []string{"df", "cf"} }

// ConsoleKinds are the kinds of console that a create may ask for.
func ConsoleKinds() []string {
	return []string{"none", "cli", "xterm", "gterm", "emacs", "emacsm", "emacsa", "emacsam", "vnc"}
}

// RecordModes say whether the output of consoles is recorded to files.
func RecordModes() []string { return []string{"off", "on"} }

// ConsoleSettings returns c.Consoles with defaults for what is not set: 1 MiB of scrollback, no recording, xterm and a
// TigerVNC viewer.
func (c *Config) ConsoleSettings() Consoles {
	s := c.Consoles
	if s.Scrollback == 0 {
		s.Scrollback = MiB
	}
	if s.Record == "" {
		s.Record = "off"
	}
	if len(s.Xterm) == 0 {
		s.Xterm = []string{"xterm", "-T", "{label}", "-e"}
	}
	if len(s.VNCViewer) == 0 {
		s.VNCViewer = []string{"vncviewer", "{host}::{port}"}
	}
	return s
}
