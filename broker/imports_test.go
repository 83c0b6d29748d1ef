package broker

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/conbroker/conbroker/"

// layers lists every package with the project's packages that it may import, tests included only where they are in the package
// itself. A package that is missing here fails the test: its place must be thought about first.
var layers = map[string][]string{
	"rpc":                            {},
	"rpc/protocol":                   {},
	"rpc/protocol/internal/gen":      {},
	"rpc/client":                     {"rpc", "rpc/protocol"},
	"consoles/vt":                    {},
	"consoles/cast":                  {},
	"consoles":                       {"consoles/vt", "consoles/cast"},
	"consoles/pty":                   {"consoles"},
	"consoles/attach":                {"consoles"},
	"broker/internal/address":        {},
	"broker/internal/config":         {},
	"broker/internal/host":           {"consoles"},
	"broker/internal/host/local":     {"broker/internal/host", "consoles", "consoles/pty"},
	"broker/internal/prompt":         {},
	"broker/internal/host/sshconfig": {},
	"broker/internal/host/remote":    {"broker/internal/host", "broker/internal/prompt", "consoles"},
	"broker/internal/host/native": {
		"broker/internal/host", "broker/internal/host/remote", "broker/internal/host/sshconfig", "broker/internal/prompt",
	},
	"broker/internal/host/openssh": {
		"broker/internal/host", "broker/internal/host/local", "broker/internal/host/native", "broker/internal/host/remote",
		"broker/internal/host/sshconfig", "broker/internal/prompt",
	},
	"broker/internal/host/hosttest":    {"broker/internal/host", "broker/internal/prompt", "consoles"},
	"broker/internal/driver":           {"broker/internal/host", "consoles"},
	"broker/internal/driver/pm":        {"broker/internal/driver", "broker/internal/host", "consoles"},
	"broker/internal/driver/qemu/qmp":  {},
	"broker/internal/driver/qemu":      {"broker/internal/config", "broker/internal/driver", "broker/internal/driver/qemu/qmp", "broker/internal/host", "consoles"},
	"broker/internal/driver/xen/xlcfg": {"broker/internal/config"},
	"broker/internal/driver/xen":       {"broker/internal/config", "broker/internal/driver", "broker/internal/driver/xen/xlcfg", "broker/internal/host", "consoles"},
	"broker/internal/inventory":        {"broker/internal/address", "broker/internal/config", "broker/internal/driver", "broker/internal/host"},
	"broker/internal/tunnel":           {},
	"broker/internal/table":            {"consoles/vt", "rpc/protocol"},
	"broker/internal/endpoint":         {"broker/internal/host", "broker/internal/host/local"},
	"broker/internal/terminal":         {"consoles", "consoles/attach"},
}

// libraries lists the third-party modules that only one place may import.
var libraries = map[string][]string{
	"github.com/sourcegraph/jsonrpc2": {"rpc"},
	"golang.org/x/crypto/ssh":         {"broker/internal/host/"},
	"github.com/creack/pty":           {"consoles/pty"},
	"github.com/BurntSushi/toml":      {"broker/internal/config"},
}

// listed is what "go list -json" says of a package.
type listed struct {
	ImportPath string
	Imports    []string
}

// packages lists the packages of the project.
func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestImportsRunOneWay(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		allowed, known := layers[name]
		if !known && !isTop(name) {
			t.Errorf("package %s has no place in the layers", name)
		}
		for _, imported := range p.Imports {
			if project, ok := strings.CutPrefix(imported, module); ok && !isTop(name) && !slices.Contains(allowed, project) {
				t.Errorf("%s must not import %s", name, project)
			}
		}
	}
}

// isTop tells whether a package stands above all others: the broker, its program, the end-to-end tests, and what only demos run.
func isTop(name string) bool {
	return name == "broker" || name == "broker/internal/e2e" || strings.HasPrefix(name, "broker/cmd/") || strings.HasPrefix(name, "testdata/")
}

func TestNothingImportsTheProgram(t *testing.T) {
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			if strings.HasPrefix(imported, module+"broker/cmd/") || imported == module+"broker" && !strings.Contains(p.ImportPath, "/cmd/") {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
	}
}

func TestLibrariesAreImportedInOnePlace(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		for _, imported := range p.Imports {
			for library, places := range libraries {
				if strings.HasPrefix(imported, library) && !slices.ContainsFunc(places, func(place string) bool { return strings.HasPrefix(name+"/", place) }) {
					t.Errorf("%s imports %s, which belongs in %v", name, imported, places)
				}
			}
		}
	}
}
