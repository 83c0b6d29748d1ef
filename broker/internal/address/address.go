// Package address holds machine addresses: the keys by which a person, a script or the original's command line selects
// virtual machines. It parses their text form, brings them into one spelling, and decides which machines they fit.
//
// All given keys must match, and every key matches exactly; only FILENAME is a fragment, of whole path components from
// the right. (The original, ctys 2011, compared by unanchored pattern, so that "tst10" reached "tst100" as well.)
package address

import "fmt"

// Address selects machines. An empty field is a key that was not given.
type Address struct {
	// Label is the machine's name; its case matters.
	Label string
	// UUID is 32 lower-case hex digits after Normalize.
	UUID string
	// MAC is six lower-case hex pairs joined by colons after Normalize.
	MAC string
	// TCP is the guest's IP address or host name, canonical after Normalize.
	TCP string
	// Pathname is the absolute path of the configuration file on the host.
	Pathname string
	// Filename is the end of that path, such as "tst100/tst100.conf". One that begins with a slash fits the whole path only.
	Filename string
	// ID is the session type's own identifier; for file-based types the path.
	ID string
	// BasePath are the directories to search for configurations, relative ones from the home directory. They say where to
	// look and select nothing by themselves.
	BasePath []string
}

// IsZero reports whether no selecting key is given; BasePath alone does not select.
func (a Address) IsZero() bool {
	return a.Label == "" && a.UUID == "" && a.MAC == "" && a.TCP == "" && a.Pathname == "" && a.Filename == "" && a.ID == ""
}

// Error is a mistake in an address that a person wrote.
type Error struct {
	// Key is the long name of the key, such as "uuid"; empty if the mistake is not in the value of a key.
	Key string
	// Value is what was written.
	Value string
	// Position is the byte in the parsed text at which the mistake begins, counted from 1; 0 if the address did not come
	// from Parse.
	Position int
	// Text says what is expected, with an example.
	Text string
}

// Error returns one line with the position, the key, the quoted value and what is expected.
func (e *Error) Error() string {
	s := "machine address: "
	if e.Position > 0 {
		s = fmt.Sprintf("machine address, position %d: ", e.Position)
	}
	if e.Key != "" {
		s += e.Key + " "
	}
	if e.Value != "" || e.Key != "" {
		s += fmt.Sprintf("%q: ", e.Value)
	}
	return s + e.Text
}

// key is a selecting key: its names and its place in an Address.
type key struct {
	// names are the accepted spellings in lower case, the long one first.
	names []string
	// field is the key's place in an address.
	field func(*Address) *string
}

// basePathName is the long name of the one key that takes a list.
const basePathName = "basepath"

// Places in keys of those that a part without a key stands for.
const (
	labelKey    = 0
	pathnameKey = 4
	filenameKey = 5
)

// keys returns the selecting keys in the order in which String writes them. The short forms are those of ctys-addresses(7).
func keys() []key {
	return []key{
		{[]string{"label", "l"}, func(a *Address) *string { return &a.Label }},
		{[]string{"uuid", "u"}, func(a *Address) *string { return &a.UUID }},
		{[]string{"mac", "m"}, func(a *Address) *string { return &a.MAC }},
		{[]string{"tcp", "t"}, func(a *Address) *string { return &a.TCP }},
		{[]string{"pathname", "pname", "p"}, func(a *Address) *string { return &a.Pathname }},
		{[]string{"filename", "fname", "f"}, func(a *Address) *string { return &a.Filename }},
		{[]string{"id", "i"}, func(a *Address) *string { return &a.ID }},
	}
}
