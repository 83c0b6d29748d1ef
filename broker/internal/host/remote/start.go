package remote

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/consoles"
)

const (
	// beginTime bounds how long a command on a terminal may take to begin.
	beginTime = time.Minute
	// lingerTime is how long Wait waits for the exit status after the output has ended.
	lingerTime = 2 * time.Second
)

// Start runs a command on a terminal there. An empty Argv is the user's login shell.
func (h *Host) Start(ctx context.Context, c host.Command, t host.Terminal) (consoles.Stream, error) {
	action := "start " + commandName(c.Argv)
	if len(c.Argv) == 0 {
		action = "start a login shell"
	}
	ctx, done, err := h.begin(ctx)
	if err != nil {
		return nil, h.failure(action, err)
	}
	defer done()
	s, err := h.start(ctx, c, t)
	if err != nil {
		return nil, h.failure(action, err)
	}
	if !h.keep(s) {
		_ = s.Close() // the host's end is the error to tell
		return nil, h.failure(action, errClosedHost)
	}
	return s, nil
}

// start opens the terminal and begins the command.
func (h *Host) start(ctx context.Context, c host.Command, t host.Terminal) (*terminal, error) {
	shell := len(c.Argv) == 0
	if shell {
		c.Argv = []string{"sh", "-c", `exec "${SHELL:-/bin/sh}" -l`}
	}
	if err := host.CheckCommand(c); err != nil {
		return nil, err
	}
	o := order{Command: c, tty: true, mark: rand.Text()}
	var sudoMark string
	if c.Raised && h.rights.needed() {
		var err error
		if o.raise, sudoMark, err = h.rights.forTerminal(ctx, c); err != nil {
			return nil, err
		}
	}
	if shell && c.Dir == "" && len(c.Env) == 0 && o.raise == nil {
		return h.terminal(ctx, t, "shell", nil)
	}
	term, err := h.terminal(ctx, t, "exec", ssh.Marshal(struct{ Line string }{o.line()}))
	if err != nil {
		return nil, err
	}
	raised, err := term.begin(ctx, o)
	if err == nil && raised && sudoMark != "" {
		err = h.rights.answerTerminal(ctx, term, sudoMark, c)
	}
	if err != nil {
		_ = term.Close() // the error at hand is the one to tell
		return nil, err
	}
	return term, nil
}

// terminal opens a session with a terminal and starts a shell or a line in it.
func (h *Host) terminal(ctx context.Context, t host.Terminal, kind string, payload []byte) (*terminal, error) {
	s, err := h.openSession(ctx)
	if err != nil {
		return nil, err
	}
	size := t.Size
	if size == (consoles.Size{}) {
		size = consoles.Size{Cols: 80, Rows: 24}
	}
	size = size.Clamp()
	err = s.request(ctx, "pty-req", ssh.Marshal(ptyRequest{
		Term: cmp.Or(t.Term, "xterm-256color"), Cols: uint32(size.Cols), Rows: uint32(size.Rows), Modes: ptyModes,
	}))
	if err == nil {
		err = s.request(ctx, kind, payload)
	}
	if err != nil {
		s.abandon()
		return nil, err
	}
	term := &terminal{session: s, host: h}
	h.work.Go(func() { _, _ = io.Copy(io.Discard, s.Stderr()) }) // a terminal has one stream; this one stays empty
	term.duct = newDuct(s.Channel, func(f func()) { h.work.Go(f) }, func() { h.forget(term); s.abandon() })
	return term, nil
}

// errClosedHost is the answer of a host that was closed meanwhile.
var errClosedHost = errors.New("the host was closed")

// terminal is a command's terminal on the host: a consoles.Stream.
type terminal struct {
	*duct
	session *session
	host    *Host
	// early is what was read while the command began and belongs to the reader.
	early []byte
}

// begin reads up to the line with the mark and judges it. raised tells whether the command got other rights.
func (t *terminal) begin(ctx context.Context, o order) (raised bool, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, beginTime, fmt.Errorf("%w: it did not begin within %v", context.DeadlineExceeded, beginTime))
	defer cancel()
	var word string
	found := false
	search := newOutput(o.mark, maxNoise, func(w string) { word, found = w, true })
	for !found {
		data, err := t.next(ctx)
		if errors.Is(err, io.EOF) {
			if _, err := t.session.status(); err != nil {
				return false, err
			}
			return false, silentShell(search.said())
		}
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		if err != nil {
			return false, t.session.lost(err)
		}
		_, _ = search.Write(data)
	}
	t.early = search.kept.Bytes()
	return isRaised(strings.Fields(word)), wordReason(word, o)
}

// next returns what comes next of the output.
func (t *terminal) next(ctx context.Context) ([]byte, error) {
	t.readMu.Lock()
	defer t.readMu.Unlock()
	if err := t.fill(ctx); err != nil {
		return nil, err
	}
	data := bytes.Clone(t.rest)
	t.rest = nil
	t.empty <- struct{}{}
	return data, nil
}

// Read reads what the terminal prints. It returns io.EOF when the command has ended, when the connection broke, and after
// Close; Wait tells which.
func (t *terminal) Read(b []byte) (int, error) {
	t.readMu.Lock()
	if len(t.early) > 0 {
		defer t.readMu.Unlock()
		n := copy(b, t.early)
		t.early = t.early[n:]
		return n, nil
	}
	t.readMu.Unlock()
	n, err := t.duct.Read(b)
	if err != nil {
		err = io.EOF
	}
	return n, err
}

// Write types b.
func (t *terminal) Write(b []byte) (int, error) {
	n, err := t.duct.Write(b)
	if err != nil {
		err = fmt.Errorf("write to a terminal of %s: %w", t.host.Name(), err)
	}
	return n, err
}

// Resize sets the size of the terminal.
func (t *terminal) Resize(s consoles.Size) error {
	select {
	case <-t.closed:
		return fmt.Errorf("resize a terminal of %s: %w", t.host.Name(), errClosedTerminal)
	case <-t.session.ended:
		return fmt.Errorf("resize a terminal of %s: %w", t.host.Name(), errClosedTerminal)
	default:
	}
	s = s.Clamp()
	if _, err := t.session.SendRequest("window-change", false, ssh.Marshal(windowChange{Cols: uint32(s.Cols), Rows: uint32(s.Rows)})); err != nil {
		return fmt.Errorf("resize a terminal of %s: %w", t.host.Name(), err)
	}
	return nil
}

var errClosedTerminal = errors.New("it is closed")

// Wait returns how the command ended. A connection that broke is status 255, as ssh has it, with the reason in words.
func (t *terminal) Wait() consoles.ExitStatus {
	linger := time.NewTimer(lingerTime)
	defer linger.Stop()
	select {
	case <-t.session.exited:
		return t.session.exit
	case <-t.session.ended:
	case <-linger.C:
		_ = t.Close() // it ends now
	}
	select {
	case <-t.session.exited:
		return t.session.exit
	default:
	}
	if reason := t.session.link.reason(downGrace); reason != nil {
		return consoles.ExitStatus{Code: 255, Reason: strings.ReplaceAll(reason.Error(), "\n", " ")}
	}
	return consoles.ExitStatus{Code: 255, Reason: errNoStatus.Error()}
}
