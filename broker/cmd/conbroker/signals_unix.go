//go:build unix

package main

import (
	"os"
	"syscall"
)

// brokenPipe is the signal of a write that nobody reads.
func brokenPipe() []os.Signal { return []os.Signal{syscall.SIGPIPE} }
