package xen

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

const (
	// quickTime bounds a command that only tells the hypervisor something.
	quickTime = 30 * time.Second
	// findScript finds xl: the PATH of a login by SSH often ends before /usr/sbin, where Debian has it.
	findScript = "section xl\ncommand -v xl\n"
)

// escalationAdvice is what to do where xl runs without the rights it needs.
const escalationAdvice = `xl needs root: set escalation = "sudo" or "ksu" for this host`

// tool returns the path of xl on the host.
func (d *Driver) tool(ctx context.Context, h host.Host) (string, error) {
	d.mu.Lock()
	path := d.tools[h.Name()]
	d.mu.Unlock()
	if path != "" {
		return path, nil
	}
	sections, _, err := host.Sections(ctx, plain{h}, host.Script{Body: findScript + "true\n"})
	if err != nil {
		return "", fmt.Errorf("look for xl: %w", err)
	}
	for _, s := range sections {
		path = strings.TrimSpace(string(s.Data))
	}
	if !strings.HasPrefix(path, "/") {
		return "", notInstalled(h)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tools[h.Name()] = path
	return path, nil
}

func notInstalled(h host.Host) error {
	return &host.Error{
		Host: h.Name(), Action: "run xl", Err: host.ErrNotInstalled,
		Advice: "this is no Xen host, or its tools are missing: sudo apt-get install xen-utils",
	}
}

// xl runs a command of xl to its end, with raised rights, and returns what it printed.
func (d *Driver) xl(ctx context.Context, h host.Host, args ...string) ([]byte, error) {
	path, err := d.tool(ctx, h)
	if err != nil {
		return nil, err
	}
	c := host.Command{Argv: append([]string{path}, args...), Raised: true}
	r, err := h.Run(ctx, c)
	if err != nil {
		return nil, err
	}
	return r.Stdout, outcome(h, c, r)
}

// xlQuick is xl for commands that take no time.
func (d *Driver) xlQuick(ctx context.Context, h host.Host, args ...string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, quickTime,
		fmt.Errorf("xl %s did not end within %v: %w", args[0], quickTime, driver.ErrTimeout))
	defer cancel()
	_, err := d.xl(ctx, h, args...)
	if err != nil && errors.Is(err, context.DeadlineExceeded) {
		return context.Cause(ctx)
	}
	return err
}

// outcome turns what a command of xl left into an error. The exit code alone does not tell: pause, unpause, sysrq and
// trigger exit with 0 after an error of libxl (Xen 4.17).
func outcome(h host.Host, c host.Command, r host.Result) error {
	said := string(r.Stderr)
	if r.ExitCode == 0 && !strings.Contains(said, "libxl: error:") {
		return nil
	}
	if r.ExitCode == 0 {
		r.ExitCode = 1
	}
	err := host.Check(h, c, r)
	var command *host.CommandError
	if errors.As(err, &command) {
		if reason := mainComplaint(said); reason != "" {
			command.Stderr = reason
		}
	}
	return classify(h, err, said)
}

// classify adds the reason that tells one failure of xl from another, by its words.
func classify(h host.Host, err error, said string) error {
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(said, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("privileged command interface: Permission denied"):
		return &host.Error{Host: h.Name(), Action: "run xl", Err: fmt.Errorf("%w: %w", host.ErrPermission, err), Advice: escalationAdvice}
	case has("already exists"):
		return fmt.Errorf("%w: %w", driver.ErrAlreadyRunning, err)
	case has("invalid domain identifier", "unable to get domain type", "No such process", "maybe this domain does not exist",
		"unable to find domain info") || has("Domain '") && has("does not exist"):
		return fmt.Errorf("%w: %w", driver.ErrNotRunning, err)
	case has("Non-existant domain") && !has("cannot (re-)build domain", "cannot make domain"): //nolint:misspell // as libxl spells it
		return fmt.Errorf("%w: %w", driver.ErrNotRunning, err)
	}
	return err
}

// mainComplaint picks the line that says what went wrong: the first one of an error. What follows it is the undoing of what was
// begun, which xl reports as errors too.
func mainComplaint(said string) string {
	first := ""
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "Parsing config"):
			continue
		case strings.Contains(line, "error"):
			return sourceless(line)
		case first == "":
			first = line
		}
	}
	return first
}

// sourceless drops the prefixes that name a line of xl's own source.
func sourceless(line string) string {
	for {
		head, rest, ok := strings.Cut(line, ": ")
		if !ok || !strings.HasPrefix(head, "xc") && !strings.HasPrefix(head, "libxl") && !strings.HasPrefix(head, "xg_") &&
			head != "error" && head != "panic" {
			return strings.ToValidUTF8(line, "\uFFFD")
		}
		if function, cause, ok := strings.Cut(rest, ":"); ok && strings.Contains(head, ".c:") && !strings.Contains(function, " ") {
			rest = strings.TrimSpace(cause)
		}
		line = rest
	}
}
