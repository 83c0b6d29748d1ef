package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conbroker/conbroker/rpc/client"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// write puts a machine file into the bed.
func (b *bed) write(name, text string) string {
	b.t.Helper()
	file := filepath.Join(b.machines, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
	return file
}

// edited is the machine file of tst100 with one text replaced.
func (b *bed) edited(from, to string) string {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(b.machines, "tst100.toml"))
	if err != nil {
		b.t.Fatal(err)
	}
	if !strings.Contains(string(text), from) {
		b.t.Fatalf("the machine file has no %q", from)
	}
	return strings.Replace(string(text), from, to, 1)
}

func TestMachineFilesWithMistakes(t *testing.T) {
	b := newBed(t, "tst100")
	good, err := os.ReadFile(filepath.Join(b.machines, "tst100.toml"))
	if err != nil {
		t.Fatal(err)
	}
	kernel := strings.TrimSpace(b.run("sed", "-n", `s/^kernel = //p`, filepath.Join(b.machines, "tst100.toml")))
	k := b.start("off", client.Handlers{})
	for name, c := range map[string]struct {
		from, to, says string
		problems       int // in ENUMERATE, which reads the file and does not look for what it names
	}{
		"an unknown key":             {"memory = ", "memroy = ", "memroy", 1},
		"a missing kernel":           {kernel, `"/no such/vmlinuz"`, "/no such/vmlinuz", 0},
		"a kernel that is no file":   {kernel, `"/tmp"`, "/tmp", 0},
		"a malformed mac":            {"00:50:56:13:11:40", "00:50:56", "00:50:56", 1},
		"a value of the wrong type":  {"vcpus = 1", `vcpus = "one"`, "vcpus", 1},
		"something that is not TOML": {"vcpus = 1", `vcpus = = 1`, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			file := b.write("tst100.toml", b.edited(c.from, c.to))
			defer b.write("tst100.toml", string(good))
			_, err := k.SessionCreate(t.Context(), &protocol.SessionCreateParams{Address: b.address("tst100")})
			e := wantCode(t, err, protocol.CodeConfigInvalid)
			if e.Data.File != file || e.Data.Line == 0 || !strings.Contains(e.Message, c.says) {
				t.Errorf("error %q, data %+v", e.Message, e.Data)
			}
			result, err := k.MachineEnumerate(t.Context(), &protocol.MachineEnumerateParams{BasePaths: []string{b.machines}})
			if err != nil || len(result.Problems) != c.problems {
				t.Errorf("enumerate tells: %+v, %v", result, err)
			}
		})
	}
	if running := b.qemu(); len(running) != 0 {
		t.Errorf("something was started: %v", running)
	}
}

func TestTwoMachinesWithOneLabel(t *testing.T) {
	b := newBed(t, "tst100")
	b.write("backup/tst100.toml", b.edited("6842caf9", "6842caf0"))
	k := b.start("off", client.Handlers{})
	_, err := k.SessionCreate(t.Context(), &protocol.SessionCreateParams{Address: b.address("tst100")})
	if e := wantCode(t, err, protocol.CodeAmbiguous); len(e.Data.Candidates) != 2 {
		t.Errorf("candidates %+v", e.Data.Candidates)
	}
	said := b.fails(1, "create", "--remote=off", "l:tst100,b:"+b.machines)
	if !strings.Contains(said, "backup/tst100.toml") || !strings.Contains(said, filepath.Join(b.machines, "tst100.toml")) {
		t.Errorf("the command line does not name the candidates:\n%s", said)
	}
	_, err = k.SessionCreate(t.Context(), &protocol.SessionCreateParams{Address: b.address("tst999")})
	wantCode(t, err, protocol.CodeNotFound)
}

func TestWithoutQEMU(t *testing.T) {
	b := newBed(t, "tst100")
	bin := filepath.Join(b.dir, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{"sh", "cat", "uname", "id", "env", "mkdir", "rm", "stat", "ps", "find", "flock"} {
		if path, err := filepath.EvalSymlinks("/usr/bin/" + tool); err == nil {
			if err := os.Symlink(path, filepath.Join(bin, tool)); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.env = append(b.env, "PATH="+bin)
	k := b.start("off", client.Handlers{})
	_, err := k.SessionCreate(t.Context(), &protocol.SessionCreateParams{Address: b.address("tst100")})
	if e := wantCode(t, err, protocol.CodeUnsupported); !strings.Contains(e.Message, "apt-get install") {
		t.Errorf("the error does not say what mends it: %q", e.Message)
	}
	info, err := k.HostInfo(t.Context(), &protocol.HostReportParams{Types: []string{"QEMU"}})
	if err != nil || info.Reports[0].Drivers[0].State != protocol.DriverDisabled {
		t.Errorf("info %+v, %v", info, err)
	}
	list, err := k.SessionList(t.Context(), &protocol.SessionListParams{})
	if err != nil || len(list.Errors) != 0 {
		t.Errorf("a host without QEMU is no failure of list: %+v, %v", list, err)
	}
}

func TestSocketDirectoryOfSomebodyElse(t *testing.T) {
	b := newBed(t)
	place := filepath.Join(b.dir, "run", "conbroker")
	if err := os.Mkdir(place, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(place, 0o777); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := os.Chown(place, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	for _, remote := range []string{"auto", "off"} {
		if said := b.fails(1, "list", "--remote="+remote); !strings.Contains(said, place) {
			t.Errorf("the error does not name the directory: %s", said)
		}
	}
	if len(b.processes("daemon")) != 0 {
		t.Error("a daemon was started all the same")
	}
}
