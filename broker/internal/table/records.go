package table

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/conbroker/conbroker/rpc/protocol"
)

// Record is one record of the original's MACHINE format: the values of its fields, which are numbered from 1.
type Record []string

// Field returns field n, counted from 1; a field that the record does not have is empty.
func (r Record) Field(n int) string {
	if n < 1 || n > len(r) {
		return ""
	}
	return r[n-1]
}

// Records are MACHINE records with the names of their fields.
type Records struct {
	Names []string
	Rows  []Record
}

// RecordOptions say how to print records.
type RecordOptions struct {
	// Title prints a first line with the names of the fields, TitleIdx one with "Name(number)".
	Title, TitleIdx bool
	// MaxKey prints only the fields that name a machine: host, type, label, ID, UUID, MAC.
	MaxKey bool
	// Terse leaves out the title line, whatever Title and TitleIdx say.
	Terse bool
}

// maxKey is how many fields, from the first, are the common key.
const maxKey = 6

// Render prints one record a line, fields separated by ";". In values, ";", "%", control and formatting characters and bytes that
// are not UTF-8 are percent-encoded as in RFC 3986 section 2.1, so that a line is a record and a ";" is a separator, always, and nothing
// is lost.
func (r Records) Render(w io.Writer, o RecordOptions) error {
	count := len(r.Names)
	if o.MaxKey {
		count = maxKey
	}
	var b strings.Builder
	if (o.Title || o.TitleIdx) && !o.Terse {
		b.WriteString(r.title(count, o.TitleIdx))
	}
	for _, row := range r.Rows {
		for n := 1; n <= count; n++ {
			if n > 1 {
				b.WriteByte(';')
			}
			b.WriteString(encodeField(row.Field(n)))
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// title returns the line of names.
func (r Records) title(count int, numbered bool) string {
	names := make([]string, count)
	for i := range names {
		names[i] = r.Names[i]
		if numbered {
			names[i] += fmt.Sprintf("(%d)", i+1)
		}
	}
	return strings.Join(names, ";") + "\n"
}

// encodeField percent-encodes what must not be in a field.
func encodeField(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == ';' || r == '%' || r == utf8.RuneError && n == 1 || obeyed(r) {
			for _, c := range []byte(s[i : i+n]) {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		} else {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// SessionRecords are the 22 fields of LIST as ctys(1) of 2010 has them.
func SessionRecords(sessions []protocol.Session) Records {
	names := []string{"ContainingMachine", "SessionType", "Label", "ID", "UUID", "MAC", "TCP", "DISPLAY", "ClientAccessPort",
		"ServerAccessPort", "PID", "UID", "GID", "C/S-Type", "JobID", "IFNAME", "RESERVED1", "CONTEXTSTRG", "EXECPATH",
		"HYPERRELRUN", "ACCELERATOR", "ARCH"}
	records := Records{Names: names, Rows: make([]Record, len(sessions))}
	for i, s := range sessions {
		records.Rows[i] = Record{s.Host, s.Type, s.Label, s.ID, s.UUID, s.MAC, s.TCP, s.Display, number(s.CPort), number(s.SPort),
			s.PID, s.User, s.Group, roleName(s.Role), s.JobID, s.IfName, "", s.Context, s.ExecPath, s.Hypervisor, s.Accelerator, s.Arch}
	}
	return records
}

// roleName is how MACHINE records write a role.
func roleName(r protocol.Role) string {
	switch r {
	case protocol.RoleServer:
		return "SERVER"
	case protocol.RoleClient:
		return "CLIENT"
	case protocol.RoleTunnel:
		return "TUNNEL"
	}
	return string(r)
}

// number writes a count or port; 0 is not known.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// Numbers of the fields of ENUMERATE beyond the ten that it shares with LIST and that this program knows.
const (
	fieldSerial   = 17
	fieldCategory = 18
	fieldNetname  = 28
	fieldArch     = 38
	fieldMemory   = 40
	fieldVCPUs    = 41
)

// MachineRecords are the 47 fields of ENUMERATE and ctys-vhost as the macros of the original number them; those that this program does
// not know are empty. A machine with several network interfaces has a record for each, that differ in MAC and TCP.
func MachineRecords(machines []protocol.Machine) Records {
	names := []string{"ContainingMachine", "SessionType", "Label", "ID", "UUID", "MAC", "TCP", "DISPLAY", "ClientAccessPort",
		"ServerAccessPort", "VNCbaseport", "Distro", "Distrorel", "OS", "OSrel", "VersNo", "SerialNo", "Category", "VMstate", "hyperrel",
		"StackCap", "StackReq", "HWcap", "HWreq", "ExecLocation", "RelocCap", "SSHport", "Netname", "Hyperrelrun", "Accelerator",
		"ExePath", "reserved", "IFname", "CTYSrel", "netmask", "gateway", "relay", "Arch", "Platform", "VRAM", "VCPU",
		"ContextStrg", "UserStrg", "UID", "GID", "HOSTs", "CONSOLE"}
	records := Records{Names: names}
	for _, m := range machines {
		nics := m.NICs
		if len(nics) == 0 {
			nics = []protocol.NIC{{MAC: m.MAC, IP: m.TCP}}
		}
		for _, nic := range nics {
			records.Rows = append(records.Rows, machineRecord(m, nic, len(names)))
		}
	}
	return records
}

// machineRecord is the record of a machine for one of its network interfaces.
func machineRecord(m protocol.Machine, nic protocol.NIC, fields int) Record {
	r := make(Record, fields)
	copy(r, Record{m.Host, m.Type, m.Label, m.ID, m.UUID, nic.MAC, nic.IP})
	r[fieldSerial-1] = m.Serial
	r[fieldCategory-1] = m.Category
	r[fieldArch-1] = m.Arch
	r[fieldMemory-1] = number(m.Memory)
	r[fieldVCPUs-1] = number(m.VCPUs)
	if m.Type == "PM" { // the original tells physical machines by a Netname equal to the host
		r[fieldNetname-1] = m.Host
	}
	return r
}
