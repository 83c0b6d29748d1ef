package inventory

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/conbroker/conbroker/broker/internal/address"
	"github.com/conbroker/conbroker/broker/internal/config"
	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/google/go-cmp/cmp"
)

// open returns a store in a directory that does not exist yet, and its log.
func open(t testing.TB) (*Store, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	s := Open(filepath.Join(t.TempDir(), "state dir", "inventory"))
	s.Logger = slog.New(slog.NewTextHandler(&log, nil))
	return s, &log
}

// machine makes a machine with all its fields.
func testMachine(sessionType, label string) driver.Machine {
	path := "/home/anna/xen/" + label + "/" + label + ".conf"
	return driver.Machine{
		Type: sessionType, Label: label, ID: path, Path: path, UUID: "6842caf91e3e43249ed596b8b9f2c5c2",
		NICs:   []driver.NIC{{MAC: "00:50:56:13:11:40", IP: "192.168.1.220", Name: "vif3.0"}, {MAC: "00:50:56:13:11:41"}},
		Serial: "2008010101", Category: "VM", Arch: "x86_64", Memory: 512, VCPUs: 2,
	}
}

// put stores machines that are only labels, and fails the test if it cannot.
func put(t testing.TB, s *Store, hostName, sessionType string, labels ...string) time.Time {
	t.Helper()
	scanned := time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)
	var machines []driver.Machine
	for _, l := range labels {
		machines = append(machines, testMachine(sessionType, l))
	}
	if err := s.Put(hostName, sessionType, machines, nil, scanned); err != nil {
		t.Fatal(err)
	}
	return scanned
}

// labels returns "host/type/label" of each machine found.
func labels(found []Found) []string {
	var list []string
	for _, f := range found {
		list = append(list, f.Host+"/"+f.Machine.Type+"/"+f.Machine.Label)
	}
	return list
}

func TestPutAndGet(t *testing.T) {
	s, log := open(t)
	if entry, ok := s.Get("lab00"); ok || s.Hosts() != nil || s.Query(Filter{}) != nil {
		t.Errorf("an empty inventory has %+v", entry)
	}
	m := testMachine("XEN", "tst100")
	m.Config = "the driver's own"
	bad := &config.Error{File: "/home/anna/xen/b.conf", Line: 7, Text: "unknown key"}
	problems := []host.Problem{{Path: "/home/anna/xen/b.conf", Err: bad}, {Path: "/root", Err: errors.New("permission denied")}}
	scanned := time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)
	if err := s.Put("lab00", "XEN", []driver.Machine{m}, problems, scanned); err != nil {
		t.Fatal(err)
	}
	m.Config = nil
	for name, store := range map[string]*Store{"same process": s, "next process": Open(s.dir)} {
		entry, ok := store.Get("lab00")
		if !ok || len(entry.Types) != 1 {
			t.Fatalf("%s: got %+v, %v; want one type", name, entry, ok)
		}
		got := entry.Types[0]
		if diff := cmp.Diff([]driver.Machine{m}, got.Machines); diff != "" {
			t.Errorf("%s: machines (-want +got):\n%s", name, diff)
		}
		if got.Type != "XEN" || !got.Scanned.Equal(scanned) || entry.Host != "lab00" {
			t.Errorf("%s: got host %q, type %q, scanned %s", name, entry.Host, got.Type, got.Scanned)
		}
		var mistake *config.Error
		if len(got.Problems) != 2 || !errors.As(got.Problems[0].Err, &mistake) || *mistake != *bad || got.Problems[1].Err.Error() != "permission denied" {
			t.Errorf("%s: problems: got %+v", name, got.Problems)
		}
	}
	if log.Len() > 0 {
		t.Errorf("the log says %s", log)
	}
}

func TestPutReplacesOneTypeOfOneHost(t *testing.T) {
	s, _ := open(t)
	put(t, s, "lab00", "XEN", "a", "b")
	put(t, s, "lab00", "QEMU", "c")
	put(t, s, "lab01", "XEN", "d")
	put(t, s, "lab00", "XEN", "e")
	if diff := cmp.Diff([]string{"lab00/QEMU/c", "lab00/XEN/e", "lab01/XEN/d"}, labels(s.Query(Filter{}))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	put(t, s, "lab00", "XEN")
	if diff := cmp.Diff([]string{"lab00/QEMU/c", "lab01/XEN/d"}, labels(s.Query(Filter{}))); diff != "" {
		t.Errorf("after a scan that found nothing (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"lab00", "lab01"}, s.Hosts()); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
}

func TestQuery(t *testing.T) {
	s, _ := open(t)
	put(t, s, "lab00", "XEN", "tst100", "tst101")
	put(t, s, "lab00", "QEMU", "tst100")
	put(t, s, "lab01", "XEN", "tst100", "tst10")
	for name, c := range map[string]struct {
		filter Filter
		want   []string
	}{
		"all":       {Filter{}, []string{"lab00/QEMU/tst100", "lab00/XEN/tst100", "lab00/XEN/tst101", "lab01/XEN/tst100", "lab01/XEN/tst10"}},
		"host":      {Filter{Hosts: []string{"lab09", "lab01", "lab01"}}, []string{"lab01/XEN/tst100", "lab01/XEN/tst10"}},
		"type":      {Filter{Types: []string{"qemu"}}, []string{"lab00/QEMU/tst100"}},
		"label":     {Filter{Address: address.Address{Label: "tst10"}}, []string{"lab01/XEN/tst10"}},
		"second":    {Filter{Hosts: []string{"lab01"}, Address: address.Address{MAC: "00:50:56:13:11:41"}}, []string{"lab01/XEN/tst100", "lab01/XEN/tst10"}},
		"ip":        {Filter{Types: []string{"QEMU"}, Address: address.Address{TCP: "192.168.1.220"}}, []string{"lab00/QEMU/tst100"}},
		"file":      {Filter{Hosts: []string{"lab00"}, Address: address.Address{Filename: "tst101/tst101.conf"}}, []string{"lab00/XEN/tst101"}},
		"none":      {Filter{Address: address.Address{Label: "tst"}}, nil},
		"base path": {Filter{Types: []string{"QEMU"}, Address: address.Address{BasePath: []string{"xen"}}}, []string{"lab00/QEMU/tst100"}},
	} {
		if diff := cmp.Diff(c.want, labels(s.Query(c.filter))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestAnotherProcessIsSeen(t *testing.T) {
	a, _ := open(t)
	b := Open(a.dir)
	put(t, a, "lab00", "XEN", "one")
	if diff := cmp.Diff([]string{"lab00/XEN/one"}, labels(b.Query(Filter{}))); diff != "" {
		t.Errorf("first (-want +got):\n%s", diff)
	}
	put(t, b, "lab00", "XEN", "two")
	if diff := cmp.Diff([]string{"lab00/XEN/two"}, labels(a.Query(Filter{}))); diff != "" {
		t.Errorf("second (-want +got):\n%s", diff)
	}
}

func TestFilesAreTheUsersOwn(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // there the profile directory's access list decides
	}
	s, _ := open(t)
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, s, "lab00", "XEN", "a")
	for path, want := range map[string]os.FileMode{s.dir: 0o700, filepath.Join(s.dir, "lab00.json"): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
}

func TestBadFilesArePassedOver(t *testing.T) {
	for name, text := range map[string]string{
		"empty":        "",
		"cut":          `{"version":1,"host":"bad","types":[{"type":"XEN","machines":[{"lab`,
		"newer":        `{"version":2,"host":"bad","types":[]}`,
		"no version":   `{"host":"bad"}`,
		"no host":      `{"version":1}`,
		"wrong type":   `{"version":1,"host":"bad","types":5}`,
		"no JSON":      "\x00\xff",
		"wrong number": `{"version":1,"host":"bad","types":[{"machines":[{"memory":1e99}]}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			s, log := open(t)
			put(t, s, "good", "XEN", "a")
			if err := os.WriteFile(filepath.Join(s.dir, "bad.json"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if diff := cmp.Diff([]string{"good"}, s.Hosts()); diff != "" {
					t.Errorf("hosts (-want +got):\n%s", diff)
				}
				if entry, ok := s.Get("bad"); ok {
					t.Errorf("got %+v", entry)
				}
			}
			if got := strings.Count(log.String(), "bad.json"); got != 1 || !strings.Contains(log.String(), "level=WARN") {
				t.Errorf("want one warning that names the file; the log is:\n%s", log)
			}
			put(t, s, "bad", "XEN", "b")
			if diff := cmp.Diff([]string{"bad", "good"}, s.Hosts()); diff != "" {
				t.Errorf("after a scan (-want +got):\n%s", diff)
			}
		})
	}
}

func TestForeignFilesAreLeftAlone(t *testing.T) {
	s, _ := open(t)
	put(t, s, "lab00", "XEN", "a")
	data, err := os.ReadFile(filepath.Join(s.dir, "lab00.json"))
	if err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-2 * staleTemp)
	for _, name := range []string{"copy of lab00.json", ".hidden.json", "notes.txt", tempPrefix + "stale", tempPrefix + "fresh"} {
		path := filepath.Join(s.dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if name != tempPrefix+"fresh" {
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	if diff := cmp.Diff([]string{"lab00/XEN/a"}, labels(s.Query(Filter{}))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	put(t, s, "lab00", "XEN", "b")
	var names []string
	files, err := os.ReadDir(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		names = append(names, f.Name())
	}
	if diff := cmp.Diff([]string{".hidden.json", tempPrefix + "fresh", "copy of lab00.json", "lab00.json", "notes.txt"}, names); diff != "" {
		t.Errorf("only what a crashed writer left may go (-want +got):\n%s", diff)
	}
}

func TestFileNames(t *testing.T) {
	for name, want := range map[string]string{
		"lab00":       "lab00.json",
		"Lab00":       "%4Cab00.json",
		"lab.soho":    "lab.soho.json",
		"../../etc/x": "%2E.%2F..%2Fetc%2Fx.json",
		"me@lab":      "me%40lab.json",
		"fe80::1%2":   "fe80%3A%3A1%252.json",
		"-x":          "%2Dx.json",
		"nul":         "%6Eul.json",
		"com1.lab":    "%63om1.lab.json",
		"computer":    "computer.json",
	} {
		if got := fileName(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
	s, _ := open(t)
	hosts := []string{"../../x", "LAB", "büro", "lab", "nul", strings.Repeat("ü", 127), strings.Repeat("ü", 126) + "u"}
	for _, h := range hosts {
		put(t, s, h, "XEN", "a")
	}
	if got := s.Hosts(); len(got) != len(hosts) {
		t.Errorf("got %d hosts of %d: %q", len(got), len(hosts), got)
	}
	for _, h := range hosts {
		if entry, ok := s.Get(h); !ok || entry.Host != h {
			t.Errorf("%q: got %q, %v", h, entry.Host, ok)
		}
	}
}

func TestPutReportsWhatItCouldNotWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := Open(dir).Put("lab00", "XEN", nil, nil, time.Now())
	if err == nil || !strings.Contains(err.Error(), "lab00") || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v, want an error that names the host and the path", err)
	}
}

func TestWritersAndReadersAtOnce(t *testing.T) {
	first, log := open(t)
	put(t, first, "lab00", "XEN", "start", "start")
	var wait sync.WaitGroup
	for w := range 3 {
		store := Open(first.dir) // as another process has it
		wait.Go(func() {
			for i := range 15 {
				label := fmt.Sprintf("w%d-%d", w, i)
				put(t, store, "lab00", "XEN", label, label)
			}
		})
	}
	for range 2 {
		wait.Go(func() {
			for range 60 {
				got := first.Query(Filter{})
				if len(got) != 2 || got[0].Machine.Label != got[1].Machine.Label {
					t.Errorf("a torn file: %q", labels(got))
				}
			}
		})
	}
	wait.Wait()
	if log.Len() > 0 {
		t.Errorf("the log says %s", log)
	}
}

func FuzzDecode(f *testing.F) {
	good, err := encode(Entry{Host: "lab00", Types: []TypeEntry{{Type: "XEN", Machines: []driver.Machine{testMachine("XEN", "a")}, Problems: []host.Problem{{Path: "/x", Err: errors.New("y")}}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"version":1,"host":"x","types":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		entry, err := decode(data)
		if err != nil {
			return
		}
		again, err := encode(entry)
		if err != nil {
			return // a time that JSON cannot say, brought about by its zone
		}
		second, err := decode(again)
		if err != nil {
			t.Fatalf("%q was written of what was read, and then: %v", again, err)
		}
		if len(second.Types) != len(entry.Types) || second.Host != entry.Host {
			t.Errorf("got %+v, want %+v", second, entry)
		}
	})
}
