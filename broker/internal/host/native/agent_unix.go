//go:build unix

package native

import (
	"context"
	"io"
	"net"
)

// defaultAgent is where the agent is if SSH_AUTH_SOCK does not say: nowhere.
const defaultAgent = ""

func dialAgent(ctx context.Context, path string) (io.ReadWriteCloser, error) {
	return new(net.Dialer).DialContext(ctx, "unix", path)
}
