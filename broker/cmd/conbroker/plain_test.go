//go:build !unix

package main

import (
	"os"
	"testing"
)

// runTests runs the tests that need no scripts.
func runTests(m *testing.M) { os.Exit(m.Run()) }
