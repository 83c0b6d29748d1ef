package native

import (
	"context"
	"io"
	"os"
)

// defaultAgent is the named pipe of the agent that comes with Windows.
const defaultAgent = `\\.\pipe\openssh-ssh-agent`

func dialAgent(_ context.Context, path string) (io.ReadWriteCloser, error) {
	return os.OpenFile(path, os.O_RDWR, 0)
}
