package endpoint

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

const (
	// readyWait is how long a daemon may take to get ready.
	readyWait = 10 * time.Second
	// maxLog is the size in bytes from which the log is begun anew when a daemon starts.
	maxLog = 1 << 20
	// maxSaid bounds what an error repeats of the log.
	maxSaid = 2 << 10
)

// Daemon is how a daemon is started.
type Daemon struct {
	// Argv is the program, as a path, and its arguments.
	Argv []string
	// Env is its environment; nil means this process's own.
	Env []string
	// Dir is its working directory; empty means the root directory, so that it keeps no file system busy.
	Dir string
}

// Spawn starts a daemon that outlives this process: a session of its own, no stdin, stdout and stderr in p.Log. It returns
// when the daemon has called [Ready], or a *[StartError] with its last words. A daemon that does not get ready in time is
// killed. The caller holds the start lock, as in [Connect].
func Spawn(ctx context.Context, p Place, d Daemon) error {
	ctx, cancel := context.WithTimeout(ctx, readyWait)
	defer cancel()
	log, begin, err := openLog(p.Log)
	if err != nil {
		return fmt.Errorf("open the daemon's log: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(d.Argv[0], d.Argv[1:]...)
	cmd.Env, cmd.Dir = d.Env, cmp.Or(d.Dir, rootDir)
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Stdout, cmd.Stderr = log, log
	detach(cmd)
	if err := startUntilReady(ctx, p, cmd); err != nil {
		return &StartError{Argv: d.Argv, Err: err, Said: lastWords(log, begin), Log: p.Log}
	}
	return nil
}

// openLog opens the log for appending and returns where it ends now.
func openLog(path string) (*os.File, int64, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && info.Size() > maxLog {
		if err = f.Truncate(0); err == nil {
			return f, 0, nil
		}
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// lastWords returns the end of what was written to the log since begin, without control characters.
func lastWords(log *os.File, begin int64) string {
	info, err := log.Stat()
	if err != nil {
		return ""
	}
	begin = max(begin, info.Size()-maxSaid)
	data, err := io.ReadAll(io.NewSectionReader(log, begin, maxSaid))
	if err != nil {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(data), "\uFFFD"))
}

// reap waits for a started daemon in a goroutine that lives as long as it does, so that it leaves no zombie, and returns
// how it ended.
func reap(cmd *exec.Cmd) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- cmp.Or(cmd.Wait(), errEnded) }()
	return ended
}

// errEnded is a daemon that ended with status 0 before it was ready.
var errEnded = errors.New("it ended before it was ready")

// errSlow is a daemon that lives and is not ready.
var errSlow = errors.New("it was not ready in time")
