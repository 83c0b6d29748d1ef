package pm

import (
	"net"
	"net/netip"
	"strings"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

// machine is what a host said of itself.
type machine struct {
	node, name, arch, uuid string
	links                  []link
	confPath               string
	conf                   []byte
	hasConf, locked        bool
}

// link is a network interface. real is false for bridges, tunnels and the like.
type link struct {
	name, mac, ip string
	real          bool
}

// readMachine reads the sections of machine.sh.
func readMachine(sections []host.Section, confPath string) machine {
	said := texts(sections)
	m := machine{
		node: said["node"], name: strings.TrimSuffix(said["name"], "."), arch: said["arch"],
		uuid: normalUUID(said["uuid"]), confPath: confPath,
	}
	addresses := ipAddresses(said["addresses"])
	for _, s := range sections {
		switch s.Name {
		case "link":
			if l, ok := readLink(clean(s.Data), addresses); ok {
				m.links = append(m.links, l)
			}
		case "ifconfig":
			m.links = append(m.links, readIfconfig(clean(s.Data))...)
		case "conf", "locked":
			m.hasConf, m.locked, m.conf = true, s.Name == "locked", s.Data
		}
	}
	return m
}

// readLink reads name, MAC and kind, one a line, of a Linux interface.
func readLink(text string, addresses map[string]string) (link, bool) {
	f := lines(text)
	if len(f) != 3 {
		return link{}, false
	}
	l := link{name: f[0], mac: normalMAC(f[1]), ip: addresses[f[0]], real: f[2] == "device"}
	return l, l.mac != ""
}

// ipAddresses reads the lines of ip -o -4 addr: "2: eth0    inet 10.0.0.2/24 ...". The first address of each counts.
func ipAddresses(text string) map[string]string {
	addresses := make(map[string]string)
	for _, line := range lines(text) {
		f := strings.Fields(line)
		if len(f) < 4 || f[2] != "inet" {
			continue
		}
		name, _, _ := strings.Cut(f[1], "@")
		prefix, err := netip.ParsePrefix(f[3])
		if _, known := addresses[name]; !known && err == nil {
			addresses[name] = prefix.Addr().String()
		}
	}
	return addresses
}

// readIfconfig reads the interfaces of a BSD ifconfig -a, where they begin at the line's start and have "ether" and
// "inet" lines below.
func readIfconfig(text string) []link {
	var links []link
	for _, line := range lines(text) {
		f := strings.Fields(line)
		switch {
		case len(f) == 0:
		case !strings.HasPrefix(line, " "):
			name := strings.TrimSuffix(f[0], ":")
			links = append(links, link{name: name, real: strings.HasPrefix(name, "en")})
		case len(links) > 0 && len(f) > 1 && f[0] == "ether":
			links[len(links)-1].mac = normalMAC(f[1])
		case len(links) > 0 && len(f) > 1 && f[0] == "inet" && links[len(links)-1].ip == "":
			links[len(links)-1].ip = normalIP(f[1])
		}
	}
	return links
}

// label is the host's short name.
func (m machine) label() string {
	short, _, _ := strings.Cut(m.node, ".")
	if short == "" {
		return host.LocalName
	}
	return short
}

// guestName is the name for the TCP column: with its domain and a trailing dot if the resolver knows the domain.
func (m machine) guestName() string {
	for _, name := range []string{m.name, m.node} {
		if strings.Contains(name, ".") && !strings.HasPrefix(name, host.LocalName) {
			return name + "."
		}
	}
	return m.node
}

// nics is the host's best interface; none if it has none.
func (m machine) nics() []driver.NIC {
	best := m.bestLink()
	if best == (link{}) {
		return nil
	}
	return []driver.NIC{{MAC: best.mac, IP: best.ip, Name: best.name}}
}

// bestLink prefers devices to virtual interfaces, then those with an address, then the first.
func (m machine) bestLink() link {
	var best link
	score := 0
	for _, l := range m.links {
		points := 0
		if l.mac != "" {
			points++
		}
		if l.mac != "" && l.ip != "" {
			points++
		}
		if points > 0 && l.real {
			points += 2
		}
		if points > score {
			best, score = l, points
		}
	}
	return best
}

// normalUUID is 32 lower-case hex digits, or empty if s is no UUID or one that firmware leaves unset.
func normalUUID(s string) string {
	s = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(s), "-", ""))
	if len(s) != 32 || strings.Trim(s, "0123456789abcdef") != "" || strings.Trim(s, "0") == "" || strings.Trim(s, "f") == "" {
		return ""
	}
	return s
}

// normalMAC is six lower-case hex pairs, or empty if s is no MAC address or all zero, as the loopback's is.
func normalMAC(s string) string {
	mac, err := net.ParseMAC(strings.TrimSpace(s))
	if err != nil || len(mac) != 6 || mac.String() == "00:00:00:00:00:00" {
		return ""
	}
	return mac.String()
}

// normalIP is an IP address, or empty.
func normalIP(s string) string {
	ip, err := netip.ParseAddr(strings.TrimSpace(s))
	if err != nil {
		return ""
	}
	return ip.String()
}
