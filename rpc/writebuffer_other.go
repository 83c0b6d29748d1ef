//go:build !linux

package rpc

import (
	"errors"
	"os"
)

// setWriteBuffer is not possible here: replies wait for more output.
func setWriteBuffer(*os.File, int) error { return errors.ErrUnsupported }
