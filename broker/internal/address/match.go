package address

import (
	"path"
	"slices"
	"strings"
)

// Target is what an address is compared with: a machine or a session. An empty field is not known and fits no key.
type Target struct {
	Label, UUID string
	// MACs and IPs are those of all network interfaces; IPs may also hold host names.
	MACs, IPs []string
	// Path is the absolute path of the configuration file.
	Path string
	// ID is the session type's own identifier.
	ID string
}

// Matches reports whether all given keys of a fit t. The address must be normal (see Normalize); the target's UUID, MACs and
// addresses may be in any spelling. An address without a selecting key fits nothing, so that a forgotten key is never
// "all". BasePath is not looked at: it says where machines are searched, not which.
func (a Address) Matches(t Target) bool {
	if a.IsZero() {
		return false
	}
	return fits(a.Label, t.Label, nil) &&
		fits(a.UUID, t.UUID, plainUUID) &&
		fitsAny(a.MAC, t.MACs, plainMAC) &&
		fitsAny(a.TCP, t.IPs, plainTCP) &&
		fits(a.Pathname, t.Path, plainPath) &&
		fits(a.ID, t.ID, plainPath) &&
		fitsEnd(a.Filename, t.Path)
}

// fits reports whether a key that was given is equal to the value, as it is or in the spelling that plain gives it.
func fits(key, value string, plain func(string) string) bool {
	if key == "" || key == value {
		return true
	}
	return value != "" && plain != nil && key == plain(value)
}

// fitsAny reports whether a key that was given is equal to one of the values.
func fitsAny(key string, values []string, plain func(string) string) bool {
	return key == "" || slices.ContainsFunc(values, func(v string) bool { return fits(key, v, plain) })
}

// fitsEnd reports whether name is the end of file by whole path components; a name with a leading slash is the whole path.
func fitsEnd(name, file string) bool {
	if name == "" {
		return true
	}
	if file == "" {
		return false
	}
	file = path.Clean(file)
	if file == name {
		return true
	}
	return !strings.HasPrefix(name, "/") && strings.HasSuffix(file, "/"+name)
}

// The functions below spell a target's value as Normalize spells a key. They need not refuse what is no value at all, because
// no normal key is equal to it, and they are called for each of many thousand machines.

func plainUUID(s string) string { return strings.ToLower(strings.ReplaceAll(s, "-", "")) }

func plainMAC(s string) string { return strings.ToLower(strings.ReplaceAll(s, "-", ":")) }

func plainTCP(s string) string {
	normal, _ := normalTCP(s) // empty for what is no address
	return normal
}

func plainPath(s string) string {
	if strings.HasPrefix(s, "/") {
		return path.Clean(s)
	}
	return s
}
