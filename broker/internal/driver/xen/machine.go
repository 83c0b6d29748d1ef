package xen

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/conbroker/conbroker/broker/internal/config"
	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/driver/xen/xlcfg"
)

// maxInterfaces bounds the interfaces that annotations may add.
const maxInterfaces = 64

// machineConfig is a configuration as this driver uses it: the Config of a driver.Machine.
type machineConfig struct {
	// kind is pv, pvh or hvm.
	kind string
	// display says that it has a VNC server.
	display bool
}

// source is a configuration with the files that annotate it.
type source struct {
	file  string
	own   *xlcfg.File
	texts map[string]*xlcfg.File
}

// annotation returns the first value of a key in the files that belong to the machine, in the order of ctys: FILE.ctys, the
// file itself, BASE.conf, BASE.ctys, and DIRECTORY.ctys beside the machine's directory.
func (s *source) annotation(key string) string {
	base := strings.TrimSuffix(s.file, path.Ext(s.file))
	seen := make(map[string]bool)
	for _, name := range []string{s.file + ".ctys", s.file, base + ".conf", base + ".ctys", path.Dir(s.file) + ".ctys"} {
		f := s.texts[name]
		if f == nil || seen[name] {
			continue
		}
		seen[name] = true
		if value := f.Annotation(key); value != "" {
			return value
		}
	}
	return ""
}

// machine makes a machine of a configuration that was read without a mistake.
func (s *source) machine() (driver.Machine, error) {
	m := driver.Machine{
		Type: Type, ID: s.file, Path: s.file,
		Serial: s.annotation("SERNO"), Category: s.annotation("CATEGORY"), Arch: s.annotation("ARCH"),
	}
	var err error
	if m.Label, err = s.label(); err != nil {
		return m, err
	}
	if m.UUID, err = s.uuid(); err != nil {
		return m, &driver.MachineError{Label: m.Label, Err: err}
	}
	m.NICs = s.interfaces()
	m.Memory = s.count("memory", "VRAM")
	m.VCPUs = s.count("vcpus", "VCPU")
	c := machineConfig{kind: s.kind()}
	_, c.display = s.own.List("vfb")
	if n, ok := s.own.Int("vnc"); ok && c.kind == "hvm" {
		c.display = n != 0
	}
	m.Config = c
	return m, nil
}

// mistake is an error in the line that sets a name.
func (s *source) mistake(name, format string, args ...any) error {
	line, _ := s.own.Has(name)
	return &config.Error{File: s.file, Line: line, Text: fmt.Sprintf(format, args...)}
}

var errNoLabel = errors.New("neither name nor #@#LABEL is set")

// label is the name of the domain; where the configuration sets none, the annotation says it.
func (s *source) label() (string, error) {
	name, _ := s.own.String("name")
	name = cmp.Or(name, s.annotation("LABEL"))
	if name == "" {
		return "", &config.Error{File: s.file, Text: errNoLabel.Error()}
	}
	if !isLabel(name) {
		return "", s.mistake("name", "the name %q is no label: 1 to 64 bytes, no control characters, no slash", name)
	}
	return name, nil
}

func isLabel(name string) bool {
	return len(name) >= 1 && len(name) <= 64 &&
		!strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r == '/' || r == '\uFFFD' })
}

// uuid reads the UUID as xl does, which wants the dashes; the annotation may have them or not.
func (s *source) uuid() (string, error) {
	if text, ok := s.own.String("uuid"); ok && text != "" {
		if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' || !isUUID(text) {
			return "", s.mistake("uuid", "uuid is %q, want five groups of hex digits with dashes between them, as uuidgen prints them", text)
		}
		return plainUUID(text), nil
	}
	if text := s.annotation("UUID"); isUUID(text) {
		return plainUUID(text), nil
	}
	return "", nil
}

// isUUID reports whether text is 32 hex digits, dashes apart.
func isUUID(text string) bool {
	digits := strings.ToLower(strings.ReplaceAll(text, "-", ""))
	return len(digits) == 32 && strings.Trim(digits, "0123456789abcdef") == ""
}

// interfaces are those of vif, and those that only annotations know; the IP addresses come by number.
func (s *source) interfaces() []driver.NIC {
	vifs, _ := s.own.List("vif")
	var nics []driver.NIC
	for i := range maxInterfaces {
		n := strconv.Itoa(i)
		nic := driver.NIC{MAC: normalMAC(s.annotation("MAC" + n)), IP: s.annotation("IP" + n)}
		if i < len(vifs) {
			own := vifOf(vifs[i].Text)
			nic.MAC, nic.IP = cmp.Or(own.MAC, nic.MAC), cmp.Or(nic.IP, own.IP)
		} else if nic == (driver.NIC{}) {
			break
		}
		nics = append(nics, nic)
	}
	return nics
}

// vifOf reads an element of vif (xl-network-configuration(5)): key=value pairs behind commas.
func vifOf(text string) driver.NIC {
	var nic driver.NIC
	for part := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(strings.TrimLeft(part, " "), "=")
		switch key {
		case "mac":
			nic.MAC = normalMAC(value)
		case "ip":
			// More than one may stand here, with blanks between them.
			nic.IP, _, _ = strings.Cut(value, " ")
		case "vifname":
			nic.Name = value
		}
	}
	return nic
}

// normalMAC writes a MAC address as six lower-case pairs; empty if it is none.
func normalMAC(text string) string {
	pairs := strings.Split(strings.ToLower(strings.TrimSpace(text)), ":")
	if len(pairs) != 6 {
		return ""
	}
	for i, pair := range pairs {
		if len(pair) == 1 {
			pair = "0" + pair
		}
		if len(pair) != 2 || strings.Trim(pair, "0123456789abcdef") != "" {
			return ""
		}
		pairs[i] = pair
	}
	return strings.Join(pairs, ":")
}

// count is a number of the configuration, or else of an annotation; 0 if neither says one.
func (s *source) count(name, key string) int {
	if n, ok := s.own.Int(name); ok {
		return int(min(max(n, 0), 1<<30))
	}
	n, err := strconv.Atoi(s.annotation(key))
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// kind is the kind of the domain; builder is the older way to say hvm (xl.cfg(5)).
func (s *source) kind() string {
	if kind, _ := s.own.String("type"); kind != "" {
		return kind
	}
	if builder, _ := s.own.String("builder"); builder == "hvm" {
		return "hvm"
	}
	return "pv"
}
