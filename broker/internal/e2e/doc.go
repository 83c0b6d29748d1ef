// Package e2e tests the program as its users run it: the real binary, the protocol on its standard input and output or through the
// per-user daemon, and a real QEMU guest. It holds nothing but tests.
package e2e
