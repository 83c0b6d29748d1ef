package remote

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/conbroker/conbroker/broker/internal/host"
)

// promptPatience is how long a command on a terminal may be silent before it counts as begun without a password.
const promptPatience = 3 * time.Second

// runSudo runs a command by sudo: without a password if sudo wants none, else with the one that is kept, or that the person
// gives.
func (r *rights) runSudo(ctx context.Context, command func() host.Command) (host.Result, error) {
	program := command().Argv[0]
	if wants, _ := r.wants(program); !wants {
		result, err := r.host.run(ctx, order{Command: command(), raise: r.quiet()}, nil)
		if err == nil {
			err = sudoRefusal(result)
		}
		if !errors.Is(err, errPassword) {
			if err == nil && result.ExitCode == 0 {
				r.learn(program, false)
			}
			return result, err
		}
		r.learn(program, true)
	}
	for range passwordTries {
		password, err := r.obtain(ctx)
		if err != nil {
			return host.Result{}, err
		}
		result, err := r.sudoWith(ctx, password, command())
		clear(password)
		if !errors.Is(err, errWrong) {
			return result, err
		}
		r.forget()
	}
	return host.Result{}, fmt.Errorf("%w: sudo refused the password", host.ErrAuthentication)
}

// runQuietly runs a command with what rights there are without asking anybody. It may fail: nobody waits for it.
func (r *rights) runQuietly(ctx context.Context, c host.Command) {
	if password := r.kept(); password != nil {
		defer clear(password)
		_, _ = r.sudoWith(ctx, password, c)
		return
	}
	_, _ = r.host.run(ctx, order{Command: c, raise: r.quiet()}, nil)
}

// sudoWith runs a command with a password.
func (r *rights) sudoWith(ctx context.Context, password []byte, c host.Command) (host.Result, error) {
	mark := rand.Text()
	d := newDialogue(mark, once(password))
	result, err := r.host.run(ctx, order{Command: c, raise: []string{"sudo", "-k", "-S", "-p", mark, "--"}}, d)
	if err == nil {
		err = sudoRefusal(result)
	}
	if errors.Is(err, errPassword) || d.asked > 1 {
		err = errWrong
	}
	return result, err
}

// once answers the first prompt with a password and gives up at the second.
func once(password []byte) func(int) ([]byte, bool) {
	return func(n int) ([]byte, bool) { return passwordLine(password), n == 0 }
}

// obtain returns a password that sudo took: the one kept, or one that the person gives now. The caller wipes it.
func (r *rights) obtain(ctx context.Context) ([]byte, error) {
	unlock, err := r.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if password := r.kept(); password != nil {
		return password, nil
	}
	// Without a password sudo says already whether the user may do anything at all.
	if err := r.sudoCheck(ctx, []string{"-n", "-v"}, nil); err != nil && !errors.Is(err, errPassword) {
		return nil, err
	}
	text := fmt.Sprintf("[sudo] password for %s on %s:", r.host.options.Connector.User(), r.host.Name())
	for range passwordTries {
		password, err := r.ask(ctx, text)
		if err != nil {
			return nil, err
		}
		mark := rand.Text()
		err = r.sudoCheck(ctx, []string{"-k", "-S", "-p", mark, "-v"}, newDialogue(mark, once(password)))
		if err == nil {
			r.keep(password)
			return bytes.Clone(password), nil
		}
		clear(password)
		if !errors.Is(err, errPassword) && !errors.Is(err, errWrong) {
			return nil, err
		}
		text = fmt.Sprintf("Sorry, try again. [sudo] password for %s on %s:", r.host.options.Connector.User(), r.host.Name())
	}
	return nil, fmt.Errorf("%w: sudo refused the password %d times", host.ErrAuthentication, passwordTries)
}

// sudoCheck runs sudo without a command and judges what it says.
func (r *rights) sudoCheck(ctx context.Context, flags []string, d *dialogue) error {
	result, err := r.host.run(ctx, order{Command: host.Command{
		Argv: append([]string{"sudo"}, flags...), Env: []string{"LC_ALL=C"},
	}}, d)
	if err != nil || result.ExitCode == 0 {
		return err
	}
	if err := sudoRefusal(result); err != nil {
		return err
	}
	return fmt.Errorf("%w: sudo: %s", host.ErrPermission, lastLine(result.Stderr))
}

// sudoRefusal tells whether sudo itself refused, rather than the command failed: sudo then ends with status 1 and its last
// words are its own (sudo 1.9, messages of the C locale).
func sudoRefusal(r host.Result) error {
	if r.ExitCode != 1 {
		return nil
	}
	return sudoWords(lastLine(r.Stderr))
}

// sudoWords sorts a line of sudo.
func sudoWords(line string) error {
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(line, w) {
				return true
			}
		}
		return false
	}
	own := strings.HasPrefix(line, "sudo: ")
	switch {
	case own && has("incorrect password attempt"):
		return errWrong
	case own && has("a password is required", "a terminal is required", "no tty present", "no password was provided"):
		return errPassword
	case own && has("command not found"):
		return fmt.Errorf("%w: %s", host.ErrNotInstalled, line)
	case own && has("setuid", "no new privileges", "sudoers", "must have a tty", "account validation", "unknown user", "is not allowed"),
		strings.HasPrefix(line, "Sorry, user ") && has(" may not run sudo", " is not allowed to "),
		has(" is not in the sudoers file", "sorry, you must have a tty", "This incident "):
		return fmt.Errorf("%w: %s", host.ErrPermission, line)
	}
	return nil
}

// forTerminal returns the words that raise a command on a terminal, and the prompt to expect of sudo, if any.
func (r *rights) forTerminal(ctx context.Context, c host.Command) (words []string, mark string, err error) {
	if r.how == host.EscalationKsu {
		return r.quiet(), "", r.ensureTicket(ctx)
	}
	if len(c.Argv) > 0 {
		if wants, known := r.wants(c.Argv[0]); known && !wants {
			return r.quiet(), "", nil
		}
	}
	mark = rand.Text()
	return []string{"sudo", "-p", mark, "--"}, mark, nil
}

// answerTerminal gives sudo the password on the command's terminal if it asks there. A command that says something else, or
// nothing for a while, has begun.
func (r *rights) answerTerminal(ctx context.Context, t *terminal, mark string, c host.Command) error {
	quiet, cancel := context.WithTimeout(ctx, promptPatience)
	defer cancel()
	seen := t.early
	for bytes.Contains([]byte(mark), seen) && len(seen) < len(mark) {
		data, err := t.next(quiet)
		if err != nil {
			break // it is silent, or at its end, which its reader will see
		}
		seen = append(seen, data...)
	}
	t.early = seen
	if err := sudoWords(strings.TrimSpace(string(seen))); err != nil && !errors.Is(err, errWrong) {
		return err
	}
	_, rest, asked := bytes.Cut(seen, []byte(mark))
	if !asked {
		return ctx.Err()
	}
	t.early = rest
	r.learn(c.Argv[0], true)
	password, err := r.obtain(ctx)
	if err != nil {
		return err
	}
	defer clear(password)
	line := passwordLine(password)
	defer clear(line)
	_, err = t.Write(line)
	return err
}
