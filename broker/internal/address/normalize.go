package address

import (
	"encoding/hex"
	"net/netip"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Normalize returns the address in the one spelling that Matches compares: a UUID of 32 lower-case hex digits, a MAC of
// lower-case pairs with colons, an IP address as net/netip prints it (IPv4 in IPv6 as IPv4), a host name in lower case
// without a trailing dot, and clean paths in which a leading "~/", "$HOME/" or "${HOME}/" is replaced by home, the home
// directory on the host. Home may be empty if it is not known; a path that needs it is then refused. Errors are *Error.
func (a Address) Normalize(home string) (Address, error) {
	steps := []struct {
		key   string
		field *string
		to    func(string) (string, string)
	}{
		{"label", &a.Label, asIs},
		{"uuid", &a.UUID, normalUUID},
		{"mac", &a.MAC, normalMAC},
		{"tcp", &a.TCP, normalTCP},
		{"pathname", &a.Pathname, func(s string) (string, string) { return normalPathname(s, home) }},
		{"filename", &a.Filename, func(s string) (string, string) { return normalFilename(s, home) }},
		{"id", &a.ID, func(s string) (string, string) { return normalID(s, home) }},
	}
	for _, step := range steps {
		if err := normalField(step.key, step.field, step.to); err != nil {
			return Address{}, err
		}
	}
	return a.withBasePath(home)
}

// withBasePath returns a with a normal copy of its BasePath.
func (a Address) withBasePath(home string) (Address, error) {
	if len(a.BasePath) == 0 {
		a.BasePath = nil
		return a, nil
	}
	clean := make([]string, len(a.BasePath))
	for i, dir := range a.BasePath {
		clean[i] = dir
		if dir == "" {
			return Address{}, &Error{Key: basePathName, Text: `a directory is empty; expected such as "xen" or "/etc/ctys.d"`}
		}
		err := normalField(basePathName, &clean[i], func(s string) (string, string) { return normalDirectory(s, home) })
		if err != nil {
			return Address{}, err
		}
	}
	a.BasePath = clean
	return a, nil
}

// normalField replaces *field, if it is given, by its normal spelling. The function to returns that spelling, or what was
// expected instead.
func normalField(key string, field *string, to func(string) (string, string)) error {
	if *field == "" {
		return nil
	}
	if text := checkText(*field); text != "" {
		return &Error{Key: key, Value: *field, Text: text}
	}
	normal, expected := to(*field)
	if expected != "" {
		return &Error{Key: key, Value: *field, Text: expected}
	}
	*field = normal
	return nil
}

// checkText returns what is wrong with the characters of s, empty if nothing is.
func checkText(s string) string {
	if !utf8.ValidString(s) {
		return `it is not valid UTF-8; expected plain text such as "tst100"`
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		return `it holds a control character; expected plain text such as "tst100"`
	}
	return ""
}

func asIs(s string) (string, string) { return s, "" }

// normalUUID takes 32 hex digits, plain or grouped 8-4-4-4-12 by dashes (RFC 9562 section 4).
func normalUUID(s string) (string, string) {
	const expected = `expected 32 hex digits, with or without dashes, such as "6842caf9-1e3e-4324-9ed5-96b8b9f2c5c2"`
	digits := s
	if len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' {
		digits = s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	}
	if raw, err := hex.DecodeString(digits); err != nil || len(raw) != 16 {
		return "", expected
	}
	return strings.ToLower(digits), ""
}

// normalMAC takes six hex pairs joined by colons or by dashes.
func normalMAC(s string) (string, string) {
	const expected = `expected six pairs of hex digits, such as "00:50:56:13:11:40"`
	if len(s) != 17 {
		return "", expected
	}
	separator := s[2]
	if separator != ':' && separator != '-' {
		return "", expected
	}
	pairs := strings.Split(s, string(separator))
	if len(pairs) != 6 {
		return "", expected
	}
	joined := strings.Join(pairs, "")
	if raw, err := hex.DecodeString(joined); err != nil || len(raw) != 6 {
		return "", expected
	}
	return strings.ToLower(strings.Join(pairs, ":")), ""
}

// normalTCP takes an IP address, an IPv6 one also in brackets, or a host name.
func normalTCP(s string) (string, string) {
	const expected = `expected an IP address or a host name, such as "192.168.1.220", "fe80::250:56ff:fe13:1140" or "tst100.soho"`
	bare := s
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		bare = s[1 : len(s)-1]
	}
	if ip, err := netip.ParseAddr(bare); err == nil {
		if !ip.Is6() && bare != s {
			return "", expected
		}
		return ip.Unmap().String(), ""
	}
	name := strings.ToLower(strings.TrimSuffix(s, "."))
	if !isHostName(name) {
		return "", expected
	}
	return name, ""
}

// isHostName reports whether name, in lower case, is a host name as RFC 1123 has it, with underscores allowed as DNS does.
// A name whose last part is a number is a mistyped IPv4 address.
func isHostName(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	parts := strings.Split(name, ".")
	for _, part := range parts {
		if part == "" || len(part) > 63 || part[0] == '-' || part[len(part)-1] == '-' {
			return false
		}
		if strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return strings.Trim(parts[len(parts)-1], "0123456789") != ""
}

// normalPathname takes an absolute path, or one below the home directory.
func normalPathname(s, home string) (string, string) {
	s, problem := expandHome(s, home)
	if problem != "" {
		return "", problem
	}
	if !strings.HasPrefix(s, "/") {
		return "", `expected an absolute path, such as "/home/anna/xen/tst100/tst100.conf"; for the end of a path use filename, as in "f:tst100/tst100.conf"`
	}
	return path.Clean(s), ""
}

// normalFilename takes the end of a path; a leading slash makes it the whole path.
func normalFilename(s, home string) (string, string) {
	const expected = `expected the end of a path, such as "tst100/tst100.conf"`
	s, problem := expandHome(s, home)
	if problem != "" {
		return "", problem
	}
	s = path.Clean(s)
	if s == "." || s == "/" || s == ".." || strings.HasPrefix(s, "../") {
		return "", expected
	}
	return s, ""
}

// normalID expands the home directory and cleans an ID that is an absolute path; others are the session type's own business.
func normalID(s, home string) (string, string) {
	s, problem := expandHome(s, home)
	if problem != "" || !strings.HasPrefix(s, "/") {
		return s, problem
	}
	return path.Clean(s), ""
}

// normalDirectory takes a directory, absolute or from the home directory on.
func normalDirectory(s, home string) (string, string) {
	s, problem := expandHome(s, home)
	return path.Clean(s), problem
}

// expandHome replaces a leading "~", "$HOME" or "${HOME}" that is a whole path component by home. The second result is
// what is wrong, empty if nothing is.
func expandHome(s, home string) (string, string) {
	first, rest, _ := strings.Cut(s, "/")
	switch first {
	case "~", "$HOME", "${HOME}":
	default:
		if strings.HasPrefix(first, "~") && first != s {
			return "", `the home directory of another user is not known here; expected such as "/home/anna/xen/tst100.conf" or "~/xen/tst100.conf"`
		}
		return s, ""
	}
	if home == "" {
		return "", `the home directory on the host is not known; expected an absolute path, such as "/home/anna/xen/tst100.conf"`
	}
	if rest == "" {
		return home, ""
	}
	return strings.TrimSuffix(home, "/") + "/" + rest, ""
}
