//go:build unix

package pty

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/conbroker/conbroker/consoles"
)

const (
	// hangupGrace is how long a process may go on after SIGHUP before it is killed.
	hangupGrace = 2 * time.Second
	// jobPoll is how often Close looks whether a process group has gone: the
	// kernel tells nobody but its parent.
	jobPoll = 5 * time.Millisecond
	// drainTime bounds how long output is awaited after the process has ended,
	// while something it left behind holds the terminal open.
	drainTime = 500 * time.Millisecond
	// lingerTime is how long a process may go on after it has closed its terminal.
	lingerTime = 2 * time.Second
)

// Process is a command on a pseudo-terminal. Close or Wait must be called, as
// by a console that owns it.
type Process struct {
	tty    *terminal
	pid    int
	exited chan struct{} // closed when the process was reaped and exit is set
	exit   consoles.ExitStatus

	closing  sync.Once
	closed   chan struct{} // closed when Close has ended everything
	closeErr error
}

// Start runs c. ctx bounds the start only; the process lives until it ends or
// Close is called. Errors: the context's, and what exec says.
func Start(ctx context.Context, c Command) (*Process, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, startError(c, err)
	}
	cmd := exec.Command(c.Argv[0], c.Argv[1:]...)
	cmd.Dir, cmd.Env = c.Dir, c.Env
	f, err := pty.StartWithSize(cmd, winsize(c.Size))
	if err != nil {
		return nil, startError(c, err)
	}
	tty, err := newTerminal(f)
	if err != nil {
		err = errors.Join(err, cmd.Process.Kill(), ignoreExit(cmd.Wait()))
		return nil, startError(c, err)
	}
	p := &Process{tty: tty, pid: cmd.Process.Pid, exited: make(chan struct{}), closed: make(chan struct{})}
	go p.reap(cmd.Process) // not cmd: it would keep the environment in memory for as long as the process lives
	return p, nil
}

// ignoreExit drops the error that only tells an exit status.
func ignoreExit(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil
	}
	return err
}

// reap waits for the process to end, and then bounds how long its output is
// awaited.
func (p *Process) reap(process *os.Process) {
	awaitExit(p.pid)
	p.exit = exitStatus(process.Wait())
	close(p.exited)
	p.tty.drainUntil(time.Now().Add(drainTime))
}

// Pid returns the process id, which is also that of its process group and session.
func (p *Process) Pid() int { return p.pid }

// Read reads what the terminal prints. It returns io.EOF when nothing has the
// terminal open any more, half a second after the process has ended, or after Close.
func (p *Process) Read(b []byte) (int, error) {
	n, err := p.tty.read(b)
	if err != nil && ended(err) {
		err = io.EOF
	}
	return n, err
}

// ended reports whether err means the end of the terminal. Linux says EIO once
// nobody has the other side open.
func ended(err error) bool {
	return errors.Is(err, syscall.EIO) || errors.Is(err, os.ErrClosed) || errors.Is(err, io.EOF)
}

// Write types b. It blocks while the process does not read; Close unblocks it.
func (p *Process) Write(b []byte) (int, error) {
	n, err := p.tty.write(b)
	if err != nil {
		err = fmt.Errorf("write to the pty of process %d: %w", p.pid, err)
	}
	return n, err
}

// Resize sets the size of the terminal; the process gets SIGWINCH.
func (p *Process) Resize(s consoles.Size) error {
	err := p.tty.control(func(fd uintptr) error {
		w := winsize(s.Clamp())
		return unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: w.Rows, Col: w.Cols})
	})
	if err != nil {
		return fmt.Errorf("resize the pty of process %d: %w", p.pid, err)
	}
	return nil
}

func winsize(s consoles.Size) *pty.Winsize {
	return &pty.Winsize{Cols: uint16(s.Cols), Rows: uint16(s.Rows)}
}

// Wait waits until the process has ended and returns its status. Call it after
// Read has returned io.EOF: a process that has closed its terminal and does not
// end within 2 seconds is hung up.
func (p *Process) Wait() consoles.ExitStatus {
	if !p.endsWithin(lingerTime) {
		_ = p.Close() // what could not be closed is told by the owner's own Close
		if !p.endsWithin(lingerTime) {
			return consoles.ExitStatus{Code: -1, Reason: fmt.Sprintf("process %d does not end, not even when killed", p.pid)}
		}
	}
	return p.exit
}

// Close hangs up the session: SIGHUP to its process group and to the job in the
// foreground, SIGKILL after 2 seconds to what is left of them; then the terminal
// is closed. It returns when the process has been reaped. It may be called at
// any time and more than once. Jobs that were sent to the background and ignore
// SIGHUP live on, as on any terminal.
func (p *Process) Close() error {
	p.closing.Do(func() {
		defer close(p.closed)
		if !p.hasExited() {
			p.hangUp()
		}
		p.closeErr = p.tty.close()
	})
	<-p.closed
	return p.closeErr
}

// hangUp ends the process and the job in the foreground of its terminal.
func (p *Process) hangUp() {
	job := p.foreground()
	p.signal(job, syscall.SIGHUP)
	p.signal(job, syscall.SIGCONT) // a stopped process must see the hangup
	grace := time.NewTimer(hangupGrace)
	defer grace.Stop()
	look := time.NewTicker(jobPoll)
	defer look.Stop()
	exited := p.exited
	for !p.hasExited() || groupLives(job) {
		select {
		case <-exited:
			exited = nil // from now on only the job is waited for
		case <-look.C:
		case <-grace.C:
			p.signal(job, syscall.SIGKILL)
			p.endsWithin(hangupGrace)
			return
		}
	}
}

// foreground returns the process group in the foreground of the terminal, if it
// is not that of the process itself; else 0.
func (p *Process) foreground() (job int) {
	err := p.tty.control(func(fd uintptr) (err error) {
		job, err = unix.IoctlGetInt(int(fd), unix.TIOCGPGRP)
		return err
	})
	if err != nil || job <= 1 || job == p.pid {
		return 0
	}
	return job
}

// groupLives reports whether a process group (0: none) has members.
func groupLives(group int) bool {
	return group != 0 && syscall.Kill(-group, 0) == nil
}

// signal sends sig to the process group of the process, and to job if there is one.
func (p *Process) signal(job int, sig syscall.Signal) {
	if groupLives(job) {
		_ = syscall.Kill(-job, sig) // it may have ended by now
	}
	if !p.hasExited() {
		_ = syscall.Kill(-p.pid, sig) // as above
	}
}

func (p *Process) hasExited() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// endsWithin waits for the end of the process, at most for d.
func (p *Process) endsWithin(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-p.exited:
		return true
	case <-t.C:
		return p.hasExited()
	}
}

// exitStatus describes how a process ended; err is what waiting for it said.
func exitStatus(s *os.ProcessState, err error) consoles.ExitStatus {
	if s == nil {
		return consoles.ExitStatus{Code: -1, Reason: fmt.Sprintf("its exit status is unknown: %v", err)}
	}
	ws, ok := s.Sys().(syscall.WaitStatus)
	if ok && ws.Signaled() {
		name := unix.SignalName(ws.Signal())
		return consoles.ExitStatus{Code: 128 + int(ws.Signal()), Signal: name, Reason: "killed by " + name}
	}
	return consoles.ExitStatus{Code: s.ExitCode(), Reason: fmt.Sprintf("exited with status %d", s.ExitCode())}
}
