package main

import (
	"os"
	"syscall"
)

// brokenPipe is the signal of a write that nobody reads. Windows has none, and never sends this one.
func brokenPipe() []os.Signal { return []os.Signal{syscall.SIGPIPE} }
