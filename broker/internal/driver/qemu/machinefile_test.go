package qemu

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/conbroker/conbroker/broker/internal/config"
	"github.com/conbroker/conbroker/broker/internal/driver"
)

const whole = `
label = "tst100"
uuid = "6842CAF9-1e3e-4324-9ed5-96b8b9f2c5c2"
memory = "2GiB"
vcpus = 2
kernel = "boot/vmlinux, old"
initrd = "/boot/initrd"
append = "console=ttyS0, quiet"
display = "vnc"
extra = ["-rtc", "base=utc"]

[[drive]]
file = "disk,1.qcow2"

[[drive]]
file = "/iso/debian.iso"
interface = "ide"
readonly = true

[[nic]]
mac = "00:50:56:13:11:4A"
ip = "192.168.1.220"

[[nic]]
network = "bridge:br0"
model = "e1000"
`

func TestParse(t *testing.T) {
	m, err := parse([]byte(whole), "/home/a b/tst100.toml")
	if err != nil {
		t.Fatal(err)
	}
	want := driver.Machine{
		Type: "QEMU", Label: "tst100", ID: "/home/a b/tst100.toml", Path: "/home/a b/tst100.toml",
		UUID: "6842caf91e3e43249ed596b8b9f2c5c2", Arch: "x86_64", Memory: 2048, VCPUs: 2,
		NICs: []driver.NIC{{MAC: "00:50:56:13:11:4a", IP: "192.168.1.220"}, {}},
	}
	if diff := cmp.Diff(want, m.machine()); diff != "" {
		t.Error(diff)
	}
	paths := []string{m.Kernel, m.Initrd, m.Drives[0].File, m.Drives[1].File}
	if diff := cmp.Diff([]string{"/home/a b/boot/vmlinux, old", "/boot/initrd", "/home/a b/disk,1.qcow2", "/iso/debian.iso"}, paths); diff != "" {
		t.Error(diff)
	}
}

func TestArgv(t *testing.T) {
	m, err := parse([]byte(whole), "/m/tst100.toml")
	if err != nil {
		t.Fatal(err)
	}
	argv := m.argv(launch{
		exec: "/usr/bin/qemu-system-x86_64", dir: "/run/a,b", pidFile: "/run/a.pid", accelerator: "tcg", display: true, sandbox: true,
		incoming: "/s/it's",
	})
	line := "\n" + strings.Join(argv, "\n") + "\n"
	for _, want := range []string{
		"-name\nguest=tst100", "-uuid\n6842caf9-1e3e-4324-9ed5-96b8b9f2c5c2", "-accel\ntcg", "-M\nq35", "-cpu\nmax", "-m\n2048", "-smp\n2",
		"-kernel\n/m/boot/vmlinux, old", "-append\nconsole=ttyS0, quiet",
		"-drive\nfile=/m/disk,,1.qcow2,format=qcow2,if=virtio", "-drive\nfile=/iso/debian.iso,format=raw,if=ide,media=cdrom",
		"-netdev\nuser,id=net0,net=192.168.1.0/24,dhcpstart=192.168.1.220",
		"-device\nvirtio-net-pci,id=nic0,mac=00:50:56:13:11:4a,netdev=net0",
		"-netdev\nbridge,id=net1,br=br0", "-device\ne1000,id=nic1,netdev=net1",
		"-vnc\n127.0.0.1:0,to=99", "-sandbox\non,obsolete=deny,resourcecontrol=deny", "-pidfile\n/run/a.pid",
		"-chardev\nsocket,id=serial0,path=/run/a,,b/serial.sock,server=on,wait=off",
		"-incoming\nexec:cat '/s/it'\\''s'", "-S\n-daemonize",
	} {
		if !strings.Contains(line, "\n"+want+"\n") {
			t.Errorf("no %q in %q", want, argv)
		}
	}
	if !slices.Equal(argv[len(argv)-2:], []string{"-rtc", "base=utc"}) {
		t.Errorf("extra is not at the end: %q", argv)
	}
}

func TestMistakes(t *testing.T) {
	const head = "label = 'a'\nkernel = 'k'\n"
	tests := map[string]struct {
		text string
		line int
		want string
	}{
		"unknown key":        {head + "memry = 5", 3, `unknown key "memry"`},
		"unknown nic key":    {head + "[[nic]]\nmac = '00:50:56:13:11:40'\naddress = 'x'", 5, `unknown key "nic.address"`},
		"syntax":             {head + "memory = = 5", 3, ""},
		"wrong type":         {head + "vcpus = 'two'", 0, "vcpus"},
		"label with slash":   {"label = 'a/b'\nkernel = 'k'", 1, "slash"},
		"label with escape":  {"label = \"a\\u001b[2J\"\nkernel = 'k'", 1, "control characters"},
		"label with newline": {"label = \"a\\nb\"\nkernel = 'k'", 1, "control characters"},
		"label too long":     {"label = '" + strings.Repeat("x", 65) + "'\nkernel = 'k'", 1, "longer than 64"},
		"empty label":        {"label = ''\nkernel = 'k'", 1, "is empty"},
		"uuid":               {head + "uuid = '6842'", 3, "32 hex digits"},
		"memory word":        {head + "memory = 'lots'", 3, "memory is lots"},
		"memory zero":        {head + "memory = 0", 3, "1 to"},
		"memory negative":    {head + "memory = -5", 3, "1 to"},
		"memory of floats":   {head + "memory = 1.5", 3, "1 to"},
		"memory overflow":    {head + "memory = '99999999999999999999GiB'", 3, "1 to"},
		"vcpus":              {head + "vcpus = -1", 3, "vcpus is -1"},
		"arch":               {head + "arch = '../x'", 3, "not a name of QEMU's"},
		"display":            {head + "display = 'gtk'", 3, "neither none nor vnc"},
		"accelerator":        {head + "accelerator = 'fast'", 3, "auto, kvm, tcg"},
		"append":             {head + "append = \"a\\nb\"", 3, "line break"},
		"second mac":         {head + "[[nic]]\n[[nic]]\nmac = 'x'", 5, "six hex pairs"},
		"multicast mac":      {head + "[[nic]]\nmac = '01:00:00:00:00:00'", 4, "multicast"},
		"ip":                 {head + "[[nic]]\nip = '192.168.1.300'", 4, "not an IP address"},
		"network":            {head + "[[nic]]\nnetwork = 'bridge'", 4, "bridge:NAME"},
		"network injection":  {head + "[[nic]]\nnetwork = 'tap:x,script=/tmp/evil'", 4, "bridge:NAME"},
		"drive without file": {"label = 'a'\n[[drive]]\nformat = 'raw'", 2, "needs a file"},
		"drive injection":    {"label = 'a'\n[[drive]]\nfile = 'x'\nformat = 'raw file=y'", 4, "not a name of QEMU's"},
		"initrd alone":       {"label = 'a'\ninitrd = 'i'\n[[drive]]\nfile = 'x'", 0, "need a kernel"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if !recognised([]byte(test.text)) {
				t.Error("not recognised as a machine file")
			}
			_, err := parse([]byte(test.text), "/m/a.toml")
			var mistake *config.Error
			if !errors.As(err, &mistake) {
				t.Fatalf("error %v is no *config.Error", err)
			}
			if mistake.File != "/m/a.toml" || (test.line != 0 && mistake.Line != test.line) || !strings.Contains(mistake.Text, test.want) {
				t.Errorf("%v, want line %d and %q", mistake, test.line, test.want)
			}
		})
	}
}

func TestRecognised(t *testing.T) {
	tests := map[string]struct {
		text string
		want bool
	}{
		"kernel":         {"label = 'a'\nkernel = 'b'\n", true},
		"drive":          {"label = 'a'\n[[drive]]\nfile = 'b'\n", true},
		"inline drives":  {"label='a'\ndrive = [{file = 'b'}]\n", true},
		"Cargo":          {"[package]\nname = 'kernel'\nlabel = 'x'\nkernel = 'y'\n", false},
		"label only":     {"label = 'a'\n", false},
		"kernel only":    {"kernel = 'a'\n", false},
		"nested kernel":  {"label = 'a'\n[boot]\nkernel = 'b'\n", false},
		"similar words":  {"labels = 'a'\nkernels = 'b'\n", false},
		"syntax mistake": {"label = 'a\nkernel = \n", true},
	}
	for name, test := range tests {
		if got := recognised([]byte(test.text)); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("label='a'\nkernel='k'\n[[nic]]\nmac='00:50:56:13:11:40'\nnetwork='tap:x'\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		recognised(data)
		m, err := parse(data, "/m/a.toml")
		if err != nil {
			var mistake *config.Error
			if !errors.As(err, &mistake) {
				t.Errorf("error %v is no *config.Error", err)
			}
			return
		}
		if checkLabel(m.Label) != "" || len(m.UUID)%32 != 0 || m.mebibytes < 1 || m.VCPUs < 1 {
			t.Errorf("accepted %+v", m)
		}
		argv := m.argv(launch{exec: "qemu", dir: "/d", pidFile: "/p", accelerator: "tcg"})
		if i := slices.Index(argv, "-append"); i >= 0 && argv[i+1] != m.Append {
			t.Errorf("argv %q", argv)
		}
	})
}
