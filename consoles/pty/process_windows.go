package pty

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/charmbracelet/x/conpty"

	"github.com/conbroker/conbroker/consoles"
)

const (
	// drainTime bounds how long output is awaited after the process has ended.
	drainTime = 500 * time.Millisecond
	// lingerTime is how long a process may go on after it has closed its terminal.
	lingerTime = 2 * time.Second
)

// Process is a command on a ConPTY. Close or Wait must be called, as by a
// console that owns it. It has not been tested on Windows.
type Process struct {
	con    *conpty.ConPty
	proc   *os.Process
	exited chan struct{} // closed when exit is set
	exit   consoles.ExitStatus

	closing  sync.Once
	closeErr error
}

// Start runs c. ctx bounds the start only; the process lives until it ends or
// Close is called.
func Start(ctx context.Context, c Command) (*Process, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, startError(c, err)
	}
	con, err := conpty.New(c.Size.Cols, c.Size.Rows, 0)
	if err != nil {
		return nil, startError(c, err)
	}
	pid, _, err := con.Spawn(c.Argv[0], c.Argv, &syscall.ProcAttr{Dir: c.Dir, Env: c.Env, Sys: &syscall.SysProcAttr{}})
	if err != nil {
		return nil, startError(c, errors.Join(err, con.Close()))
	}
	proc, err := os.FindProcess(pid)
	if err != nil {
		return nil, startError(c, errors.Join(err, con.Close()))
	}
	p := &Process{con: con, proc: proc, exited: make(chan struct{})}
	go p.reap()
	return p, nil
}

// reap waits for the process and closes the ConPTY some time later: that alone
// ends Read.
func (p *Process) reap() {
	state, err := p.proc.Wait()
	if err != nil {
		p.exit = consoles.ExitStatus{Code: -1, Reason: fmt.Sprintf("its exit status is unknown: %v", err)}
	} else {
		p.exit = consoles.ExitStatus{Code: state.ExitCode(), Reason: fmt.Sprintf("exited with status %d", state.ExitCode())}
	}
	close(p.exited)
	time.AfterFunc(drainTime, p.closeTerminal)
}

func (p *Process) closeTerminal() {
	p.closing.Do(func() { p.closeErr = p.con.Close() })
}

// Pid returns the process id.
func (p *Process) Pid() int { return p.proc.Pid }

// Read reads what the terminal prints; io.EOF at the end.
func (p *Process) Read(b []byte) (int, error) {
	n, err := p.con.Read(b)
	if err != nil {
		return n, io.EOF
	}
	return n, nil
}

// Write types b.
func (p *Process) Write(b []byte) (int, error) {
	n, err := p.con.Write(b)
	if err != nil {
		err = fmt.Errorf("write to the console of process %d: %w", p.Pid(), err)
	}
	return n, err
}

// Resize sets the size of the terminal.
func (p *Process) Resize(s consoles.Size) error {
	s = s.Clamp()
	if err := p.con.Resize(s.Cols, s.Rows); err != nil {
		return fmt.Errorf("resize the console of process %d: %w", p.Pid(), err)
	}
	return nil
}

// Wait returns how the process ended; one that has closed its terminal and does
// not end within 2 seconds is ended.
func (p *Process) Wait() consoles.ExitStatus {
	t := time.NewTimer(lingerTime)
	defer t.Stop()
	select {
	case <-p.exited:
	case <-t.C:
		_ = p.Close() // what could not be closed is told by the owner's own Close
	}
	return p.exit
}

// Close ends the process and closes the terminal. It may be called at any time
// and more than once.
func (p *Process) Close() error {
	select {
	case <-p.exited:
	default:
		_ = p.proc.Kill() // it may have ended by now
		<-p.exited
	}
	p.closeTerminal()
	return p.closeErr
}
