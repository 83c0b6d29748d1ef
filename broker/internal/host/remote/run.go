package remote

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/conbroker/conbroker/broker/internal/host"
)

// outputGrace is how long output may pause after a command has ended before what still holds its pipe is left behind.
const outputGrace = time.Second

// Run runs a command in a channel of its own. When ctx ends, the command's process group is killed. What a command leaves
// running when it ends by itself, such as a daemon, goes on.
func (h *Host) Run(ctx context.Context, c host.Command) (host.Result, error) {
	action := "run " + commandName(c.Argv)
	ctx, done, err := h.begin(ctx)
	if err != nil {
		return host.Result{}, h.failure(action, err)
	}
	defer done()
	if err := host.CheckCommand(c); err != nil {
		return host.Result{}, h.failure(action, err)
	}
	var r host.Result
	if c.Raised && h.rights.needed() {
		r, err = h.rights.run(ctx, c)
	} else {
		r, err = h.run(ctx, order{Command: c}, nil)
	}
	if err != nil {
		return host.Result{}, h.failure(action, err)
	}
	return r, nil
}

// commandName is what errors call a command.
func commandName(argv []string) string {
	if len(argv) == 0 {
		return "an empty command"
	}
	return argv[0]
}

// run runs an order. dialogue, if not nil, sees what the command says on stderr after its mark, and writes what it reads.
func (h *Host) run(ctx context.Context, o order, dialogue *dialogue) (host.Result, error) {
	o.mark = rand.Text()
	s, err := h.openSession(ctx)
	if err != nil {
		return host.Result{}, err
	}
	defer s.abandon()
	if err := s.request(ctx, "exec", ssh.Marshal(struct{ Line string }{o.line()})); err != nil {
		return host.Result{}, err
	}
	e := &execution{host: h, session: s, order: o, begun: make(chan string, 1)}
	e.stdout = newOutput(o.mark, o.Limit, func(word string) { e.begun <- word })
	e.stderr = newOutput(o.mark, o.Limit, nil)
	e.copy(dialogue)
	if err := e.await(ctx); err != nil {
		return host.Result{}, err
	}
	return e.result()
}

// execution is a command that runs.
type execution struct {
	host           *Host
	session        *session
	order          order
	stdout, stderr *output
	// begun gets the word that the host told before the command began.
	begun chan string
	// copied is closed when all output was read.
	copied chan struct{}
}

// copy starts reading the output and writing the input.
func (e *execution) copy(d *dialogue) {
	var reading sync.WaitGroup
	e.copied = make(chan struct{})
	work := &e.host.work
	reading.Add(2)
	work.Go(func() {
		defer reading.Done()
		_, _ = io.Copy(e.stdout, e.session) // the end of the channel is judged by its status
	})
	work.Go(func() {
		defer reading.Done()
		_, _ = io.Copy(d.watch(e.stderr, e.session), e.session.Stderr())
		d.flush()
	})
	work.Go(func() {
		reading.Wait()
		close(e.copied)
	})
	go e.feed(d) // it ends when the reader it was given does, so nobody waits for it
}

// feed writes what the command reads.
func (e *execution) feed(d *dialogue) {
	if !d.ready(e.session.ended) {
		return
	}
	if e.order.Stdin != nil {
		_, _ = io.Copy(e.session, e.order.Stdin) // a command need not read all
	}
	_ = e.session.CloseWrite()
}

// await waits for the end of the command and of its output. When ctx ends first, the command is killed.
func (e *execution) await(ctx context.Context) error {
	exited := e.session.exited
	look := time.NewTimer(time.Hour)
	defer look.Stop()
	var seen int64 = -1
	for {
		select {
		case <-e.copied:
			return nil
		case <-e.session.ended:
			<-e.copied
			return nil
		case <-exited:
			exited = nil
			look.Reset(outputGrace)
		case <-look.C:
			now := e.stdout.arrived.Load() + e.stderr.arrived.Load()
			if now == seen {
				return e.session.closeWithin(ctx, e.copied)
			}
			seen = now
			look.Reset(outputGrace)
		case <-ctx.Done():
			e.kill()
			return context.Cause(ctx)
		}
	}
}

// closeWithin closes the channel and waits until its output has ended.
func (s *session) closeWithin(ctx context.Context, copied <-chan struct{}) error {
	s.abandon()
	select {
	case <-copied:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// kill ends the command's process group: by a signal through the channel, which OpenSSH sends since 7.9 for users other
// than root, else by a second command; by that at once if the command was raised, because a signal counts as sent when it
// reaches only a part of the group. It waits a little for the end.
func (e *execution) kill() {
	ended := make(chan struct{})
	work := &e.host.work
	work.Go(func() {
		defer close(ended)
		defer e.session.abandon()
		if e.order.raise != nil {
			e.killByCommand()
			return
		}
		ok, err := e.session.SendRequest("signal", true, ssh.Marshal(struct{ Name string }{"KILL"}))
		if err == nil && !ok {
			e.killByCommand()
		}
	})
	t := time.NewTimer(killGrace)
	defer t.Stop()
	select {
	case <-ended:
	case <-t.C:
	}
}

// killByCommand kills the process group whose leader's number the host told.
func (e *execution) killByCommand() {
	ctx, cancel := context.WithTimeout(context.Background(), killGrace)
	defer cancel()
	var word []string
	select {
	case w := <-e.begun:
		word = strings.Fields(w)
	case <-ctx.Done():
	}
	if len(word) < 2 {
		return
	}
	c := host.Command{Argv: killArgv(word[1])}
	if isRaised(word) {
		e.host.rights.runQuietly(ctx, c)
		return
	}
	_, _ = e.host.run(ctx, order{Command: c}, nil) // the command may have ended by itself
}

// isRaised reads from the words of run.sh whether a command got other rights than those of the login.
func isRaised(word []string) bool { return len(word) == 3 && word[2] == "raised" }

// result puts together what the command left, after the output has ended.
func (e *execution) result() (host.Result, error) {
	word := ""
	select {
	case word = <-e.begun:
	default:
	}
	if err := e.beginning(word); err != nil {
		return host.Result{}, err
	}
	status, err := e.session.status()
	if err != nil {
		return host.Result{}, err
	}
	return host.Result{
		Stdout: e.stdout.kept.Bytes(), Stderr: e.stderr.kept.Bytes(),
		ExitCode: status.Code, Truncated: e.stdout.dropped || e.stderr.dropped,
	}, nil
}

// beginning judges the word that the host told, or its absence.
func (e *execution) beginning(word string) error {
	if word != "" {
		return wordReason(word, e.order)
	}
	if err := e.session.link.reason(0); err != nil {
		return err
	}
	if _, err := e.session.status(); err != nil {
		return err
	}
	return silentShell(e.stdout.said() + "\n" + e.stderr.said())
}

// silentShell is the error for a login shell that ran nothing.
func silentShell(said string) error {
	if said = strings.TrimSpace(said); said == "" {
		said = "nothing"
	}
	return fmt.Errorf("%w: the login shell there did not run the command; it said: %s", host.ErrPermission, said)
}

// wordReason turns the word of run.sh into a reason.
func wordReason(word string, o order) error {
	switch word {
	case "missing":
		return fmt.Errorf("%w: %s is in no directory of the PATH there", host.ErrNotInstalled, o.Argv[0])
	case "denied":
		return fmt.Errorf("%w: %s may not be executed", host.ErrPermission, o.Argv[0])
	case "noraise":
		return fmt.Errorf("%w: %s", host.ErrNotInstalled, o.raise[0])
	case "nodir":
		return fmt.Errorf("working directory %s: %w", o.Dir, host.ErrFileNotFound)
	case "closeddir":
		return fmt.Errorf("working directory %s: %w", o.Dir, host.ErrPermission)
	case "notdir":
		return fmt.Errorf("working directory %s is not a directory", o.Dir)
	}
	return nil
}

// errNoStatus is the end of a channel whose command told no status.
var errNoStatus = errors.New("the server closed the channel and told no exit status")
