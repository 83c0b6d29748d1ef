package terminal

import "os"

// plainInput reads a file; nothing ends a read that waits.
type plainInput struct{ f *os.File }

func newInput(f *os.File) (input, error) { return plainInput{f}, nil }

func (in plainInput) read(p []byte) (int, error) { return in.f.Read(p) }
func (in plainInput) cancel()                    {}
func (in plainInput) interruptible() bool        { return false }
