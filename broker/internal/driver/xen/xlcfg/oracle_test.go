package xlcfg

import (
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/conbroker/conbroker/broker/internal/config"
)

// verdict is what "xl create -n" says about a file.
type verdict struct {
	Exit       int         `json:"exit"`
	Stderr     string      `json:"stderr,omitempty"`
	Understood *understood `json:"understood,omitempty"`
}

// understood are the values that show how the file was read.
type understood struct {
	Name    string              `json:"name"`
	UUID    string              `json:"uuid,omitempty"`
	Kernel  string              `json:"kernel,omitempty"`
	Ramdisk string              `json:"ramdisk,omitempty"`
	Cmdline string              `json:"cmdline,omitempty"`
	Memory  int64               `json:"memory,omitempty"`
	VCPUs   int64               `json:"vcpus,omitempty"`
	Args    []string            `json:"args,omitempty"`
	NICs    []map[string]string `json:"nics,omitempty"`
	VNC     []map[string]any    `json:"vnc,omitempty"`
	VNUMA   [][]int             `json:"vnuma,omitempty"`
}

func goldens(t *testing.T) map[string]verdict {
	t.Helper()
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]verdict
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestCorpusAgreesWithXl compares with what xl 4.17 made of the same files.
func TestCorpusAgreesWithXl(t *testing.T) {
	golden := goldens(t)
	if len(golden) != len(corpus()) {
		t.Errorf("%d verdicts for %d files", len(golden), len(corpus()))
	}
	for name, text := range corpus() {
		t.Run(name, func(t *testing.T) {
			want, ok := golden[name]
			if !ok {
				t.Fatal("xl's verdict is not recorded")
			}
			f, err := Parse([]byte(text), name+".cfg")
			if refused := want.Understood == nil && !isRequest(want.Stderr); refused {
				checkRefusal(t, err, want.Stderr)
				return
			}
			if err != nil {
				t.Fatalf("refused, and xl reads it: %v", err)
			}
			if want.Understood != nil {
				want.Understood.UUID, want.Understood.VNC, want.Understood.VNUMA = "", nil, nil
				if diff := cmp.Diff(want.Understood, read(f)); diff != "" {
					t.Errorf("(-xl +here):\n%s", diff)
				}
			}
		})
	}
}

// isRequest tells xl's complaints about the machine that was asked for from those about the grammar.
func isRequest(stderr string) bool {
	return strings.Contains(stderr, "Domain name must be specified") || strings.Contains(stderr, "Failed to parse UUID")
}

var complaint = regexp.MustCompile(`^\S+\.cfg:(\d+): config parsing error near (<newline>)?`)

// checkRefusal compares the line of the first mistake. Where the mistake is the end of a line, xl names the line before it.
func checkRefusal(t *testing.T, err error, stderr string) {
	t.Helper()
	var mistake *config.Error
	if !errors.As(err, &mistake) {
		t.Fatalf("error %v, and xl says %s", err, stderr)
	}
	if match := complaint.FindStringSubmatch(stderr); match != nil {
		line, _ := strconv.Atoi(match[1])
		if match[2] != "" {
			line++
		}
		if mistake.Line != line {
			t.Errorf("%v, and xl says %s", err, stderr)
		}
	}
	if strings.Contains(stderr, "Python") && !strings.Contains(err.Error(), "Python") {
		t.Errorf("%v does not mention Python", err)
	}
}

// read takes the same values out of a File as xl takes out of it (xl_parse.c).
func read(f *File) *understood {
	u := &understood{}
	u.Name, _ = f.String("name")
	u.Kernel, _ = f.String("kernel")
	u.Ramdisk, _ = f.String("ramdisk")
	u.Cmdline, _ = f.String("extra")
	u.Cmdline = strings.ToValidUTF8(u.Cmdline, "\uFFFD") // as it was recorded
	if n, ok := f.Int("memory"); ok {
		u.Memory = n * 1024
	}
	u.VCPUs, _ = f.Int("vcpus")
	args, _ := f.List("device_model_args")
	for _, a := range args {
		if a.IsList {
			break // xl's list of strings ends where an element is none
		}
		u.Args = append(u.Args, a.Text)
	}
	vifs, _ := f.List("vif")
	for _, v := range vifs {
		u.NICs = append(u.NICs, nic(v.Text))
	}
	return u
}

func nic(text string) map[string]string {
	n := make(map[string]string)
	for part := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(strings.TrimLeft(part, " "), "=")
		switch key {
		case "mac":
			var pairs []string
			for pair := range strings.SplitSeq(strings.ToLower(value), ":") {
				pairs = append(pairs, strings.Repeat("0", 2-len(pair))+pair)
			}
			n[key] = strings.Join(pairs, ":")
		case "bridge", "ip", "model":
			n[key] = value
		}
	}
	return n
}
