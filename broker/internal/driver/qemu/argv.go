package qemu

import (
	"fmt"
	"net/netip"
	"path"
	"strconv"
	"strings"

	"github.com/conbroker/conbroker/broker/internal/host"
)

// launch is what a start adds to a machine's own configuration.
type launch struct {
	// exec is QEMU's path, dir the directory of the run, pidFile the machine's.
	exec, dir, pidFile string
	accelerator        string
	// display asks for a screen that VNC shows.
	display bool
	// sandbox says that this QEMU can give up system calls.
	sandbox bool
	// incoming is the state file to start from; empty for a boot.
	incoming string
}

// eventSockets is how many clients may wait for events of one machine at a time.
const eventSockets = 4

// serialID is the name of the serial port's character device in QEMU.
const serialID = "serial0"

func eventsSocket(dir string, i int) string { return path.Join(dir, "events-"+strconv.Itoa(i)+".sock") }
func commandSocket(dir string) string       { return path.Join(dir, "qmp.sock") }
func serialSocket(dir string) string        { return path.Join(dir, "serial.sock") }

// argv is the command that starts m. The guest is stopped before its first instruction, and the command ends when all
// sockets listen.
func (m *machineFile) argv(l launch) []string {
	argv := []string{l.exec,
		"-name", "guest=" + optionValue(m.Label),
		"-nodefaults", "-no-user-config",
		"-accel", l.accelerator,
		"-cpu", m.CPU,
		"-m", strconv.Itoa(m.mebibytes),
		"-smp", strconv.Itoa(m.VCPUs),
	}
	argv = appendOption(argv, "-M", m.Machine)
	argv = appendOption(argv, "-uuid", dashed(m.UUID))
	argv = appendOption(argv, "-bios", m.Firmware)
	argv = appendOption(argv, "-kernel", m.Kernel)
	argv = appendOption(argv, "-initrd", m.Initrd)
	argv = appendOption(argv, "-append", m.Append)
	for _, d := range m.Drives {
		argv = append(argv, "-drive", d.option())
	}
	for i, n := range m.NICs {
		argv = append(argv, n.options(i)...)
	}
	argv = append(argv, l.options(m)...)
	return append(argv, m.Extra...)
}

// options are the parts that belong to the driver: display, sockets, files of the run.
func (l launch) options(m *machineFile) []string {
	argv := []string{"-display", "none"}
	if l.display {
		// QEMU takes the first free port from 5900 on; it alone can do so without a race.
		argv = []string{"-device", videoDevice(m.Arch), "-vnc", "127.0.0.1:0,to=99"}
	}
	if l.sandbox {
		argv = append(argv, "-sandbox", "on,obsolete=deny,resourcecontrol=deny")
	}
	argv = append(argv, socketOptions("qmp", commandSocket(l.dir))...)
	argv = append(argv, "-mon", "chardev=qmp,mode=control")
	for i := range eventSockets {
		id := "events-" + strconv.Itoa(i)
		argv = append(argv, socketOptions(id, eventsSocket(l.dir, i))...)
		argv = append(argv, "-mon", "chardev="+id+",mode=control")
	}
	argv = append(argv, socketOptions(serialID, serialSocket(l.dir))...)
	argv = append(argv, "-serial", "chardev:"+serialID)
	argv = append(argv, "-S", "-daemonize", "-pidfile", l.pidFile, "-D", path.Join(l.dir, "qemu.log"))
	if l.incoming != "" {
		argv = append(argv, "-incoming", "exec:"+host.Quote([]string{"cat", l.incoming}))
	}
	return argv
}

func socketOptions(id, file string) []string {
	return []string{"-chardev", "socket,id=" + id + ",path=" + optionValue(file) + ",server=on,wait=off"}
}

func videoDevice(arch string) string {
	if arch == "x86_64" || arch == "i386" {
		return "VGA"
	}
	return "virtio-gpu-pci"
}

func (d drive) option() string {
	option := fmt.Sprintf("file=%s,format=%s,if=%s", optionValue(d.File), d.Format, d.Interface)
	if d.ReadOnly && d.Interface == "ide" {
		// QEMU has no read-only IDE disks.
		return option + ",media=cdrom"
	}
	if d.ReadOnly {
		return option + ",readonly=on"
	}
	return option
}

func (n nic) options(i int) []string {
	id := "net" + strconv.Itoa(i)
	device := n.Model + ",id=nic" + strconv.Itoa(i)
	if n.MAC != "" {
		device += ",mac=" + n.MAC
	}
	kind, name, _ := strings.Cut(n.Network, ":")
	var backend string
	switch kind {
	case "user":
		backend = "user,id=" + id + n.userNetwork()
	case "bridge":
		backend = "bridge,id=" + id + ",br=" + name
	case "tap":
		backend = "tap,id=" + id + ",ifname=" + name + ",script=no,downscript=no"
	default:
		return []string{"-device", device}
	}
	return []string{"-netdev", backend, "-device", device + ",netdev=" + id}
}

// userNetwork makes QEMU's user network give the guest the address that its file states. The network around it is a /24
// in which QEMU takes .2 and .3 for itself.
func (n nic) userNetwork() string {
	ip, err := netip.ParseAddr(n.IP)
	if err != nil || !ip.Is4() {
		return ""
	}
	if last := ip.As4()[3]; last < 4 || last == 255 {
		return ""
	}
	return fmt.Sprintf(",net=%s,dhcpstart=%s", netip.PrefixFrom(ip, 24).Masked(), ip)
}

func appendOption(argv []string, option, value string) []string {
	if value == "" {
		return argv
	}
	return append(argv, option, value)
}

// optionValue doubles the commas of a value, which end it otherwise (QEMU docs/system/invocation, -drive).
func optionValue(s string) string { return strings.ReplaceAll(s, ",", ",,") }

// dashed writes 32 hex digits as QEMU wants a UUID.
func dashed(uuid string) string {
	if len(uuid) != 32 {
		return ""
	}
	return uuid[:8] + "-" + uuid[8:12] + "-" + uuid[12:16] + "-" + uuid[16:20] + "-" + uuid[20:]
}
