//go:build unix && !linux

package pty

// awaitExit returns at once: os/exec waits with a thread of its own.
func awaitExit(int) {}
