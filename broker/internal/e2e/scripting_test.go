package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// script matches a script in the document: its name in a comment, then the fenced text.
var script = regexp.MustCompile("(?s)<!-- run: ([a-z.]+) -->\n```[a-z]+\n(.*?)```\n")

// TestScriptsOfTheDocument runs the scripts of docs/scripting.md as they stand there.
func TestScriptsOfTheDocument(t *testing.T) {
	text, err := os.ReadFile("../../../docs/scripting.md")
	if err != nil {
		t.Fatal(err)
	}
	scripts := script.FindAllStringSubmatch(string(text), -1)
	if len(scripts) != 3 {
		t.Fatalf("the document has %d scripts, want 3", len(scripts))
	}
	run := map[string]string{".sh": "sh", ".py": "python3", ".mjs": "node"}
	for _, s := range scripts {
		t.Run(s[1], func(t *testing.T) {
			b := newBed(t, "tst100")
			file := filepath.Join(b.dir, s[1])
			if err := os.WriteFile(file, []byte(s[2]), 0o600); err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(file, ".mjs") {
				installJSONRPC(t, b)
			}
			said := b.run(run[filepath.Ext(file)], file, filepath.Join(b.machines, "tst100.toml"))
			if !regexp.MustCompile(`^the guest runs Linux \d+\.\d+\S*\n$`).MatchString(said) {
				t.Errorf("the script printed %q", said)
			}
			if running := b.qemu(); len(running) != 0 {
				t.Errorf("left running: %v", running)
			}
		})
	}
}

// installJSONRPC puts vscode-jsonrpc beside the script: the version that the document names, kept in the cache.
func installJSONRPC(t *testing.T, b *bed) {
	t.Helper()
	const pinned = "vscode-jsonrpc@8.2.1"
	cached := filepath.Join(cacheDir(t), "conbroker", pinned)
	if _, err := os.Stat(filepath.Join(cached, "node_modules", "vscode-jsonrpc", "package.json")); err != nil {
		fresh := b.dir + "/npm"
		install := exec.Command("npm", "install", "--no-audit", "--no-fund", "--prefix", fresh, pinned)
		var out bytes.Buffer
		install.Stdout, install.Stderr = &out, &out
		if err := install.Run(); err != nil {
			t.Fatalf("npm install %s: %v\n%s", pinned, err, out.String())
		}
		if out, err := exec.Command("cp", "-RT", fresh, cached).CombinedOutput(); err != nil {
			t.Fatalf("keep %s: %v\n%s", pinned, err, out)
		}
	}
	if err := os.Symlink(filepath.Join(cached, "node_modules"), filepath.Join(b.dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
}
