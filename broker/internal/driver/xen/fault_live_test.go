//go:build xenlab && linux

package xen

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

// TestFaults shows what a real Xen host does with what goes wrong, who may do what, displays, and the watch.
func TestFaults(t *testing.T) {
	l := newLab(t)
	h := l.host(t, "acue", host.EscalationSudo)
	t.Run("enumerate", func(t *testing.T) { l.testEnumerate(t, h) })
	t.Run("thousands", func(t *testing.T) { l.testThousands(t, h) })
	t.Run("escalation", func(t *testing.T) { l.testEscalation(t) })
	t.Run("refused", func(t *testing.T) { l.testRefused(t, h) })
	t.Run("metacharacters", func(t *testing.T) { l.testMetacharacters(t, h) })
	t.Run("watch and display", func(t *testing.T) { l.testWatch(t, h) })
	t.Run("disk full", func(t *testing.T) { l.testDiskFull(t, h) })
	t.Run("cancelled", func(t *testing.T) { l.testCancelled(t, h) })
}

// testEnumerate: the copies make tst104 ambiguous, and the one with MAGICID-IGNORE is not seen.
func (l *lab) testEnumerate(t *testing.T, h host.Host) {
	machines, problems, err := l.d.Enumerate(ctxOf(t), h, []string{"xen", "/etc/ctys.d"})
	if err != nil || len(problems) != 0 {
		t.Fatalf("%v, %v", problems, err)
	}
	var got []string
	for _, m := range machines {
		got = append(got, strings.Join([]string{m.Label, m.Serial, m.NICs[0].MAC, m.NICs[0].IP, strings.TrimPrefix(m.Path, "/homen/acue/xen/")}, " "))
	}
	want := []string{
		"tst104 20080301120000 00:50:56:13:11:44 192.168.1.224 backup/tst104/tst104.conf",
		"tst100 20080427013200 00:50:56:13:11:40 192.168.1.220 tst-ctys/tst100/tst100.conf",
		"tst101 20080428104600 00:50:56:13:11:41 192.168.1.221 tst-ctys/tst101/tst101.conf",
		"tst102 20080428104700 00:50:56:13:11:42 192.168.1.222 tst-ctys/tst102/tst102.conf",
		"tst104 20080429085900 00:50:56:13:11:44 192.168.1.224 tst-ctys/tst104/tst104-inst.conf",
		"tst104 20080429090000 00:50:56:13:11:44 192.168.1.224 tst-ctys/tst104/tst104.conf",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// testThousands: many files take one round trip.
func (l *lab) testThousands(t *testing.T, h host.Host) {
	const many = 1300
	shell(t, h, `mkdir many && awk 'BEGIN { for (i = 0; i < 1300; i++) { f = "many/m" i ".conf"; `+
		`printf "#@#MAGICID-XEN\nname = \"m%d\"\nmemory = 64\nvif = [ \"mac=00:16:3e:00:%02x:%02x\" ]\n", i, i / 256, i % 256 >f; close(f) } }'`)
	began := time.Now()
	machines, problems, err := l.d.Enumerate(ctxOf(t), h, []string{"many"})
	t.Logf("enumerate of %d files: %v", many, time.Since(began).Round(time.Millisecond))
	if err != nil || len(machines) != many || len(problems) != 0 {
		t.Errorf("%d machines, %d problems, %v", len(machines), len(problems), err)
	}
}

// testEscalation: ksu and sudo let the driver work, and without rights the advice comes.
func (l *lab) testEscalation(t *testing.T) {
	for user, how := range map[string]host.Escalation{"ksuonly": host.EscalationKsu, "acue": host.EscalationKsu, "chkusr": host.EscalationSudo} {
		h := l.host(t, user, how)
		if s, ok := l.session(t, h, "Domain-0"); !ok || s.State != driver.StateRunning {
			t.Errorf("%s by %s: %+v", user, how, s)
		}
	}
	h := l.host(t, "norights", host.EscalationNone)
	_, err := l.d.List(ctxOf(t), h)
	if !errors.Is(err, host.ErrPermission) || !strings.Contains(err.Error(), escalationAdvice) {
		t.Errorf("without rights: %v", err)
	}
	info, err := l.d.Probe(ctxOf(t), h)
	if err != nil || info.State != driver.ProbeDisabled || info.Advice != escalationAdvice || info.Version == "" {
		t.Errorf("probe without rights: %+v, %v", info, err)
	}
	if _, err := l.d.Watch(ctxOf(t), h); err == nil {
		t.Error("watched without rights")
	}
	// Where sudo allows the tools and no shell, the tools are enough to list.
	admin := l.host(t, "acue", host.EscalationSudo)
	shell(t, admin, `echo 'norights ALL=(root) NOPASSWD: /usr/sbin/xl, /usr/bin/xenstore-ls' | sudo tee /etc/sudoers.d/tools >/dev/null`)
	if s, ok := l.session(t, l.host(t, "norights", host.EscalationSudo), "Domain-0"); !ok || s.PID != "0" {
		t.Errorf("with the tools only: %+v", s)
	}
	shell(t, admin, `sudo rm /etc/sudoers.d/tools`)
}

// testRefused: what xl refuses is told in xl's own words, and leaves nothing.
func (l *lab) testRefused(t *testing.T, h host.Host) {
	from := l.machine(t, h, "tst101.conf")
	tests := []struct{ name, edit, want string }{
		{"kernel.conf", `s#/srv/xen/vmlinux#/etc/hosts#`, "no loader found: Invalid kernel"},
		{"missing.conf", `s#/srv/xen/vmlinux#/srv/none#`, "failed to open file '/srv/none': No such file or directory"},
		{"memory.conf", `s/^memory.*/memory = 64000/`, "Cannot allocate memory"},
		{"kind.conf", `s/"pv"/"hvm"/`, "neither hap nor shadow paging available"},
		{"grammar.conf", `s/^vcpus.*/vcpus = lots/`, "grammar.conf:17: found \"lots\""},
	}
	for _, tt := range tests {
		m := from
		m.Path = l.write(t, h, tt.name, tt.edit, from.Path)
		_, err := l.d.Create(ctxOf(t), h, m, options(t))
		if err == nil || !strings.Contains(err.Error(), tt.want) && !strings.Contains(err.Error(), "memory") {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
		t.Log(err)
	}
	gone := from
	gone.Path = "/homen/acue/none.conf"
	if _, err := l.d.Create(ctxOf(t), h, gone, options(t)); !errors.Is(err, host.ErrFileNotFound) {
		t.Errorf("without a configuration: %v", err)
	}
	if s, ok := l.session(t, h, "tst101"); ok {
		t.Errorf("left behind: %+v", s)
	}
}

// testMetacharacters: names and paths are never run, and reach xl as they are.
func (l *lab) testMetacharacters(t *testing.T, h host.Host) {
	const name = `a b;$(touch pwned)'"&`
	from := l.machine(t, h, "tst101.conf")
	r, err := h.Run(ctxOf(t), host.Command{Argv: []string{"sh", "-c",
		`mkdir -p "$1" && cd "$1" && { grep -v '^name\|@#LABEL' "$2"; printf '%s\n' "$3"; } >"$4" && printf %s "$PWD/$4"`, "sh",
		"more/x; touch pwned #", from.Path, `name = "a b;$(touch pwned)'\"&"`, `$(touch pwned)'.conf`}})
	must(t, err)
	path := string(r.Stdout)
	machines, problems, err := l.d.Enumerate(ctxOf(t), h, []string{"more/x; touch pwned #"})
	if err != nil || len(machines) != 1 || machines[0].Label != name || machines[0].Path != path {
		t.Fatalf("%+v, %v, %v", machines, problems, err)
	}
	s := l.start(t, h, machines[0], options(t))
	now, ok := l.session(t, h, name)
	if !ok || now.Path != path || now.Label != name {
		t.Errorf("listed %+v, created %+v", now, s)
	}
	must(t, l.d.Poweroff(ctxOf(t), h, now, 0))
	if found := shell(t, h, `sudo find / -xdev -name pwned`); found != "" {
		t.Errorf("something was run: %s", found)
	}
}

// testWatch: a machine that comes and goes is told at once, and its VNC server answers.
func (l *lab) testWatch(t *testing.T, h host.Host) {
	ctx, cancel := context.WithCancel(ctxOf(t))
	changed, err := l.d.Watch(ctx, h)
	must(t, err)
	s := l.start(t, h, l.machine(t, h, "tst102.conf"), options(t))
	l.changes(t, changed)
	if s.ClientPort < vncBase || s.Display == "" {
		t.Fatalf("no display: %+v", s)
	}
	checkVNC(t, h, s)
	o := options(t)
	o.Display = true
	other := l.start(t, h, l.machine(t, h, "tst101.conf"), o)
	if other.ClientPort <= s.ClientPort {
		t.Errorf("display of %+v beside that of %+v", other, s)
	}
	checkVNC(t, h, other)
	must(t, l.d.Poweroff(ctxOf(t), h, s, 0))
	l.changes(t, changed)
	cancel()
	for range changed {
		// until it is closed
	}
}

func (l *lab) changes(t *testing.T, changed <-chan struct{}) {
	t.Helper()
	select {
	case _, ok := <-changed:
		if !ok {
			t.Fatal("the watch has ended")
		}
	case <-ctxOf(t).Done():
		t.Fatal("no change was told")
	}
}

// checkVNC reads the greeting of a VNC server (RFC 6143, section 7.1.1).
func checkVNC(t *testing.T, h host.Host, s driver.Session) {
	t.Helper()
	conn, err := h.Dial(ctxOf(t), "tcp", "127.0.0.1:59"+strings.Repeat("0", 2-len(s.Display[1:]))+s.Display[1:])
	must(t, err)
	defer conn.Close()
	greeting := make([]byte, 12)
	if _, err := io.ReadFull(conn, greeting); err != nil || string(greeting) != "RFB 003.008\n" {
		t.Errorf("%q, %v", greeting, err)
	}
}

// testDiskFull: a state that does not fit leaves the guest running and nothing behind. Xen no longer watches over it then, and
// it can be powered off all the same.
func (l *lab) testDiskFull(t *testing.T, h host.Host) {
	s := l.start(t, h, l.machine(t, h, "tst100.conf"), options(t))
	term := l.console(t, h, s)
	term.login("tst100")
	shell(t, h, `sudo mkdir -p /mnt/small && sudo mount -t tmpfs -o size=20m tmpfs /mnt/small`)
	if file, err := l.d.Suspend(ctxOf(t), h, s, "/mnt/small/full state"); err == nil {
		t.Errorf("saved to %s, which has no room", file)
	} else {
		t.Logf("disk full: %v", err)
		if !strings.Contains(err.Error(), "No space left on device") || !strings.Contains(err.Error(), "no longer watches over it") {
			t.Errorf("%v", err)
		}
	}
	if left := shell(t, h, `sudo ls -A /mnt/small; sudo umount /mnt/small`); left != "" {
		t.Errorf("left behind: %s", left)
	}
	if now, _ := l.session(t, h, s.Label); now.State != driver.StateRunning || now.PID != s.PID {
		t.Errorf("after a suspend that failed: %+v", now)
	}
	term.send("echo ali''ve\n")
	term.expect("alive")
	began := time.Now()
	must(t, l.d.Poweroff(ctxOf(t), h, s, labTime))
	if took := time.Since(began); took > labTime/2 {
		t.Errorf("poweroff took %v", took)
	}
	term.ended()
}

// testCancelled: a create that is given up leaves no domain.
func (l *lab) testCancelled(t *testing.T, h host.Host) {
	m := l.machine(t, h, "tst101.conf")
	l.clean(t, h, m.Label)
	ctx, cancel := context.WithCancel(ctxOf(t))
	o := options(t)
	o.Progress = func(string) { time.AfterFunc(2*time.Second, cancel) }
	_, err := l.d.Create(ctx, h, m, o)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled create: %v", err)
	}
	if s, ok := l.session(t, h, m.Label); ok {
		t.Errorf("left behind: %+v", s)
	}
}
