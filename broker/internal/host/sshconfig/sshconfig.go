// Package sshconfig tells what the user's ssh program makes of its configuration for a host. The program itself is asked
// (ssh -G, OpenSSH 6.8 and later), so that Match, Include and every default are what they are for the user.
package sshconfig

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	// askTime bounds a run of ssh -G; a Match exec in the configuration may hang.
	askTime = 20 * time.Second
	// waitDelay bounds the wait for output after the program has ended. Its pipe may be open for a moment in another process
	// that is being started, which takes its time on a busy computer.
	waitDelay = 10 * time.Second
	// maxRunning is how many runs go on at once: they only use the processor.
	maxRunning = 8
)

// Settings are the lines of ssh -G for a host: keywords in lower case, with their values in the order of the lines. They are
// not to be changed.
type Settings map[string][]string

// Get returns the first value of a keyword; empty if it has none, or "none".
func (s Settings) Get(keyword string) string {
	if v := s[keyword]; len(v) > 0 && v[0] != "none" {
		return v[0]
	}
	return ""
}

// Fields returns the words of all values of a keyword.
func (s Settings) Fields(keyword string) []string {
	return strings.Fields(strings.Join(s[keyword], " "))
}

// Has reports whether the program knows a keyword at all.
func (s Settings) Has(keyword string) bool { return len(s[keyword]) > 0 }

// Address is host:port as it is connected to, with the brackets of known_hosts if the port is not 22.
func (s Settings) Address() string {
	name, port := s.Get("hostname"), cmp.Or(s.Get("port"), "22")
	if port == "22" {
		return name
	}
	return "[" + name + "]:" + port
}

// Gateway is the first computer that a connection reaches: the first jump host, or the host itself.
func (s Settings) Gateway() string {
	first, _, _ := strings.Cut(s.Get("proxyjump"), ",")
	return cmp.Or(first, s.Address())
}

// Reader asks the ssh program, and remembers the answers until a configuration file changes.
type Reader struct {
	// Program is the path of ssh; empty means the one in PATH.
	Program string
	// File is a configuration file instead of the user's and the system's; empty means those.
	File string

	mu      sync.Mutex
	answers map[string]Settings
	running chan struct{}
	// version is what the configuration files looked like when the answers were given.
	version string
}

// Path returns the ssh program, and an error if there is none.
func (r *Reader) Path() (string, error) {
	path, err := exec.LookPath(cmp.Or(r.Program, "ssh"))
	if err != nil {
		return "", fmt.Errorf("find the ssh program: %w", err)
	}
	return path, nil
}

// Flags are the arguments that make ssh read this reader's configuration.
func (r *Reader) Flags() []string {
	if r.File == "" {
		return nil
	}
	return []string{"-F", r.File}
}

// Read returns the settings for an address as ssh takes it on its command line.
func (r *Reader) Read(ctx context.Context, address string) (Settings, error) {
	version := r.look()
	r.mu.Lock()
	if version != r.version {
		r.version, r.answers = version, make(map[string]Settings)
	}
	known, ok := r.answers[address]
	r.mu.Unlock()
	if ok {
		return known, nil
	}
	answer, err := r.ask(ctx, address)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if version == r.version {
		r.answers[address] = answer
	}
	return answer, nil
}

// ask runs ssh -G.
func (r *Reader) ask(ctx context.Context, address string) (Settings, error) {
	path, err := r.Path()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	select {
	case r.places() <- struct{}{}:
		defer func() { <-r.places() }()
	case <-ctx.Done():
		return nil, fmt.Errorf("read the configuration of ssh for %s: %w", address, context.Cause(ctx))
	}
	cmd := exec.CommandContext(ctx, path, append(append([]string{"-G"}, r.Flags()...), "--", address)...)
	endWithGroup(cmd)
	cmd.WaitDelay = waitDelay
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("read the configuration of ssh for %s: %w", address, context.Cause(ctx))
	}
	if err != nil {
		return nil, fmt.Errorf("read the configuration of ssh for %s: %w: %s", address, err, strings.ToValidUTF8(strings.TrimSpace(said.String()), "\uFFFD"))
	}
	return Parse(string(out)), nil
}

// places has room for the runs of ssh that may go on at once.
func (r *Reader) places() chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running == nil {
		r.running = make(chan struct{}, maxRunning)
	}
	return r.running
}

// look describes the configuration files by size and time. Files that they include are not looked at: a change there is
// seen when the connection is made anew by ssh itself.
func (r *Reader) look() string {
	files := []string{r.File}
	if r.File == "" {
		files = []string{"/etc/ssh/ssh_config"}
		if home, err := os.UserHomeDir(); err == nil {
			files = append(files, filepath.Join(home, ".ssh", "config"))
		}
	}
	var b strings.Builder
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			fmt.Fprintln(&b, f, info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String()
}

// Parse reads the output of ssh -G: a keyword, a blank and the value on each line.
func Parse(text string) Settings {
	s := make(Settings)
	for line := range strings.Lines(text) {
		keyword, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		if keyword != "" {
			keyword = strings.ToLower(keyword)
			s[keyword] = append(s[keyword], strings.TrimSpace(value))
		}
	}
	return s
}
