package qemu

import (
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/conbroker/conbroker/broker/internal/config"
)

// machineFile is the TOML form of a machine. After parse it is valid, and its paths are absolute.
type machineFile struct {
	// Label is the machine's name: 1 to 64 bytes without control characters and slashes.
	Label string `toml:"label"`
	// UUID is 32 hex digits, with or without dashes.
	UUID string `toml:"uuid"`
	// Memory is a number of MiB or text such as "2GiB" (default 256), VCPUs a count (default 1).
	Memory any `toml:"memory"`
	VCPUs  int `toml:"vcpus"`
	// Arch chooses qemu-system-ARCH (default x86_64), Machine its -M, CPU its -cpu.
	Arch    string `toml:"arch"`
	Machine string `toml:"machine"`
	CPU     string `toml:"cpu"`
	// Kernel, Initrd and Append boot a Linux kernel directly.
	Kernel string `toml:"kernel"`
	Initrd string `toml:"initrd"`
	Append string `toml:"append"`
	// Firmware is given to QEMU as -bios.
	Firmware string  `toml:"firmware"`
	Drives   []drive `toml:"drive"`
	NICs     []nic   `toml:"nic"`
	// Display is none (default) or vnc: a VNC server without a password at 127.0.0.1, so open to all users of the host.
	Display string `toml:"display"`
	// Accelerator is auto (default), kvm or tcg.
	Accelerator string `toml:"accelerator"`
	// Extra is appended to QEMU's argv as it is.
	Extra []string `toml:"extra"`

	// mebibytes is Memory as a number.
	mebibytes int
	// file is the path it was read from, source its content.
	file   string
	source []byte
}

// drive is a disk image or block device.
type drive struct {
	File string `toml:"file"`
	// Format is raw, qcow2 or another of QEMU's; without one the file's ending tells, and raw is the default.
	Format   string `toml:"format"`
	ReadOnly bool   `toml:"readonly"`
	// Interface is virtio (default), ide, scsi or another of QEMU's -drive if=.
	Interface string `toml:"interface"`
}

// nic is a network interface.
type nic struct {
	MAC string `toml:"mac"`
	// IP is the address that the guest is known by. With network "user" QEMU's DHCP server gives it to the guest.
	IP string `toml:"ip"`
	// Model is a QEMU network device (default virtio-net-pci).
	Model string `toml:"model"`
	// Network is user (default), none, bridge:NAME or tap:NAME.
	Network string `toml:"network"`
}

// maxMemory is 16 TiB, in MiB.
const maxMemory = 16 << 20

// mebibytes reads a memory size: a count of MiB, or text such as "256MiB" or "2GiB". No value is the default.
func mebibytes(value any) (int, bool) {
	var n int64
	switch v := value.(type) {
	case nil:
		n = defaultMemory
	case int64:
		n = v
	case string:
		n = parseMemory(v)
	}
	return int(n), n >= 1 && n <= maxMemory
}

// parseMemory returns 0 for what is no size.
func parseMemory(text string) int64 {
	number, factor := text, int64(1)
	for _, unit := range []struct {
		suffix string
		factor int64
	}{{"MiB", 1}, {"GiB", 1 << 10}, {"M", 1}, {"G", 1 << 10}} {
		if rest, ok := strings.CutSuffix(text, unit.suffix); ok {
			number, factor = rest, unit.factor
			break
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 32)
	if err != nil {
		return 0
	}
	return n * factor
}

var (
	tableLine  = regexp.MustCompile(`(?m)^[ \t]*\[`)
	labelLine  = regexp.MustCompile(`(?m)^[ \t]*label[ \t]*=`)
	kernelLine = regexp.MustCompile(`(?m)^[ \t]*(kernel|drive)[ \t]*=`)
	driveTable = regexp.MustCompile(`(?m)^[ \t]*\[\[[ \t]*drive[ \t]*\]\]`)
)

// recognised reports whether a TOML file is meant to be a QEMU machine: at its top level it has a label and something to
// boot from, a kernel or a drive. The text is looked at, not the parsed file, so that a machine file with a mistake in it
// is still known as one.
func recognised(data []byte) bool {
	top := data
	if at := tableLine.FindIndex(data); at != nil {
		top = data[:at[0]]
	}
	return labelLine.Match(top) && (kernelLine.Match(top) || driveTable.Match(data))
}

// parse reads a machine file. Errors are *config.Error with file and line.
func parse(data []byte, file string) (*machineFile, error) {
	m := &machineFile{file: file, source: data}
	if err := config.Decode(data, file, m); err != nil {
		return nil, err
	}
	m.setDefaults()
	if err := m.validate(); err != nil {
		return nil, err
	}
	return m, nil
}

// Values of keys that a machine file leaves out.
const (
	defaultMemory = 256
	defaultCPU    = "max"
	defaultModel  = "virtio-net-pci"
)

func (m *machineFile) setDefaults() {
	setDefault(&m.VCPUs, 1)
	setDefault(&m.Arch, "x86_64")
	if m.Arch == "x86_64" {
		setDefault(&m.Machine, "q35")
	}
	setDefault(&m.CPU, defaultCPU)
	setDefault(&m.Display, "none")
	setDefault(&m.Accelerator, "auto")
	dir := path.Dir(m.file)
	for _, p := range []*string{&m.Kernel, &m.Initrd, &m.Firmware} {
		makeAbsolute(p, dir)
	}
	for i := range m.Drives {
		d := &m.Drives[i]
		makeAbsolute(&d.File, dir)
		setDefault(&d.Interface, "virtio")
		setDefault(&d.Format, formatOf(d.File))
	}
	for i := range m.NICs {
		setDefault(&m.NICs[i].Model, defaultModel)
		setDefault(&m.NICs[i].Network, "user")
	}
}

func setDefault[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

// makeAbsolute resolves a path relative to the directory of the machine file.
func makeAbsolute(p *string, dir string) {
	if *p != "" && !path.IsAbs(*p) {
		*p = path.Join(dir, *p)
	}
}

func formatOf(file string) string {
	switch ext := strings.TrimPrefix(path.Ext(file), "."); ext {
	case "qcow2", "qcow", "vmdk", "vdi", "vpc", "vhdx":
		return ext
	}
	return "raw"
}
