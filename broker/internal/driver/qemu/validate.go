package qemu

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/conbroker/conbroker/broker/internal/config"
	"github.com/conbroker/conbroker/broker/internal/driver"
)

// word is what QEMU's own names look like: machine types, devices, processor models with their flags.
var word = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.+=,-]*$`)

// Bounds of a machine.
const (
	maxLabel  = 64
	maxVCPUs  = 1024
	maxDrives = 64
	maxNICs   = 32
)

// mistake is an error at a key of the file: in the index-th table of that name, or at the top level.
func (m *machineFile) mistake(table string, index int, key, format string, args ...any) error {
	return &config.Error{File: m.file, Line: lineOf(m.source, table, index, key), Text: fmt.Sprintf(format, args...)}
}

// validate checks the values and writes UUID and addresses in their one form.
func (m *machineFile) validate() error {
	if err := checkLabel(m.Label); err != "" {
		return m.mistake("", 0, "label", "label %q %s", m.Label, err)
	}
	uuid, ok := normalUUID(m.UUID)
	if !ok {
		return m.mistake("", 0, "uuid", "uuid %q is not 32 hex digits, with or without dashes", m.UUID)
	}
	m.UUID = uuid
	if m.mebibytes, ok = mebibytes(m.Memory); !ok {
		return m.mistake("", 0, "memory", "memory is %v: it must be 1 to %d MiB, or text such as \"256MiB\" or \"2GiB\"", m.Memory, maxMemory)
	}
	if m.VCPUs < 1 || m.VCPUs > maxVCPUs {
		return m.mistake("", 0, "vcpus", "vcpus is %d: it must be 1 to %d", m.VCPUs, maxVCPUs)
	}
	if err := m.checkWords(); err != nil {
		return err
	}
	if m.Kernel == "" && len(m.Drives) == 0 {
		return m.mistake("", 0, "label", "nothing to boot from: give a kernel or a [[drive]]")
	}
	if m.Kernel == "" && (m.Initrd != "" || m.Append != "") {
		return m.mistake("", 0, "append", "initrd and append need a kernel")
	}
	if err := m.checkDrives(); err != nil {
		return err
	}
	return m.checkNICs()
}

func checkLabel(label string) string {
	switch {
	case label == "":
		return "is empty"
	case len(label) > maxLabel:
		return fmt.Sprintf("is longer than %d bytes", maxLabel)
	case !utf8.ValidString(label) || strings.ContainsFunc(label, isControl):
		return "holds control characters"
	case strings.Contains(label, "/"):
		return "holds a slash"
	case strings.TrimSpace(label) != label:
		return "begins or ends with a blank"
	}
	return ""
}

func isControl(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}

// normalUUID returns 32 lower-case hex digits; an empty UUID stays empty.
func normalUUID(text string) (string, bool) {
	digits := strings.ToLower(strings.ReplaceAll(text, "-", ""))
	if text == "" {
		return "", true
	}
	raw, err := hex.DecodeString(digits)
	return digits, err == nil && len(raw) == 16
}

// checkWords checks the keys that take one of a few words, or a name of QEMU's.
func (m *machineFile) checkWords() error {
	if m.Display != "none" && m.Display != "vnc" {
		return m.mistake("", 0, "display", "display %q is neither none nor vnc", m.Display)
	}
	switch m.Accelerator {
	case accelAuto, accelKVM, accelTCG:
	default:
		return m.mistake("", 0, "accelerator", "accelerator %q is none of auto, kvm, tcg", m.Accelerator)
	}
	for key, value := range map[string]string{"arch": m.Arch, "machine": m.Machine, "cpu": m.CPU} {
		if value != "" && !word.MatchString(value) {
			return m.mistake("", 0, key, "%s %q is not a name of QEMU's", key, value)
		}
	}
	if strings.ContainsAny(m.Append, "\x00\n\r") {
		return m.mistake("", 0, "append", "append holds a line break")
	}
	return nil
}

func (m *machineFile) checkDrives() error {
	if len(m.Drives) > maxDrives {
		return m.mistake("drive", maxDrives, "", "more than %d drives", maxDrives)
	}
	for i, d := range m.Drives {
		switch {
		case d.File == "":
			return m.mistake("drive", i, "", "a drive needs a file")
		case !word.MatchString(d.Format):
			return m.mistake("drive", i, "format", "format %q is not a name of QEMU's", d.Format)
		case !word.MatchString(d.Interface):
			return m.mistake("drive", i, "interface", "interface %q is not a name of QEMU's", d.Interface)
		}
	}
	return nil
}

func (m *machineFile) checkNICs() error {
	if len(m.NICs) > maxNICs {
		return m.mistake("nic", maxNICs, "", "more than %d network interfaces", maxNICs)
	}
	for i := range m.NICs {
		if err := m.checkNIC(i); err != nil {
			return err
		}
	}
	return nil
}

func (m *machineFile) checkNIC(i int) error {
	n := &m.NICs[i]
	if n.MAC != "" {
		mac, err := net.ParseMAC(n.MAC)
		if err != nil || len(mac) != 6 {
			return m.mistake("nic", i, "mac", "mac %q is not six hex pairs with colons", n.MAC)
		}
		if mac[0]&1 != 0 {
			return m.mistake("nic", i, "mac", "mac %q is a multicast address", n.MAC)
		}
		n.MAC = mac.String()
	}
	if n.IP != "" {
		ip, err := netip.ParseAddr(n.IP)
		if err != nil || ip.Zone() != "" {
			return m.mistake("nic", i, "ip", "ip %q is not an IP address", n.IP)
		}
		n.IP = ip.String()
	}
	if !word.MatchString(n.Model) {
		return m.mistake("nic", i, "model", "model %q is not a name of QEMU's", n.Model)
	}
	kind, name, named := strings.Cut(n.Network, ":")
	switch {
	case !named && (kind == "user" || kind == "none"):
	case named && (kind == "bridge" || kind == "tap") && word.MatchString(name) && !strings.Contains(name, ","):
	default:
		return m.mistake("nic", i, "network", "network %q is none of user, none, bridge:NAME, tap:NAME", n.Network)
	}
	return nil
}

// addresses are the interfaces as inventory records show them.
func (m *machineFile) addresses() []driver.NIC {
	nics := make([]driver.NIC, len(m.NICs))
	for i, n := range m.NICs {
		nics[i] = driver.NIC{MAC: n.MAC, IP: n.IP, Name: strings.TrimPrefix(tapName(n.Network), "tap:")}
	}
	return nics
}

func tapName(network string) string {
	if strings.HasPrefix(network, "tap:") {
		return network
	}
	return ""
}

// lineOf finds the line, counted from 1, on which a key is written: at the top level, or in the index-th [[table]]. A key
// that is not there has the line of its table; 0 is no line.
func lineOf(source []byte, table string, index int, key string) int {
	current, seen, fallback := "", -1, 0
	for i, line := range strings.Split(string(source), "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			current = strings.Trim(strings.SplitN(line, "#", 2)[0], "[] \t")
			if current == table {
				seen++
			}
			if current == table && seen == index {
				fallback = i + 1
			}
			continue
		}
		name, _, assigned := strings.Cut(line, "=")
		inPlace := current == table && (table == "" || seen == index)
		if assigned && inPlace && strings.Trim(strings.TrimSpace(name), `"'`) == key {
			return i + 1
		}
	}
	return fallback
}
