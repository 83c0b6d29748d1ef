package pm

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/conbroker/conbroker/broker/internal/driver"
)

// maxNICs bounds the interfaces that a description may have.
const maxNICs = 64

// conf is a host's description of itself: KEY = "value" lines, each may begin with the mark #@# that hides it from other
// readers of the file.
type conf struct {
	label, uuid, serial, category, arch string
	memory, vcpus                       int
	nics                                []driver.NIC
}

// parseConf reads pm.conf. Unknown keys belong to others and are passed over; a known key with a wrong value is an error
// that says the line.
func parseConf(data []byte) (conf, error) {
	var c conf
	var nics [maxNICs]driver.NIC
	for i, line := range strings.Split(string(data), "\n") {
		key, value, ok := confLine(line)
		if !ok {
			continue
		}
		if err := c.set(key, value, &nics); err != nil {
			return conf{}, fmt.Errorf("line %d: %s: %w", i+1, key, err)
		}
	}
	for _, n := range nics {
		if n != (driver.NIC{}) {
			c.nics = append(c.nics, n)
		}
	}
	return c, nil
}

// confLine splits a line; ok is false for comments and empty values. Of several values of a key the first counts.
func confLine(line string) (key, value string, ok bool) {
	line = strings.TrimSpace(line)
	line, marked := strings.CutPrefix(line, "#@#")
	if !marked && strings.HasPrefix(line, "#") {
		return "", "", false
	}
	key, value, ok = strings.Cut(line, "=")
	value = strings.TrimSpace(value)
	if unquoted, err := strconv.Unquote(value); err == nil {
		value = unquoted
	} else {
		value = strings.Trim(value, `"'`)
	}
	return strings.ToUpper(strings.TrimSpace(key)), value, ok && value != ""
}

// set takes one key.
func (c *conf) set(key, value string, nics *[maxNICs]driver.NIC) error {
	switch key {
	case "LABEL":
		return setName(&c.label, value)
	case "SERNO":
		return setName(&c.serial, value)
	case "CATEGORY":
		return setName(&c.category, value)
	case "ARCH":
		return setName(&c.arch, value)
	case "UUID":
		return setNormal(&c.uuid, value, normalUUID, "a UUID")
	case "VRAM":
		return setCount(&c.memory, value)
	case "VCPU":
		return setCount(&c.vcpus, value)
	}
	if i, ok := index(key, "MAC"); ok {
		return setNormal(&nics[i].MAC, value, normalMAC, "a MAC address")
	}
	if i, ok := index(key, "IP"); ok {
		return setNormal(&nics[i].IP, value, guestAddress, "an address or a name")
	}
	return nil
}

// index reads the number of MAC0, IP0 and so on.
func index(key, prefix string) (int, bool) {
	number, ok := strings.CutPrefix(key, prefix)
	i, err := strconv.Atoi(number)
	return i, ok && err == nil && i >= 0 && i < maxNICs
}

// setName takes a word that goes into tables and addresses.
func setName(field *string, value string) error {
	if len(value) > 64 || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f || r == '/' }) {
		return fmt.Errorf("%q is not a name of 1 to 64 printable characters without a slash", value)
	}
	*field = cmp.Or(*field, value)
	return nil
}

func setNormal(field *string, value string, normal func(string) string, what string) error {
	n := normal(value)
	if n == "" {
		return fmt.Errorf("%q is not %s", value, what)
	}
	*field = cmp.Or(*field, n)
	return nil
}

func setCount(field *int, value string) error {
	n, err := strconv.Atoi(strings.TrimSuffix(value, "M"))
	if err != nil || n < 0 {
		return fmt.Errorf("%q is not a number", value)
	}
	*field = cmp.Or(*field, n)
	return nil
}

// guestAddress is an IP address or a host name; descriptions have either.
func guestAddress(value string) string {
	if ip := normalIP(value); ip != "" {
		return ip
	}
	name := strings.ToLower(value)
	if len(name) > 253 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789.-_") != "" {
		return ""
	}
	return name
}

// complete fills what the description leaves out with what the host itself said.
func (c conf) complete(m machine) driver.Machine {
	nics := c.nics
	if len(nics) == 0 {
		nics = m.nics()
	}
	return driver.Machine{
		Type: Type, Label: cmp.Or(c.label, m.label()), ID: m.confPath, UUID: cmp.Or(c.uuid, m.uuid), NICs: nics, Path: m.confPath,
		Serial: c.serial, Category: cmp.Or(c.category, Type), Arch: cmp.Or(c.arch, m.arch), Memory: c.memory, VCPUs: c.vcpus,
	}
}
