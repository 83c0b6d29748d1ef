package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/conbroker/conbroker/rpc"
)

const (
	// exitWait bounds how long a broker's process may take to exit after the conversation has ended.
	exitWait = 5 * time.Second
	// pipeWait bounds how long others that inherited its standard error may hold that open.
	pipeWait = time.Second
	// maxStderr is how much of the end of its standard error is kept, in bytes.
	maxStderr = 4 << 10
)

// Start runs a broker as a child process that speaks on its standard input and output, such as {"conbroker", "stdio"}, and opens
// the conversation. ctx bounds the opening only. Close ends the process. Errors carry the last lines of its standard error.
func Start(ctx context.Context, argv []string, o Options) (*Client, error) {
	if len(argv) == 0 {
		return nil, errors.New("start a broker: the command is empty")
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	p := &process{cmd: cmd, patience: exitWait}
	cmd.Stderr = &p.stderr
	cmd.WaitDelay = pipeWait
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", argv[0], err), stdin.Close())
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	return open(ctx, rpc.Stdio(stdout, stdin), o, p)
}

// process is a broker that the client started.
type process struct {
	cmd      *exec.Cmd
	stderr   tail
	patience time.Duration // how long wait waits before it kills
}

// wait waits for the end of the process, and kills it if that does not come in time.
func (p *process) wait() error {
	var err error // of Wait, valid when exited is closed
	exited := make(chan struct{})
	go func() {
		err = p.cmd.Wait()
		close(exited)
	}()
	timeout := time.NewTimer(p.patience)
	defer timeout.Stop()
	select {
	case <-exited:
	case <-timeout.C:
		// It fails only if the process has just exited, which Wait is about to say.
		_ = p.cmd.Process.Kill()
		<-exited
		err = fmt.Errorf("killed: it did not exit within %v", p.patience)
	}
	if err == nil || errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	return fmt.Errorf("%s: %w%s", p.cmd.Args[0], err, p.stderr.lines())
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

// Write implements io.Writer; it never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	if extra := len(t.kept) - maxStderr; extra > 0 {
		t.kept = append(t.kept[:0], t.kept[extra:]...)
	}
	return len(p), nil
}

// lines returns what was kept as the end of an error message, without what a terminal would obey.
func (t *tail) lines() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' {
			return ' '
		}
		return r
	}, string(bytes.ToValidUTF8(t.kept, nil)))
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	return ": it said: " + strings.ReplaceAll(text, "\n", "; ")
}
