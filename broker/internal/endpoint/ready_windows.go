package endpoint

import (
	"context"
	"errors"
	"os/exec"
)

const rootDir = `C:\`

// startUntilReady starts the daemon and waits until it answers on its socket, since Windows hands no pipes on.
func startUntilReady(ctx context.Context, p Place, cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := reap(cmd)
	for {
		if _, err := Probe(ctx, p); err == nil {
			return nil
		}
		select {
		case err := <-ended:
			return err
		default:
		}
		if !pause(ctx, lockRetry) {
			return errors.Join(errSlow, context.Cause(ctx), cmd.Process.Kill())
		}
	}
}

// Ready does nothing on Windows, where the starter asks the socket.
func Ready() error { return nil }
