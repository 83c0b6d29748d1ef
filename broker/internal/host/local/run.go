package local

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/conbroker/conbroker/broker/internal/host"
)

const (
	// outputGrace is how long output is awaited after the command ended, while something it left behind holds the pipe.
	outputGrace = 500 * time.Millisecond
	// killGrace is how long a killed command may take to go before Run returns without it.
	killGrace = 2 * time.Second
)

// Run runs a command as a process group of its own. When ctx ends, the whole group is killed. What the command leaves
// running when it ends by itself, such as a daemon, goes on.
func (h *Host) Run(ctx context.Context, c host.Command) (host.Result, error) {
	action := "run " + commandName(c.Argv)
	if err := ctx.Err(); err != nil {
		return host.Result{}, h.failure(action, err)
	}
	if !h.begin() {
		return host.Result{}, h.errClosed(action)
	}
	cmd, err := h.command(c)
	if err != nil {
		h.work.Done()
		return host.Result{}, h.failure(action, err)
	}
	stdout, stderr := newKeeper(c.Limit), newKeeper(c.Limit)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, stdout, stderr
	if err := cmd.Start(); err != nil {
		h.work.Done()
		return host.Result{}, h.failure(action, startReason(err))
	}
	if err := h.await(ctx, cmd); err != nil {
		return host.Result{}, h.failure(action, err)
	}
	return host.Result{
		Stdout: stdout.kept.Bytes(), Stderr: stderr.kept.Bytes(),
		ExitCode: exitCode(cmd.ProcessState), Truncated: stdout.dropped || stderr.dropped,
	}, nil
}

// await reaps a started command. When ctx or the host ends first it kills the command's group and waits a little longer;
// a command that does not go even then is reaped whenever it does.
func (h *Host) await(ctx context.Context, cmd *exec.Cmd) error {
	ended := make(chan error, 1)
	go func() {
		defer h.work.Done()
		ended <- cmd.Wait()
	}()
	select {
	case err := <-ended:
		return waitReason(err)
	case <-ctx.Done():
	case <-h.life.Done():
	}
	killGroup(cmd.Process)
	t := time.NewTimer(killGrace)
	defer t.Stop()
	reason := cmp.Or(context.Cause(ctx), errors.New("the host was closed"))
	select {
	case err := <-ended:
		return errors.Join(reason, waitReason(err))
	case <-t.C:
		return reason
	}
}

// command builds the process, still to be started.
func (h *Host) command(c host.Command) (*exec.Cmd, error) {
	argv, path, err := h.resolve(c)
	if err != nil {
		return nil, err
	}
	cmd := &exec.Cmd{Path: path, Args: argv, Dir: c.Dir, WaitDelay: outputGrace}
	cmd.Env = append(os.Environ(), c.Env...)
	ownGroup(cmd)
	return cmd, nil
}

// resolve applies the escalation and finds the program.
func (h *Host) resolve(c host.Command) (argv []string, path string, err error) {
	if err := host.CheckCommand(c); err != nil {
		return nil, "", err
	}
	if path, err = lookPath(c.Argv[0]); err != nil {
		return nil, "", err
	}
	if err := checkDir(c.Dir); err != nil {
		return nil, "", err
	}
	if !c.Raised || !canRaise() {
		return c.Argv, path, nil
	}
	raised := h.options.Escalation.Wrap(path, c)
	if len(raised) == len(c.Argv) {
		return c.Argv, path, nil
	}
	path, err = lookPath(raised[0])
	return raised, path, err
}

// checkDir tells a missing working directory from a missing program, which exec reports alike.
func checkDir(dir string) error {
	if dir == "" {
		return nil
	}
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return fmt.Errorf("working directory %s: %w", dir, fileReason(err))
	case !info.IsDir():
		return fmt.Errorf("working directory %s is not a directory", dir)
	}
	return nil
}

// lookPath finds a program in PATH and then where system programs are, which the PATH of a user often lacks.
func lookPath(name string) (string, error) {
	path, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrNotFound) && !strings.ContainsRune(name, filepath.Separator) {
		for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin"} {
			if found, sbinErr := exec.LookPath(filepath.Join(dir, name)); sbinErr == nil {
				return found, nil
			}
		}
	}
	if err != nil {
		return "", startReason(err)
	}
	return path, nil
}

// startReason names the reason for which a program cannot be started.
func startReason(err error) error {
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, exec.ErrDot), errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %w", host.ErrNotInstalled, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: %w", host.ErrPermission, err)
	}
	return err
}

// waitReason drops what only tells an exit status, or that something the command left behind still holds its output.
func waitReason(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) || errors.Is(err, exec.ErrWaitDelay) || errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}

// commandName is the program for messages.
func commandName(argv []string) string {
	if len(argv) == 0 {
		return "an empty command"
	}
	return argv[0]
}

// keeper keeps the first limit bytes written to it and drops the rest.
type keeper struct {
	kept    bytes.Buffer
	limit   int
	dropped bool
}

func newKeeper(limit int) *keeper {
	return &keeper{limit: cmp.Or(max(limit, 0), host.DefaultLimit)}
}

// Write never fails, so that the command can always finish.
func (k *keeper) Write(p []byte) (int, error) {
	head := p[:min(len(p), k.limit-k.kept.Len())]
	k.dropped = k.dropped || len(head) < len(p)
	k.kept.Write(head)
	return len(p), nil
}
