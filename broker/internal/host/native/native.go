// Package native makes SSH connections in this program, for systems whose ssh cannot be a control master (Windows) or that have
// none. It knows agents, private keys with passphrases, certificates beside them, keyboard-interactive and password
// authentication, known_hosts with prompts, and jump hosts. The configuration is that of the ssh program where there is one.
package native

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/host/remote"
	"github.com/conbroker/conbroker/broker/internal/host/sshconfig"
	"github.com/conbroker/conbroker/broker/internal/prompt"
)

// Options describe a host. Name, Config, Prompts and Gate are needed.
type Options struct {
	// Name is the host's name as the user configured it; Address is what ssh would be given, empty means Name. Where
	// there is no ssh program, it is [user@]host[:port].
	Name, Address string
	// Escalation is how commands with Raised set get their rights; empty means none.
	Escalation host.Escalation
	// Config reads the configuration of ssh, if there is an ssh; one is shared by all hosts.
	Config *sshconfig.Reader
	// Prompts asks the person; one is shared by all hosts.
	Prompts *prompt.Registry
	// Gate bounds handshakes; one is shared by all hosts.
	Gate *remote.Gate
	// Env looks up the environment; nil means [os.Getenv].
	Env func(string) string
	// Connect bounds a connection attempt, the time in which the person is asked not counted; 0 means 20 s.
	Connect time.Duration
	// Alive is how often a connection is tried; without an answer in twice that time it is dead. 0 means 5 s.
	Alive time.Duration
}

// New returns a host; nothing is connected yet.
func New(o Options) *remote.Host {
	o.Address = cmp.Or(o.Address, o.Name)
	o.Connect = cmp.Or(o.Connect, 20*time.Second)
	o.Alive = cmp.Or(o.Alive, 5*time.Second)
	if o.Env == nil {
		o.Env = os.Getenv
	}
	return remote.New(remote.Options{
		Name: o.Name, Connector: &connector{options: o}, Escalation: o.Escalation, Prompts: o.Prompts,
	})
}

// connector makes connections to one host.
type connector struct {
	options Options
	secrets remote.Secrets

	mu   sync.Mutex
	user string
}

// User is the account on the host as the configuration has it.
func (c *connector) User() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.user
}

// Connect makes a connection, through the jump hosts if there are any.
func (c *connector) Connect(ctx context.Context) (remote.Connection, error) {
	hops, err := c.hops(ctx)
	if err != nil {
		return nil, c.failure(ctx, err)
	}
	c.mu.Lock()
	c.user = hops[len(hops)-1].Get("user")
	c.mu.Unlock()
	leave, err := c.options.Gate.Enter(ctx, hops[0].Address())
	if err != nil {
		return nil, err
	}
	defer leave()
	ctx, patience := remote.NewPatience(ctx, c.options.Connect)
	defer patience.Done()
	secrets := c.secrets.Begin()
	defer secrets.Drop()
	way := &chain{release: c.secrets.Release, done: make(chan struct{})}
	for _, settings := range hops {
		h := &handshake{connector: c, settings: settings, secrets: secrets, patience: patience}
		if err := way.extend(ctx, h); err != nil {
			way.abort()
			return nil, c.failure(ctx, err)
		}
	}
	secrets.Keep()
	way.watch(c.options.Alive)
	return way, nil
}

// hops are the settings of the jump hosts and of the host itself.
func (c *connector) hops(ctx context.Context) ([]sshconfig.Settings, error) {
	settings, err := c.settings(ctx, c.options.Address)
	if err != nil {
		return nil, err
	}
	jumps := settings.Get("proxyjump")
	if jumps == "" {
		if command := settings.Get("proxycommand"); command != "" {
			return nil, fmt.Errorf(`the configuration has ProxyCommand %s, which only transport = "openssh" runs`, command)
		}
		return []sshconfig.Settings{settings}, nil
	}
	var hops []sshconfig.Settings
	for jump := range strings.SplitSeq(jumps, ",") {
		s, err := c.settings(ctx, jumpAddress(jump))
		if err != nil {
			return nil, err
		}
		hops = append(hops, s)
	}
	return append(hops, settings), nil
}

// jumpAddress writes a jump host, [user@]host[:port], as the URI that ssh takes as an address if it has a port.
func jumpAddress(jump string) string {
	if at := strings.LastIndexAny(jump, ":@]"); at >= 0 && jump[at] == ':' {
		return "ssh://" + jump
	}
	return jump
}

// settings asks the ssh program, or assumes what is usual where there is none.
func (c *connector) settings(ctx context.Context, address string) (sshconfig.Settings, error) {
	if _, err := c.options.Config.Path(); err == nil {
		return c.options.Config.Read(ctx, address)
	}
	account := "root"
	if u, err := user.Current(); err == nil {
		account = u.Username[strings.LastIndexByte(u.Username, '\\')+1:]
	}
	return sshconfig.Assume(strings.TrimPrefix(address, "ssh://"), account, c.home()), nil
}

// home is the user's home directory.
func (c *connector) home() string {
	home, err := os.UserHomeDir()
	if err != nil {
		return "."
	}
	return home
}

// failure is an error of the way to the host. A request that was given up keeps its reason.
func (c *connector) failure(ctx context.Context, err error) error {
	var known *host.Error
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, remote.ErrTimeout):
		err = fmt.Errorf("%w: %w", host.ErrUnreachable, cause)
	case cause != nil:
		return cause
	case errors.As(err, &known):
		return err
	}
	return &host.Error{Host: c.options.Name, Action: "connect", Err: err}
}

// chain is a connection: the SSH connections to the jump hosts, each inside the one before, and to the host itself.
type chain struct {
	clients []*ssh.Client
	release func()
	// done is closed when the connection has ended; err is why.
	done chan struct{}
	err  error

	watching sync.WaitGroup
	mu       sync.Mutex
	// silent is the reason for which the keepalive gave the connection up.
	silent error
}

// last is the connection to the host itself.
func (c *chain) last() *ssh.Client { return c.clients[len(c.clients)-1] }

// OpenChannel opens a channel to the host.
func (c *chain) OpenChannel(name string, data []byte) (ssh.Channel, <-chan *ssh.Request, error) {
	return c.last().OpenChannel(name, data)
}

// watch begins the keepalive and waits for the end.
func (c *chain) watch(every time.Duration) {
	c.watching.Go(func() { c.keepAlive(every) })
	go func() {
		err := c.last().Wait()
		c.abort()
		c.mu.Lock()
		c.err = cmp.Or(c.silent, err, errors.New("the connection was closed"))
		c.mu.Unlock()
		close(c.done)
	}()
}

// Wait waits for the end of the connection.
func (c *chain) Wait() error {
	<-c.done
	c.watching.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.release != nil {
		c.release()
		c.release = nil
	}
	return c.err
}

// Close ends the connection.
func (c *chain) Close() error {
	c.abort()
	<-c.done
	return nil
}

// abort closes all connections, the innermost first.
func (c *chain) abort() {
	for i := len(c.clients) - 1; i >= 0; i-- {
		_ = c.clients[i].Close() // it may have ended by itself
	}
	for _, client := range c.clients {
		_ = client.Wait() // likewise
	}
}

// keepAlive asks the server for a sign of life, and gives the connection up if none comes.
func (c *chain) keepAlive(every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-tick.C:
		}
		answer := make(chan struct{})
		c.watching.Go(func() {
			_, _, _ = c.last().SendRequest("keepalive@openssh.com", true, nil) // its end is seen by Wait
			close(answer)
		})
		late := time.NewTimer(2 * every)
		select {
		case <-answer:
			late.Stop()
		case <-c.done:
			late.Stop()
			return
		case <-late.C:
			c.mu.Lock()
			c.silent = fmt.Errorf("the server gave no sign of life for %v", 2*every)
			c.mu.Unlock()
			_ = c.clients[0].Close() // its end is seen by Wait
			return
		}
	}
}
