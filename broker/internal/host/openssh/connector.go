//go:build unix

package openssh

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/host/remote"
	"github.com/conbroker/conbroker/broker/internal/host/sshconfig"
	"github.com/conbroker/conbroker/broker/internal/prompt"
)

// connector starts masters for one host.
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

// Connect starts a master and a client of its control socket.
func (c *connector) Connect(ctx context.Context) (remote.Connection, error) {
	path, err := c.options.Config.Path()
	if err != nil {
		return nil, c.failure(fmt.Errorf("%w: %w", host.ErrNotInstalled, err), `install the OpenSSH client, or give the host transport = "native"`)
	}
	settings, err := c.options.Config.Read(ctx, c.options.Address)
	if err != nil {
		return nil, c.failure(err, "")
	}
	c.mu.Lock()
	c.user = settings.Get("user")
	c.mu.Unlock()
	leave, err := c.options.Gate.Enter(ctx, settings.Gateway())
	if err != nil {
		return nil, err
	}
	defer leave()
	return c.connect(ctx, path, settings)
}

// connect makes one attempt.
func (c *connector) connect(ctx context.Context, path string, settings sshconfig.Settings) (remote.Connection, error) {
	dir, err := socketDir(c.options.Env)
	if err != nil {
		return nil, c.failure(err, "")
	}
	ctx, patience := remote.NewPatience(ctx, c.options.Connect)
	defer patience.Done()
	socket := filepath.Join(dir, strings.ToLower(rand.Text()[:10]))
	secrets := c.secrets.Begin()
	defer secrets.Drop()
	questions, err := openQuestions(ctx, socket+".q", secrets, c.asking(patience))
	if err != nil {
		return nil, c.failure(err, "")
	}
	defer questions.close()
	m, err := startMaster(path, c.arguments(socket, settings), questions.environment(c.options), socket)
	if err != nil {
		return nil, c.failure(fmt.Errorf("start ssh: %w", err), "")
	}
	conn, err := m.client(ctx)
	if err != nil {
		m.stop()
		return nil, c.sort(ctx, m, questions, err)
	}
	m.conn = conn
	secrets.Keep()
	m.release = c.secrets.Release
	return m, nil
}

// sort says why an attempt failed: because it was given up, because nobody answered a question, or as ssh says.
func (c *connector) sort(ctx context.Context, m *master, q *questions, err error) error {
	if context.Cause(ctx) != nil {
		if err = connectReason(ctx, err); errors.Is(err, host.ErrUnreachable) {
			return c.failure(err, "")
		}
		return err
	}
	if unanswered := q.failure(); unanswered != nil {
		return c.failure(fmt.Errorf("%w: %w", host.ErrAuthentication, unanswered), "")
	}
	advice, reason := explain(m.said())
	if reason == nil {
		reason = fmt.Errorf("%w: %w", host.ErrUnreachable, err)
	}
	return c.failure(reason, advice)
}

// arguments are those of a master.
func (c *connector) arguments(socket string, settings sshconfig.Settings) []string {
	seconds := func(d time.Duration) string { return fmt.Sprint(max(int(d/time.Second), 1)) }
	args := append(c.options.Config.Flags(), "-M", "-N", "-T", "-S", socket,
		"-o", "ControlPersist=no", "-o", "ClearAllForwardings=yes", "-o", "ConnectTimeout="+seconds(c.options.Connect),
		"-o", "ServerAliveInterval="+seconds(c.options.Alive), "-o", "ServerAliveCountMax=3", "-o", "LogLevel=INFO")
	if settings.Has("remotecommand") {
		args = append(args, "-o", "RemoteCommand=none")
	}
	if settings.Has("forkafterauthentication") { // OpenSSH 8.7
		args = append(args, "-o", "ForkAfterAuthentication=no")
	}
	switch settings.Get("stricthostkeychecking") {
	case "no", "off", "false":
		// A new key passes, as the user wants it; one that changed never does.
		args = append(args, "-o", "StrictHostKeyChecking=accept-new")
	}
	return append(args, "--", c.options.Address)
}

// client connects to the control socket as soon as it is there, which is when the user is authenticated.
func (m *master) client(ctx context.Context) (*ssh.Client, error) {
	raw, err := m.awaitSocket(ctx)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { closeQuietly(raw) })
	defer stop()
	conn, channels, requests, err := ssh.NewControlClientConn(raw)
	if err != nil {
		closeQuietly(raw)
		return nil, fmt.Errorf("speak with the control master: %w", err)
	}
	return ssh.NewClient(conn, channels, requests), nil
}

// awaitSocket connects to the control socket. ssh tells by nothing but the socket that it is ready.
func (m *master) awaitSocket(ctx context.Context) (net.Conn, error) {
	tick := time.NewTicker(socketPoll)
	defer tick.Stop()
	for {
		if raw, err := net.Dial("unix", m.socket); err == nil {
			return raw, nil
		}
		select {
		case <-m.ended:
			return nil, m.exit
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// socketPoll is how often the control socket is looked for.
const socketPoll = 5 * time.Millisecond

// asking returns how the questions of one attempt are asked; its clock stands still meanwhile.
func (c *connector) asking(patience *remote.Patience) func(context.Context, prompt.Prompt) (string, error) {
	return func(ctx context.Context, p prompt.Prompt) (string, error) {
		defer patience.Pause()()
		p.Host, p.User = c.options.Name, c.User()
		return c.options.Prompts.Ask(ctx, prompt.From(ctx), p)
	}
}
