package address

import (
	"fmt"
	"slices"
	"strings"
)

// Parse reads the text form of an address: "KEY:VALUE", several joined by commas. The keys, in any case, are
//
//	label l, uuid u, mac m, tcp t, pathname pname p, filename fname f, id i, basepath base b
//
// A basepath holds directories joined by "%" and may be given again for more. A comma that belongs to a value is written
// twice, and so is a "%" in a basepath. Only the first colon of a part separates, so MAC and IPv6 addresses are written as they are.
// A part without a key is a label if it has no slash, a pathname if it begins with "/", "~" or "$HOME", and else a
// filename. Parse does not change the spelling of values; see Normalize. Errors are *Error with the position.
func Parse(s string) (Address, error) {
	var a Address
	if s == "" {
		return a, &Error{Position: 1, Text: `it is empty; expected such as "tst100", "l:tst100" or "u:6842caf91e3e43249ed596b8b9f2c5c2"`}
	}
	if text := checkText(s); text != "" {
		return a, &Error{Value: s, Position: 1, Text: text}
	}
	for _, p := range splitParts(s) {
		if err := a.addPart(p); err != nil {
			return Address{}, err
		}
	}
	return a, nil
}

// part is one comma-separated part of a text form, with doubled commas made single.
type part struct {
	text string
	// position is where the part begins, counted from 1.
	position int
}

// splitParts cuts at single commas.
func splitParts(s string) []part {
	var parts []part
	var text strings.Builder
	begin := 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != ',':
			text.WriteByte(s[i])
		case i+1 < len(s) && s[i+1] == ',':
			text.WriteByte(',')
			i++
		default:
			parts = append(parts, part{text.String(), begin + 1})
			text.Reset()
			begin = i + 1
		}
	}
	return append(parts, part{text.String(), begin + 1})
}

// addPart puts one part into its field.
func (a *Address) addPart(p part) error {
	if p.text == "" {
		return &Error{Position: p.position, Text: `expected a key and a value, such as "l:tst100"; write a comma inside a value twice`}
	}
	name, value, keyed := strings.Cut(p.text, ":")
	if !keyed || strings.ContainsRune(name, '/') || strings.HasPrefix(name, "~") || strings.HasPrefix(name, "$HOME") {
		return a.addBare(p)
	}
	name = strings.ToLower(name)
	at := p.position + len(p.text) - len(value)
	if slices.Contains([]string{basePathName, "base", "b"}, name) {
		return a.addBasePath(value, at)
	}
	for _, k := range keys() {
		if slices.Contains(k.names, name) {
			return a.set(k, value, p.position, at)
		}
	}
	return &Error{Value: p.text, Position: p.position, Text: fmt.Sprintf(
		"there is no key %q; the keys are label uuid mac tcp pathname filename id basepath, as in %q", name, "m:00:50:56:13:11:40")}
}

// addBare puts a part without a key into the field that its look says.
func (a *Address) addBare(p part) error {
	place := labelKey
	switch {
	case strings.HasPrefix(p.text, "/"), strings.HasPrefix(p.text, "~"), strings.HasPrefix(p.text, "$HOME"), strings.HasPrefix(p.text, "${HOME}"):
		place = pathnameKey
	case strings.ContainsRune(p.text, '/'):
		place = filenameKey
	}
	return a.set(keys()[place], p.text, p.position, p.position)
}

// set gives a key its value; the positions are those of the part and of the value in it.
func (a *Address) set(k key, value string, position, valuePosition int) error {
	field := k.field(a)
	if value == "" {
		return &Error{Key: k.names[0], Position: valuePosition, Text: fmt.Sprintf("the value is missing; expected such as %q", example(k.names[0]))}
	}
	if *field != "" {
		return &Error{Key: k.names[0], Value: value, Position: position,
			Text: fmt.Sprintf("the key is given twice, before as %q; expected it once, such as %q", *field, example(k.names[0]))}
	}
	*field = value
	return nil
}

// addBasePath appends the directories of a "%" list.
func (a *Address) addBasePath(list string, position int) error {
	const stand = "\x00" // stands for a literal "%"; Parse has refused control characters
	for _, dir := range strings.Split(strings.ReplaceAll(list, "%%", stand), "%") {
		if dir == "" {
			return &Error{Key: basePathName, Value: list, Position: position,
				Text: fmt.Sprintf("a directory is empty; expected such as %q, and a literal %% written twice", example(basePathName))}
		}
		a.BasePath = append(a.BasePath, strings.ReplaceAll(dir, stand, "%"))
	}
	return nil
}

// example is a well-formed part for a key.
func example(key string) string {
	switch key {
	case "uuid":
		return "uuid:6842caf91e3e43249ed596b8b9f2c5c2"
	case "mac":
		return "mac:00:50:56:13:11:40"
	case "tcp":
		return "tcp:192.168.1.220"
	case "pathname", "id":
		return key + ":/home/anna/xen/tst100/tst100.conf"
	case "filename":
		return "filename:tst100/tst100.conf"
	case basePathName:
		return "basepath:xen%/etc/ctys.d"
	}
	return "label:tst100"
}

// String returns the text form with long keys, such that Parse gives the address back. The zero address is the empty string,
// which Parse refuses.
func (a Address) String() string {
	var parts []string
	for _, k := range keys() {
		if v := *k.field(&a); v != "" {
			parts = append(parts, k.names[0]+":"+strings.ReplaceAll(v, ",", ",,"))
		}
	}
	for _, list := range basePathLists(a.BasePath) {
		parts = append(parts, basePathName+":"+strings.ReplaceAll(list, ",", ",,"))
	}
	return strings.Join(parts, ",")
}

// basePathLists joins directories by "%". One that begins with "%" begins a list of its own, because the separator before
// it would be read as part of a doubled "%".
func basePathLists(dirs []string) []string {
	var lists []string
	for _, dir := range dirs {
		written := strings.ReplaceAll(dir, "%", "%%")
		if len(lists) == 0 || strings.HasPrefix(dir, "%") {
			lists = append(lists, written)
			continue
		}
		lists[len(lists)-1] += "%" + written
	}
	return lists
}

// SplitTarget cuts "ADDRESS@HOST" at its last "@". Without a host after it the host is empty, which means the local one.
// What follows an "@" that has a slash, a comma or a colon behind it is part of the address; an address that would still be
// misread is ended by an "@".
func SplitTarget(s string) (address, host string) {
	i := strings.LastIndexByte(s, '@')
	if i < 0 || strings.ContainsAny(s[i+1:], "/,:") {
		return s, ""
	}
	return s[:i], s[i+1:]
}
