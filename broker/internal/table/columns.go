package table

import (
	"strconv"
	"strings"

	"github.com/conbroker/conbroker/rpc/protocol"
)

// TabTCP is the session table of the original as its documents of 2008 show it: seven columns of fixed widths, the machine
// that holds the session, the guest's address, label, session type, role (S, C, T), user and group.
func TabTCP(sessions []protocol.Session) Table[protocol.Session] {
	return Table[protocol.Session]{
		Columns: []Column[protocol.Session]{
			{Title: "TCP-container", Width: 17, Value: func(s protocol.Session) string { return s.Host }},
			{Title: "TCP-guest", Width: 17, Value: func(s protocol.Session) string { return s.TCP }},
			{Title: "label", Width: 20, Min: 20, Value: func(s protocol.Session) string { return s.Label }},
			{Title: "sesstype", Width: 8, Min: 8, Value: func(s protocol.Session) string { return s.Type }},
			{Title: "c", Width: 1, Value: func(s protocol.Session) string { return string(s.Role) }},
			{Title: "user", Width: 10, Value: func(s protocol.Session) string { return s.User }},
			{Title: "group", Width: 10, Value: func(s protocol.Session) string { return s.Group }},
		},
		Rows:  sessions,
		Empty: "-",
		Fixed: true,
	}
}

// Sessions is TabTCP for a person at a terminal: a column for the state, and widths that follow the content and the terminal.
// Of a label up to 20 cells always stay.
func Sessions(sessions []protocol.Session) Table[protocol.Session] {
	t := TabTCP(sessions)
	t.Fixed = false
	t.Columns = append(t.Columns, Column[protocol.Session]{
		Title: "state", Min: 9, State: true, Value: func(s protocol.Session) string { return string(s.State) },
	})
	return t
}

// Machines lists what is configured.
func Machines(machines []protocol.Machine) Table[protocol.Machine] {
	return Table[protocol.Machine]{
		Columns: []Column[protocol.Machine]{
			{Title: "label", Min: 20, Value: func(m protocol.Machine) string { return m.Label }},
			{Title: "type", Min: 7, Value: func(m protocol.Machine) string { return m.Type }},
			{Title: "host", Min: 8, Value: func(m protocol.Machine) string { return m.Host }},
			{Title: "tcp", Min: 15, Value: func(m protocol.Machine) string { return m.TCP }},
			{Title: "mac", Min: 17, Value: func(m protocol.Machine) string { return m.MAC }},
			{Title: "state", Min: 9, State: true, Value: func(m protocol.Machine) string { return string(m.State) }},
			{Title: "path", Min: 16, Keep: KeepRight, Value: func(m protocol.Machine) string { return m.Path }},
		},
		Rows:  machines,
		Empty: "-",
	}
}

// Hosts lists execution targets.
func Hosts(hosts []protocol.Host) Table[protocol.Host] {
	return Table[protocol.Host]{
		Columns: []Column[protocol.Host]{
			{Title: "host", Min: 12, Value: func(h protocol.Host) string { return h.Host }},
			{Title: "address", Min: 12, Value: func(h protocol.Host) string { return h.Address }},
			{Title: "transport", Min: 9, Value: func(h protocol.Host) string { return string(h.Transport) }},
			{Title: "state", Min: 9, State: true, Value: func(h protocol.Host) string { return string(h.State) }},
			{Title: "types", Min: 7, Value: func(h protocol.Host) string { return strings.Join(h.Types, " ") }},
			{Title: "escalation", Min: 4, Value: func(h protocol.Host) string { return string(h.Escalation) }},
			{Title: "error", Min: 20, Keep: Wrap, Value: hostError},
		},
		Rows:  hosts,
		Empty: "-",
	}
}

// hostError is the last failure of a host.
func hostError(h protocol.Host) string {
	if h.Error == nil {
		return ""
	}
	return h.Error.Message
}

// Consoles lists the consoles that the broker holds.
func Consoles(consoles []protocol.Console) Table[protocol.Console] {
	return Table[protocol.Console]{
		Columns: []Column[protocol.Console]{
			{Title: "console", Min: 8, Value: func(c protocol.Console) string { return c.Console }},
			{Title: "label", Min: 20, Value: func(c protocol.Console) string { return c.Label }},
			{Title: "host", Min: 8, Value: func(c protocol.Console) string { return c.Host }},
			{Title: "type", Min: 7, Value: func(c protocol.Console) string { return c.Type }},
			{Title: "kind", Min: 5, Value: func(c protocol.Console) string { return string(c.Kind) }},
			{Title: "state", Min: 6, State: true, Value: func(c protocol.Console) string { return string(c.State) }},
			{Title: "size", Min: 6, Value: func(c protocol.Console) string { return size(c.Size) }},
			{Title: "clients", Min: 3, Value: func(c protocol.Console) string { return strconv.Itoa(c.Attachments) }},
			{Title: "writer", Min: 6, Value: func(c protocol.Console) string { return c.Writer }},
			{Title: "end", Min: 6, Value: consoleEnd},
		},
		Rows:  consoles,
		Empty: "-",
	}
}

// size is columns x rows, as terminals say it.
func size(s protocol.Size) string {
	if s == (protocol.Size{}) {
		return ""
	}
	return strconv.Itoa(s.Cols) + "x" + strconv.Itoa(s.Rows)
}

// consoleEnd says how a console ended.
func consoleEnd(c protocol.Console) string {
	if c.Exit == nil {
		return ""
	}
	return c.Exit.Reason
}

// Candidates lists what an ambiguous address fits, with all that tells one from another.
func Candidates(candidates []protocol.Candidate) Table[protocol.Candidate] {
	return Table[protocol.Candidate]{
		Columns: []Column[protocol.Candidate]{
			{Title: "host", Min: 8, Value: func(c protocol.Candidate) string { return c.Host }},
			{Title: "type", Min: 7, Value: func(c protocol.Candidate) string { return c.Type }},
			{Title: "label", Min: 20, Value: func(c protocol.Candidate) string { return c.Label }},
			{Title: "state", Min: 9, State: true, Value: func(c protocol.Candidate) string { return string(c.State) }},
			{Title: "uuid", Min: 32, Value: func(c protocol.Candidate) string { return c.UUID }},
			{Title: "mac", Min: 17, Value: func(c protocol.Candidate) string { return c.MAC }},
			{Title: "tcp", Min: 15, Value: func(c protocol.Candidate) string { return c.TCP }},
			{Title: "serial", Min: 6, Value: func(c protocol.Candidate) string { return c.Serial }},
			{Title: "path", Min: 24, Keep: Wrap, Value: candidatePath},
		},
		Rows:  candidates,
		Empty: "-",
	}
}

// candidatePath is the path, or else the ID, which for some types is no path.
func candidatePath(c protocol.Candidate) string {
	if c.Path == "" {
		return c.ID
	}
	return c.Path
}
