package broker

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/conbroker/conbroker/broker/internal/address"
	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/inventory"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// found is a session on a host, with the driver that can act on it.
type found struct {
	host    string
	driver  driver.Driver
	session driver.Session
}

// key is the name that frontends use for the session. It is made of what stays the same while the machine lives, and over a
// restart of the broker, so nothing has to be remembered: host/TYPE/label/digest of its identity.
func (f found) key() string {
	digest := sha256.Sum256([]byte(f.session.ID + "\x00" + f.session.UUID))
	return strings.Join([]string{f.host, f.session.Type, f.session.Label, hex.EncodeToString(digest[:4])}, "/")
}

// keyScope splits a key into the host and type that it is to be looked for on.
func keyScope(key string) (hostName, sessionType string, ok bool) {
	parts := strings.SplitN(key, "/", 3)
	if len(parts) < 3 {
		return "", "", false
	}
	return parts[0], parts[1], true
}

// hostOf is the host that a request acts on: that of its session's key, or the one it names.
func hostOf(ref protocol.SessionRef, named string) string {
	if hostName, _, ok := keyScope(string(ref)); ok {
		return hostName
	}
	return named
}

// sessionTarget is what an address is compared with for a session. It has the fields that a machine has.
func sessionTarget(f found) address.Target {
	s := f.session
	return inventory.Target(driver.Machine{Label: s.Label, UUID: s.UUID, ID: s.ID, Path: s.Path, NICs: s.NICs})
}

// wireSession is the record that frontends see. The console is the one that this broker holds, if it does.
func wireSession(f found, console string) protocol.Session {
	s := f.session
	r := protocol.Session{
		Key: f.key(), Host: f.host, Type: s.Type, Label: s.Label, ID: s.ID, UUID: s.UUID, NICs: wireNICs(s.NICs),
		Display: s.Display, CPort: s.ClientPort, SPort: s.ServerPort, PID: s.PID, User: s.User, Group: s.Group,
		Role: protocol.Role(s.Role), JobID: s.JobID, IfName: s.Interface, Context: s.Context, ExecPath: s.ExecPath,
		Hypervisor: s.Hypervisor, Accelerator: s.Accelerator, Arch: s.Arch, State: protocol.SessionState(s.State),
		Path: s.Path, StateFile: s.StateFile, Console: console,
	}
	if len(r.NICs) > 0 {
		r.MAC, r.TCP = r.NICs[0].MAC, r.NICs[0].IP
	}
	if s.TCP != "" {
		r.TCP = s.TCP
	}
	return r
}

// wireMachine is the record of a machine as frontends see it.
func wireMachine(hostName string, m driver.Machine, state protocol.SessionState) protocol.Machine {
	r := protocol.Machine{
		Host: hostName, Type: m.Type, Label: m.Label, ID: m.ID, UUID: m.UUID, NICs: wireNICs(m.NICs), Path: m.Path,
		Serial: m.Serial, Category: m.Category, Arch: m.Arch, Memory: m.Memory, VCPUs: m.VCPUs, State: state,
	}
	if len(r.NICs) > 0 {
		r.MAC, r.TCP = r.NICs[0].MAC, r.NICs[0].IP
	}
	return r
}

// wireNICs converts network interfaces.
func wireNICs(nics []driver.NIC) []protocol.NIC {
	out := make([]protocol.NIC, len(nics))
	for i, n := range nics {
		out[i] = protocol.NIC{MAC: n.MAC, IP: n.IP}
	}
	return out
}

// addressOf converts the address of a request.
func addressOf(a *protocol.Address) address.Address {
	if a == nil {
		return address.Address{}
	}
	return address.Address{
		Label: a.Label, UUID: a.UUID, MAC: a.MAC, TCP: a.TCP, Pathname: a.Pathname, Filename: a.Filename, ID: a.ID,
		BasePath: a.BasePath,
	}
}
