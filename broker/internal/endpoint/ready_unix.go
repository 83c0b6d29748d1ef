//go:build unix

package endpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const rootDir = "/"

// readyVariable names the file descriptor on which a daemon tells its starter that it is ready.
const readyVariable = "CONBROKER_READY_FD"

// readyWord is what it writes there.
const readyWord = "ready\n"

// startUntilReady starts the daemon with a pipe to tell on, and waits for the word or for the daemon's end.
func startUntilReady(ctx context.Context, _ Place, cmd *exec.Cmd) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	cmd.ExtraFiles = []*os.File{w}
	cmd.Env = append(cmd.Env, readyVariable+"=3") // the first of ExtraFiles
	err = errors.Join(cmd.Start(), w.Close())
	if err != nil {
		return err
	}
	ended := reap(cmd)
	stop := context.AfterFunc(ctx, func() { _ = r.SetReadDeadline(time.Now()) }) // ends the read
	defer stop()
	said, err := io.ReadAll(io.LimitReader(r, int64(len(readyWord))))
	if string(said) == readyWord {
		return nil
	}
	if err == nil { // the pipe was closed: it ended, or is about to
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
		}
	}
	killErr := cmd.Process.Kill()
	endErr := <-ended
	return errors.Join(errSlow, context.Cause(ctx), ignoreDone(killErr), endErr)
}

func ignoreDone(err error) error {
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// Ready tells the process that started this daemon with [Spawn] that it answers on its socket. In a daemon that was started
// by hand it does nothing. It is called once, before anything else is started, and takes the variable out of the
// environment.
func Ready() error {
	value := os.Getenv(readyVariable)
	if value == "" {
		return nil
	}
	if err := os.Unsetenv(readyVariable); err != nil {
		return err
	}
	fd, err := strconv.Atoi(value)
	if err != nil || fd < 3 {
		return fmt.Errorf("%s is %q: not a file descriptor for this", readyVariable, value)
	}
	unix.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), "ready pipe")
	if info, err := f.Stat(); err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
		return fmt.Errorf("%s is %q: not a pipe", readyVariable, value)
	}
	_, err = io.WriteString(f, readyWord)
	if errors.Is(err, unix.EPIPE) {
		err = nil // the starter has gone; others may come
	}
	return errors.Join(err, f.Close())
}
