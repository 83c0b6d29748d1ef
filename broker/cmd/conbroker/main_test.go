package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMain makes the test binary the program itself when it is called by the program's name.
func TestMain(m *testing.M) {
	if strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") == "conbroker" {
		main()
	}
	runTests(m)
}
