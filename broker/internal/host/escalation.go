package host

import (
	"errors"
	"fmt"
	"strings"
)

// Escalation is how the rights for a command with Raised set are got on a host.
type Escalation string

// The escalations of DESIGN section 2. None of them asks for a password here: a prompt would have no terminal.
const (
	EscalationNone Escalation = "none"
	EscalationSudo Escalation = "sudo"
	EscalationKsu  Escalation = "ksu"
)

// Wrap returns the argv that runs c with raised rights; path is where its program is, because ksu takes only absolute
// paths (MIT Kerberos, ksu(1), -e) and sudo has a PATH of its own. With no escalation it is c.Argv as it is. Command.Env
// is handed through env(1), since both start with a clean environment.
func (e Escalation) Wrap(path string, c Command) []string {
	command := append([]string{path}, c.Argv[1:]...)
	if len(c.Env) > 0 {
		command = append(append([]string{"/usr/bin/env"}, c.Env...), command...)
	}
	switch e {
	case EscalationSudo:
		return append([]string{"sudo", "-n", "--"}, command...)
	case EscalationKsu:
		return append([]string{"ksu", "-q", "-e"}, command...)
	}
	return c.Argv
}

// CheckCommand refuses a command that no system can run: without a program, or with a NUL byte in its arguments or its
// environment. It never repeats a value.
func CheckCommand(c Command) error {
	if len(c.Argv) == 0 || c.Argv[0] == "" {
		return errors.New("the command is empty")
	}
	for i, arg := range c.Argv {
		if strings.ContainsRune(arg, 0) {
			return fmt.Errorf("argument %d has a NUL byte", i)
		}
	}
	for i, v := range c.Env {
		if name, _, ok := strings.Cut(v, "="); !ok || name == "" || strings.ContainsRune(v, 0) {
			return fmt.Errorf("environment entry %d is not NAME=value", i)
		}
	}
	return nil
}
