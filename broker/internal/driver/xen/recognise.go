package xen

import (
	"bytes"
	"strings"
)

// recognised reports whether a file is meant to be a machine of Xen, by the rules that ctys has for it: the line
// #@#MAGICID-IGNORE or #@#MAGICID-NOENUM says no at once, #@#MAGICID-XEN says yes, and without either more than four lines
// must set one of the names that configurations of Xen have. A file with the MAGICID of another type is left to that type.
func recognised(data []byte) bool {
	points, other, xen := 0, false, false
	for line := range bytes.Lines(data) {
		text := string(bytes.TrimSpace(line))
		if magic, ok := strings.CutPrefix(text, "#@#MAGICID-"); ok {
			switch strings.ToUpper(magic) {
			case "IGNORE", "NOENUM":
				return false
			case Type:
				xen = true
			default:
				other = true
			}
			continue
		}
		if name, _, ok := strings.Cut(text, "="); ok && countsForXen(strings.TrimSpace(name)) {
			points++
		}
	}
	return xen || !other && points > 4
}

// countsForXen knows the names that earn a point.
func countsForXen(name string) bool {
	switch name {
	case "name", "vif", "disk", "memory", "bootloader", "uuid", "vcpus":
		return true
	}
	return false
}
