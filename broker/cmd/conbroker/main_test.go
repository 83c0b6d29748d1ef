package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conbroker/conbroker/rpc/protocol"
)

// askVariable, when set in the environment, makes the test binary ask for a secret on its terminal and print the answer.
const askVariable = "CONBROKER_TEST_ASK"

// TestMain makes the test binary the program itself when it is called by the program's name.
func TestMain(m *testing.M) {
	if strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") == "conbroker" {
		main()
	}
	if prompt := os.Getenv(askVariable); prompt != "" {
		answer, err := newPrompter(newApp()).read(protocol.PromptParams{
			ID: "p1", Host: "lab00\x1b[2J", User: "anna", Prompt: prompt, Secret: prompt == "Password:",
		})
		fmt.Printf("answered %d bytes, %v\n", len(answer), err)
		os.Exit(0)
	}
	runTests(m)
}
