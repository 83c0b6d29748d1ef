package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/prompt"
)

const (
	// passwordTries is how often the person is asked before a password counts as refused.
	passwordTries = 3
	// maxRaisedInput bounds the input of a raised command, which is kept because the command may have to run again with
	// a password.
	maxRaisedInput = 16 << 20
)

// rights raises commands.
//
// A password for sudo is asked for when sudo first wants one, checked at once, and then kept in memory until the host is
// closed or sudo refuses it, because sudo forgets a login without a terminal with each command. It is wiped when it is
// dropped. It reaches sudo on stdin, only after the prompt that this program told it to use. A password for Kerberos is
// given to kinit and not kept: the ticket stands for it.
type rights struct {
	host *Host
	how  host.Escalation
	// turn is held while the person is asked, so that many commands ask once.
	turn chan struct{}

	// mu guards the rest.
	mu       sync.Mutex
	password []byte
	// asks says for programs that ran whether sudo wants a password for them.
	asks map[string]bool
}

// needed reports whether Raised commands are run in another way.
func (r *rights) needed() bool {
	return r.how == host.EscalationSudo || r.how == host.EscalationKsu
}

// quiet are the words that raise a command without any question.
func (r *rights) quiet() []string {
	if r.how == host.EscalationKsu {
		return []string{"ksu", "-q", "-e"}
	}
	return []string{"sudo", "-n", "--"}
}

// run runs a raised command.
func (r *rights) run(ctx context.Context, c host.Command) (host.Result, error) {
	input, err := readInput(c.Stdin)
	if err != nil {
		return host.Result{}, err
	}
	again := func() host.Command {
		c.Stdin = nil
		if input != nil {
			c.Stdin = bytes.NewReader(input)
		}
		return c
	}
	if r.how == host.EscalationKsu {
		return r.runKsu(ctx, again)
	}
	return r.runSudo(ctx, again)
}

// readInput reads what a command is to read; nil if that is nothing.
func readInput(r io.Reader) ([]byte, error) {
	if r == nil {
		return nil, nil
	}
	input, err := io.ReadAll(io.LimitReader(r, maxRaisedInput+1))
	if err != nil {
		return nil, fmt.Errorf("read the input of a raised command: %w", err)
	}
	if len(input) > maxRaisedInput {
		return nil, fmt.Errorf("%w: the input of a raised command is more than %d bytes", host.ErrTooLarge, maxRaisedInput)
	}
	return append([]byte{}, input...), nil
}

// wants tells whether sudo is known to want a password for a program; known is false before it ran.
func (r *rights) wants(program string) (wants, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	wants, known = r.asks[program]
	return wants, known
}

// learn remembers whether sudo wants a password for a program.
func (r *rights) learn(program string, wants bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asks == nil {
		r.asks = make(map[string]bool)
	}
	r.asks[program] = wants
}

// kept returns a copy of the password; nil if none is kept. The caller wipes it.
func (r *rights) kept() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.password)
}

// keep keeps a password that was checked.
func (r *rights) keep(password []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.password)
	r.password = password
}

// forget wipes the password.
func (r *rights) forget() { r.keep(nil) }

// lock takes the turn to ask the person.
func (r *rights) lock(ctx context.Context) (unlock func(), err error) {
	select {
	case r.turn <- struct{}{}:
		return func() { <-r.turn }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// ask asks the person for a secret; the caller wipes it.
func (r *rights) ask(ctx context.Context, text string) ([]byte, error) {
	answer, err := r.host.options.Prompts.Ask(ctx, prompt.From(ctx), prompt.Prompt{
		Host: r.host.Name(), User: r.host.options.Connector.User(), Text: text, Secret: true,
	})
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w: %w", host.ErrAuthentication, err)
	}
	return []byte(answer), err
}

// passwordLine is what a program reads as the password; the caller wipes it.
func passwordLine(password []byte) []byte {
	return append(bytes.Clone(password), '\n')
}

// lastLine is the last line of a program's words that is not blank, fit for an error.
func lastLine(said []byte) string {
	text := strings.TrimSpace(strings.ToValidUTF8(string(said), "\uFFFD"))
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// errPassword says that a password is wanted.
var errPassword = errors.New("a password is wanted")

// errWrong says that the password was wrong.
var errWrong = errors.New("the password is wrong")
