package remote

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/conbroker/conbroker/broker/internal/host"
)

// runKsu runs a command by ksu with the user's Kerberos ticket. Its input is closed where none is given, so that a ksu that
// wants a password fails instead of waiting.
func (r *rights) runKsu(ctx context.Context, command func() host.Command) (host.Result, error) {
	if err := r.ensureTicket(ctx); err != nil {
		return host.Result{}, err
	}
	result, err := r.host.run(ctx, order{Command: command(), raise: r.quiet()}, nil)
	if err == nil {
		err = ksuRefusal(result)
	}
	return result, err
}

// ensureTicket makes sure that there is a valid ticket; if not, the person is asked for the password of Kerberos.
func (r *rights) ensureTicket(ctx context.Context) error {
	unlock, err := r.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	result, err := r.host.run(ctx, order{Command: host.Command{Argv: []string{"klist", "-s"}}}, nil)
	if err == nil && result.ExitCode == 0 || errors.Is(err, host.ErrNotInstalled) {
		return nil // without klist, ksu itself must tell
	}
	if err != nil {
		return err
	}
	text := fmt.Sprintf("no valid Kerberos ticket on %s; Kerberos password for %s:", r.host.Name(), r.host.options.Connector.User())
	for range passwordTries {
		err := r.kinit(ctx, text)
		if !errors.Is(err, errWrong) {
			return err
		}
		text = "Sorry, try again. " + text
	}
	return fmt.Errorf("%w: Kerberos refused the password %d times", host.ErrAuthentication, passwordTries)
}

// kinit asks for the password once and gets a ticket with it.
func (r *rights) kinit(ctx context.Context, text string) error {
	password, err := r.ask(ctx, text)
	if err != nil {
		return fmt.Errorf("no valid Kerberos ticket: %w", err)
	}
	defer clear(password)
	line := passwordLine(password)
	defer clear(line)
	result, err := r.host.run(ctx, order{Command: host.Command{
		Argv: []string{"kinit"}, Env: []string{"LC_ALL=C"}, Stdin: strings.NewReader(string(line)),
	}}, nil)
	if err != nil || result.ExitCode == 0 {
		return err
	}
	said := lastLine(result.Stderr)
	if strings.Contains(said, "Password incorrect") || strings.Contains(said, "Preauthentication failed") {
		return errWrong
	}
	return fmt.Errorf("%w: no valid Kerberos ticket, and none could be had: %s", host.ErrAuthentication, said)
}

// ksuRefusal tells whether ksu itself refused, rather than the command failed (MIT Kerberos 1.20: status 1).
func ksuRefusal(r host.Result) error {
	if r.ExitCode != 1 || len(r.Stdout) > 0 {
		return nil
	}
	line := lastLine(r.Stderr)
	switch {
	case strings.HasPrefix(line, "account ") && strings.HasSuffix(line, ": authorization failed"):
		return fmt.Errorf("%w: ksu: %s (see .k5login and .k5users of that account)", host.ErrPermission, line)
	case strings.Contains(string(r.Stderr), "Kerberos password for "), strings.Contains(line, "ksu: "), strings.HasPrefix(line, "Authentication failed"):
		return fmt.Errorf("%w: ksu: %s", host.ErrAuthentication, line)
	}
	return nil
}
