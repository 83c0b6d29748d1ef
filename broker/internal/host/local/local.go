// Package local is the Host for the computer that the broker runs on: commands are child processes, files are files.
package local

import (
	"context"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/conbroker/conbroker/broker/internal/host"
)

// closeGrace is how long Close waits for commands that were killed; one that hangs in the kernel is left behind.
const closeGrace = 3 * time.Second

var (
	_ host.Host              = (*Host)(nil)
	_ host.Scanner           = (*Host)(nil)
	_ host.FileSystem        = (*Host)(nil)
	_ host.DirReader         = (*Host)(nil)
	_ host.DirWatcher        = (*Host)(nil)
	_ host.EnvironmentReader = (*Host)(nil)
)

// Options say how the local host is used. The zero value is this computer as [host.LocalName], without escalation.
type Options struct {
	// Name is what the user calls this computer; empty means [host.LocalName].
	Name string
	// Escalation is how commands with Raised set get their rights.
	Escalation host.Escalation
	// Env looks up the environment; nil means [os.Getenv].
	Env func(string) string
}

// Host is this computer. It is made by [New] and closed by its owner.
type Host struct {
	options Options
	// life ends with Close, and with it every command and watch.
	life context.Context
	end  context.CancelFunc
	// work counts the goroutines and commands that Close waits for.
	work sync.WaitGroup

	nodeOnce sync.Once
	node     string

	// openMu guards open, the streams and connections that were handed out, and closed.
	openMu sync.Mutex
	open   map[io.Closer]struct{}
	closed bool
}

// New returns this computer as a Host.
func New(o Options) *Host {
	if o.Name == "" {
		o.Name = host.LocalName
	}
	if o.Env == nil {
		o.Env = os.Getenv
	}
	h := &Host{options: o, open: make(map[io.Closer]struct{})}
	h.life, h.end = context.WithCancel(context.Background())
	return h
}

// Name returns the name given in Options.
func (h *Host) Name() string { return h.options.Name }

// Close ends what was started here: running commands are killed, streams and connections closed, watches ended.
func (h *Host) Close() error {
	h.openMu.Lock()
	h.closed = true
	open := h.open
	h.open = nil
	h.openMu.Unlock()
	h.end()
	var closing sync.WaitGroup
	for c := range open {
		closing.Go(func() { _ = c.Close() }) // their users see the end; its error is theirs
	}
	closing.Wait()
	h.wait(closeGrace)
	return nil
}

// wait waits for the host's goroutines, at most for d.
func (h *Host) wait(d time.Duration) {
	done := make(chan struct{})
	go func() {
		h.work.Wait()
		close(done)
	}()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

// begin counts one piece of work that Close waits for; false when the host is closed.
func (h *Host) begin() bool {
	h.openMu.Lock()
	defer h.openMu.Unlock()
	if h.closed {
		return false
	}
	h.work.Add(1)
	return true
}

// keep remembers c for Close; false when the host is closed already, and c then is the caller's to close.
func (h *Host) keep(c io.Closer) bool {
	h.openMu.Lock()
	defer h.openMu.Unlock()
	if h.closed {
		return false
	}
	h.open[c] = struct{}{}
	return true
}

// forget drops c, which its user has closed.
func (h *Host) forget(c io.Closer) {
	h.openMu.Lock()
	defer h.openMu.Unlock()
	delete(h.open, c)
}

// failure is an error of this host.
func (h *Host) failure(action string, err error) error {
	return &host.Error{Host: h.Name(), Action: action, Err: err}
}

// errClosed is what a closed host answers.
func (h *Host) errClosed(action string) error {
	return h.failure(action, net.ErrClosed)
}
