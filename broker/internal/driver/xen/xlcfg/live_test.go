//go:build xenlab && linux

package xlcfg

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// updating makes the verdicts of the lab the recorded ones: go test -tags xenlab -run TestXlStillSays . -update
var updating = flag.Bool("update", false, "record what the lab's xl says")

// judge is run on the host: it reads the corpus as a tar file and prints, as another one, what xl says to each file.
const judge = `set -eu
dir=$(mktemp -d)
cd "$dir"
mkdir in out
tar xf - -C in
cd in
sudo -n sh -c 'for file in *.cfg; do
	code=0
	xl create -n "$file" >"../out/$file.stdout" 2>"../out/$file.stderr" || code=$?
	echo "$code" >"../out/$file.exit"
done'
cd ..
tar cf - -C out .
sudo -n rm -r "$dir"`

// TestXlStillSays compares what the lab's xl says about the corpus with what is recorded.
func TestXlStillSays(t *testing.T) {
	live := verdicts(t, bootedLab(t))
	if *updating {
		text, err := json.MarshalIndent(live, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("testdata/golden.json", append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(goldens(t), live); diff != "" {
		t.Errorf("(-recorded +xl):\n%s", diff)
	}
}

// bootedLab boots a host and returns the command that runs a script there.
func bootedLab(t *testing.T) func(script string, stdin io.Reader) []byte {
	t.Helper()
	n, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(n.Addr().(*net.TCPAddr).Port)
	n.Close()
	dir := t.TempDir()
	script := func(name string, args ...string) {
		cmd := exec.Command(filepath.Join("../../../../../testdata/xenlab", name), args...)
		cmd.Env = append(os.Environ(), "CONBROKER_XENLAB_RUN="+dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	t.Cleanup(func() { script("stop.sh") })
	script("boot.sh", "lab00", port)
	return func(script string, stdin io.Reader) []byte {
		cmd := exec.Command("ssh", "-F", filepath.Join(dir, "lab00", "ssh_config"), "lab00", script)
		cmd.Stdin = stdin
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, &stderr)
		}
		return out
	}
}

// verdicts asks the lab's xl.
func verdicts(t *testing.T, run func(string, io.Reader) []byte) map[string]verdict {
	t.Helper()
	var files bytes.Buffer
	w := tar.NewWriter(&files)
	for name, text := range corpus() {
		if err := w.WriteHeader(&tar.Header{Name: name + ".cfg", Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	said := make(map[string]string)
	r := tar.NewReader(bytes.NewReader(run(judge, &files)))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		said[filepath.Base(h.Name)] = strings.ToValidUTF8(string(data), "\uFFFD")
	}
	all := make(map[string]verdict)
	for name, text := range corpus() {
		v := verdict{Stderr: complaints(said[name+".cfg.stderr"]), Understood: understand(t, said[name+".cfg.stdout"], text)}
		v.Exit, _ = strconv.Atoi(strings.TrimSpace(said[name+".cfg.exit"]))
		all[name] = v
	}
	return all
}

// complaints leaves out what xl always says.
func complaints(stderr string) string {
	var kept []string
	for line := range strings.SplitSeq(stderr, "\n") {
		if line != "" && !strings.HasPrefix(line, "Parsing config") && !strings.Contains(line, "Aborted") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

// understand picks from what xl prints; a UUID counts if the file has one, the others are made up.
func understand(t *testing.T, output, text string) *understood {
	if strings.TrimSpace(output) == "" {
		return nil
	}
	var xl struct {
		Info struct{ Name, UUID string } `json:"c_info"`
		B    struct {
			Kernel, Ramdisk, Cmdline string
			Max                      int64                       `json:"max_memkb"`
			VCPUs                    int64                       `json:"max_vcpus"`
			Args                     []string                    `json:"extra"`
			VNUMA                    []struct{ Distances []int } `json:"vnuma_nodes"`
		} `json:"b_info"`
		NICs []map[string]any
		VFBs []struct{ VNC map[string]any }
	}
	if err := json.Unmarshal([]byte(output), &xl); err != nil {
		t.Fatalf("%v in %s", err, output)
	}
	u := &understood{Name: xl.Info.Name, Kernel: xl.B.Kernel, Ramdisk: xl.B.Ramdisk, Cmdline: xl.B.Cmdline, Memory: xl.B.Max, VCPUs: xl.B.VCPUs, Args: xl.B.Args}
	if strings.Contains(text, "uuid =") {
		u.UUID = xl.Info.UUID
	}
	for _, n := range xl.B.VNUMA {
		u.VNUMA = append(u.VNUMA, n.Distances)
	}
	for _, n := range xl.NICs {
		kept := make(map[string]string)
		for _, key := range []string{"mac", "bridge", "ip", "model"} {
			if value, ok := n[key].(string); ok {
				kept[key] = value
			}
		}
		u.NICs = append(u.NICs, kept)
	}
	for _, fb := range xl.VFBs {
		u.VNC = append(u.VNC, fb.VNC)
	}
	return u
}
