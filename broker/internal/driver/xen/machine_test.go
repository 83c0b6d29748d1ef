package xen

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

func TestRecognised(t *testing.T) {
	five := "name = 'a'\nvif=[]\n  memory = 1\nuuid='x'\nvcpus = 1\n"
	tests := []struct {
		text string
		want bool
	}{
		{"", false},
		{five, true},
		{strings.Replace(five, "vcpus", "kernel", 1), false},
		{strings.Replace(five, "vcpus", "#vcpus", 1), false},
		{strings.Replace(five, "vcpus", "maxvcpus", 1), false},
		{"name='a'\nname='b'\nname='c'\nname='d'\nname='e'\n", true},
		{"#@#MAGICID-XEN\n", true},
		{"#@#magicid-xen\n", false},
		{"#@#MAGICID-XEN\n" + five + "#@#MAGICID-IGNORE\n", false},
		{five + "  #@#MAGICID-NOENUM \r\n", false},
		{"#@#MAGICID-QEMU\n" + five, false},
		{"#@#MAGICID-QEMU\n#@#MAGICID-XEN\n", true},
	}
	for _, tt := range tests {
		if got := recognised([]byte(tt.text)); got != tt.want {
			t.Errorf("%q: %v", tt.text, got)
		}
	}
}

// scan is a host whose files are in memory.
type scan struct {
	host.Host
	files []host.File
}

func (s scan) Name() string { return "lab00" }

func (s scan) Scan(_ context.Context, _ host.ScanOptions) ([]host.File, []host.Problem, error) {
	return s.files, []host.Problem{{Path: "/locked", Err: host.ErrPermission}}, nil
}

func TestEnumerate(t *testing.T) {
	file := func(path, text string) host.File { return host.File{Path: path, Data: []byte(text)} }
	const magic = "#@#MAGICID-XEN\n"
	files := []host.File{
		file("/vm/a/a.conf", magic+"#@#SERNO = \"1\"\n#@#IP0 = \"10.0.0.1\"\n#@#IP1=\"10.0.0.2\"\n#@#MAC2=\"0:1:2:3:4:5\"\n"+
			"name = \"a\"\nuuid = \""+strings.ToUpper(uuid100)+"\"\nmemory = 0x40\nvcpus = 2\n"+
			"vif = [ 'mac=00:50:56:13:11:4A,bridge=xenbr0', 'bridge=b, ip=10.0.0.9 10.1.1.1, vifname=web' ]\nvfb = [ 'type=vnc' ]\n"),
		file("/vm/a/a.conf.ctys", "#@#SERNO = \"0\"\n"),
		file("/vm/a/a.ctys", "#@#ARCH = \"i386\"\n#@#SERNO = \"9\"\n"),
		file("/vm/a.ctys", "#@#ARCH = \"never\"\n#@#CATEGORY = \"VM\"\n"),
		file("/vm/b.cfg", magic+"#@#LABEL = \"b\"\n#@#UUID = \"6842caf91e3e43249ed596b8b9f2c5c2\"\n#@#VRAM=\"128\"\nbuilder = \"hvm\"\nvnc = 1\n"),
		file("/vm/broken.conf", magic+"name = \"broken\"\nmemory = (\n"),
		file("/vm/nameless.conf", magic+"memory = 1\n"),
		file("/vm/python.conf", magic+"import os\n"),
		file("/vm/slash.conf", magic+"name = \"a/b\"\n"),
		file("/vm/uuid.conf", magic+"name = \"u\"\nuuid = \"6842caf91e3e43249ed596b8b9f2c5c2\"\n"),
	}
	machines, problems, err := New("").Enumerate(t.Context(), scan{files: files}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []driver.Machine{
		{Type: Type, Label: "a", ID: "/vm/a/a.conf", Path: "/vm/a/a.conf", UUID: plainUUID(uuid100), Serial: "0", Category: "VM", Arch: "i386",
			Memory: 64, VCPUs: 2, NICs: []driver.NIC{{MAC: "00:50:56:13:11:4a", IP: "10.0.0.1"}, {IP: "10.0.0.2"}, {MAC: "00:01:02:03:04:05"}}},
		{Type: Type, Label: "b", ID: "/vm/b.cfg", Path: "/vm/b.cfg", UUID: plainUUID(uuid100), Memory: 128},
	}
	if diff := cmp.Diff(want, machines, cmpopts.IgnoreFields(driver.Machine{}, "Config")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if a, b := machines[0].Config.(machineConfig), machines[1].Config.(machineConfig); a != (machineConfig{"pv", true}) || b != (machineConfig{"hvm", true}) {
		t.Errorf("%+v, %+v", a, b)
	}
	var said []string
	for _, p := range problems {
		var known *driver.MachineError
		label := "?"
		if errors.As(p.Err, &known) {
			label = known.Label
		}
		said = append(said, fmt.Sprintf("%s %s: %.60s", p.Path, label, p.Err))
	}
	wantSaid := []string{
		"/locked ?: permission denied",
		`/vm/broken.conf broken: /vm/broken.conf:3: "(" may stand only in a string; it looks `,
		"/vm/nameless.conf ?: /vm/nameless.conf: neither name nor #@#LABEL is set",
		`/vm/python.conf ?: /vm/python.conf:2: found "os", want "=" or "+=" behind impor`,
		`/vm/slash.conf ?: /vm/slash.conf:2: the name "a/b" is no label: 1 to 64 bytes,`,
		`/vm/uuid.conf u: /vm/uuid.conf:3: uuid is "6842caf91e3e43249ed596b8b9f2c5c2",`,
	}
	if diff := cmp.Diff(wantSaid, said); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

// BenchmarkEnumerate reads as many configurations as the original needed 225 s for.
func BenchmarkEnumerate(b *testing.B) {
	var files []host.File
	for i := range 1300 {
		files = append(files, host.File{Path: fmt.Sprintf("/vm/m%d/m%d.conf", i, i), Data: fmt.Appendf(nil,
			"#@#MAGICID-XEN\n#@#IP0 = \"10.0.0.1\"\nname = \"m%d\"\nuuid = \"%s\"\nmemory = 64\nvif = [ 'mac=00:50:56:13:11:40' ]\n", i, uuid100)})
	}
	for b.Loop() {
		machines, problems := machinesOf(files)
		if len(machines) != len(files) || len(problems) != 0 {
			b.Fatal(len(machines), problems)
		}
	}
}
