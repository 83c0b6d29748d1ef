//go:build unix

package pm

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

func TestShowFacts(t *testing.T) {
	top := "top - 01:19 up\nTasks: 3\n\n    PID USER %CPU COMMAND\n     42 root 95.5 evil\x1b]0;title\x07\n      7 anna 1.0 vi\n" +
		strings.Repeat("      8 anna 0.0 sh\n", 30)
	got := showFacts([]host.Section{
		section("node", "lab00\n"), section("os", "NAME=\"X\"\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n"), section("release", "6.1\n"),
		section("uptime", "93784.12 1.0\n"), section("load", "4.78 4.26 3.43 1/100 7\n"),
		section("memory", "MemTotal:  24684134 kB\nMemFree: 1024 kB\nMemAvailable: 2048 kB\nSwapTotal: 0 kB\nHugePages: x\n"),
		section("top", top),
		section("disks", "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda1 20480 10240 10240 50% /var/my disk\ntmpfs 1 1 1 1% /run\n"),
		section("temperature", "coretemp\nCore 0\n45000\n80000\n100000\n0\n"), section("temperature", "nvme\n\n85500\n80000\n\n\n"),
		section("temperature", "acpitz\n\n20000\n\n0\n1\n"), section("temperature", "broken\n\nx\n\n\n\n"), section("temperature", ""),
	})
	want := []driver.Fact{
		{Group: "host", Name: "node", Value: "lab00"}, {Group: "host", Name: "os", Value: "Debian GNU/Linux 12"},
		{Group: "host", Name: "release", Value: "6.1"}, {Group: "host", Name: "uptime", Value: "1 days 02:03"},
		{Group: "load", Name: "1, 5 and 15 minutes", Value: "4.78 4.26 3.43"},
		{Group: "memory", Name: "total", Value: "24105 MiB"}, {Group: "memory", Name: "free", Value: "1 MiB"},
		{Group: "memory", Name: "available", Value: "2 MiB"}, {Group: "memory", Name: "swap total", Value: "0 MiB"},
		{Group: "processes", Name: "PID", Value: "USER %CPU COMMAND"}, {Group: "processes", Name: "42", Value: "root 95.5 evil]0;title"},
		{Group: "processes", Name: "7", Value: "anna 1.0 vi"},
	}
	for range maxProcesses - 2 {
		want = append(want, driver.Fact{Group: "processes", Name: "8", Value: "anna 0.0 sh"})
	}
	want = append(want,
		driver.Fact{Group: "disks", Name: "/var/my disk", Value: "10 MiB of 20 MiB free, 50% used (/dev/sda1)"},
		driver.Fact{Group: "temperatures", Name: "coretemp Core 0", Value: "45.0 °C"},
		driver.Fact{Group: "temperatures", Name: "nvme", Value: "85.5 °C ALARM"},
		driver.Fact{Group: "temperatures", Name: "acpitz", Value: "20.0 °C ALARM"},
		driver.Fact{Group: "temperatures", Name: "alarms", Value: "2"},
	)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestInfoFacts(t *testing.T) {
	got := infoFacts([]host.Section{
		section("node", "lab00\n"), section("kernel", "Linux 6.1.0 #1 SMP PREEMPT\n"), section("machine", "x86_64\n"),
		section("os", "ProductName:\tmacOS\nProductVersion:\t14.1\n"),
		section("cpu", "processor\t: 0\nmodel name\t: Xeon(R) E5\nflags\t\t: fpu pae vmx\n\nprocessor\t: 1\nmodel name\t: other\n"),
		section("cpucount", "2\n"), section("memory", "MemTotal: 2048 kB\n"), section("hypervisor", "xen\n"),
		section("software", "ssh\n/usr/bin/ssh\nOpenSSH_9.2p1\n"), section("software", "ksu\n/usr/bin/ksu\n"), section("software", "odd\n"),
	})
	want := []driver.Fact{
		{Group: "host", Name: "node", Value: "lab00"}, {Group: "host", Name: "os", Value: "macOS 14.1"},
		{Group: "host", Name: "kernel", Value: "Linux 6.1.0 #1 SMP PREEMPT"}, {Group: "host", Name: "SMP", Value: "yes"},
		{Group: "host", Name: "machine", Value: "x86_64"}, {Group: "host", Name: "hypervisor", Value: "xen"},
		{Group: "processors", Name: "model", Value: "Xeon(R) E5"}, {Group: "processors", Name: "count", Value: "2"},
		{Group: "processors", Name: "vmx", Value: "yes"}, {Group: "processors", Name: "svm", Value: "no"},
		{Group: "processors", Name: "pae", Value: "yes"}, {Group: "memory", Name: "total", Value: "2 MiB"},
		{Group: "software", Name: "ssh", Value: "OpenSSH_9.2p1"}, {Group: "software", Name: "ksu", Value: "/usr/bin/ksu"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFactsOfAMac(t *testing.T) {
	f := append(showFacts([]host.Section{section("load", "{ 1.10 1.20 1.30 }\n"), section("memsize", "17179869184\n")}),
		infoFacts([]host.Section{section("cpumodel", "Apple M1\n")})...)
	for _, want := range [][3]string{
		{"load", "1, 5 and 15 minutes", "1.10 1.20 1.30"}, {"memory", "total", "16384 MiB"}, {"processors", "model", "Apple M1"},
	} {
		if got := value(f, want[0], want[1]); got != want[2] {
			t.Errorf("%s %s is %q, want %q", want[0], want[1], got, want[2])
		}
	}
}

func FuzzReports(f *testing.F) {
	f.Add("PID x\n1 y", "a\nb\n1\n2\n3\n1", "#@#LABEL=\"x\"", "2: eth0 inet 10.0.0.1/8")
	f.Add("{ 1 2 3 }", "\x1b\n\n\n\n\n", "IP0=\"\x00\"\nUUID=x", "en0:\n\tether x\n\tinet y")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		sections := []host.Section{
			section("top", a), section("disks", a), section("uptime", a), section("load", a), section("memory", a), section("os", a),
			section("temperature", b), section("software", b), section("cpu", b), section("link", b), section("node", d), section("name", a),
			section("addresses", d), section("ifconfig", d), section("uuid", c), section("conf", c),
		}
		for _, fact := range append(showFacts(sections), infoFacts(sections)...) {
			if fact.Value == "" || strings.ContainsAny(fact.Group+fact.Name, "\x1b") {
				t.Errorf("%+v", fact)
			}
		}
		m := readMachine(sections, ConfPath)
		if described, err := parseConf(m.conf); err == nil {
			machine := described.complete(m)
			if machine.Label == "" || strings.ContainsAny(machine.Label, "\x1b") {
				t.Errorf("label %q", machine.Label)
			}
		}
	})
}
