// Gen writes what is derived from package protocol: the dispatcher, the Go client's methods, the OpenRPC document, the reference
// for people, the TypeScript types and the Emacs Lisp tables. It is run by "go generate ./rpc/protocol".
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// output is a generated file; path is relative to the folder of package protocol.
type output struct {
	path   string
	render func(*api) ([]byte, error)
}

func outputs() []output {
	return []output{
		{"methods_gen.go", renderDispatch},
		{"types_gen.go", renderTypes},
		{"../client/methods_gen.go", renderGoClient},
		{"../client/handlers_gen.go", renderHandlers},
		{"../../docs/openrpc.json", renderOpenRPC},
		{"../../docs/protocol.md", renderMarkdown},
		{"../../vscode-ext/src/protocol.ts", renderTypeScript},
		{"../../elisp/conbroker-protocol.el", renderElisp},
	}
}

// run reads the package in dir and writes every output that changed.
func run(dir string) error {
	a, err := load(dir)
	if err != nil {
		return fmt.Errorf("read package protocol: %w", err)
	}
	for _, out := range outputs() {
		content, err := out.render(a)
		if err != nil {
			return fmt.Errorf("render %s: %w", out.path, err)
		}
		if err := write(filepath.Join(dir, out.path), content); err != nil {
			return err
		}
	}
	return nil
}

// write leaves a file alone that has the content already, so that builds see no change.
func write(path string, content []byte) error {
	if old, err := os.ReadFile(path); err == nil && string(old) == string(content) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}
