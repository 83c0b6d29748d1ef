// Package client is the typed Go client of a conbroker: one method per request, console output as a stream, and progress. It is
// what the command line, the tests and the benchmarks speak with.
package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/conbroker/conbroker/rpc"
	"github.com/conbroker/conbroker/rpc/protocol"
)

const (
	// goodbye bounds how long Close waits for the answer to shutdown.
	goodbye = 2 * time.Second
	// maxMessage is the largest message that the client takes, in bytes: what the broker sends at most.
	maxMessage = 4 << 20
)

// Options say who the client is. The zero value of each field means its default.
type Options struct {
	// Name and Version name the program in the broker's log and to other viewers of a console; without a name no client is named.
	Name, Version string
	// Handler takes what the broker sends on its own, one message at a time in the order of sending, except for the output of
	// consoles from [Client.Attach] and progress on [WithProgress]. Its methods may call the client, but not its Close. Errors that
	// they return are logged. Nil ignores all.
	Handler protocol.Client
	// Prompt says that Handler shows prompts to a person; without it whatever needs a secret fails at once.
	Prompt bool
	// Logger gets what is wrong with the broker's messages; never their content. Nil discards.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Handler == nil {
		o.Handler = Handlers{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Client is a connection to a broker. Its methods may be called from any goroutine. An error that the broker answered with is a
// [*protocol.Error], found with errors.As. Whoever made the client closes it.
type Client struct {
	opts    Options
	conn    *rpc.Conn
	process *process // nil if the client did not start the broker
	server  protocol.InitializeResult

	inbox    *inbox
	router   router
	progress progress
	handling context.Context // of the handler's methods
	cancel   context.CancelFunc
	workers  sync.WaitGroup // deliver and watch

	closeOnce sync.Once
	closeErr  error // valid after closeOnce
}

// New opens the conversation on a stream, which the client owns from now on, also when New fails. ctx bounds the opening only.
func New(ctx context.Context, rwc io.ReadWriteCloser, o Options) (*Client, error) {
	return open(ctx, rwc, o, nil)
}

func open(ctx context.Context, rwc io.ReadWriteCloser, o Options, p *process) (*Client, error) {
	c := &Client{opts: o.withDefaults(), inbox: newInbox(), process: p}
	c.handling, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	c.conn = rpc.NewConn(c.handling, rwc, rpc.Options{
		Handler:      receiver{c},
		CancelMethod: protocol.MethodCancelRequest,
		Ordered:      func(string) bool { return true },
		MaxBody:      maxMessage,
		MaxFirstBody: maxMessage,
		Logger:       c.opts.Logger,
	})
	c.workers.Go(c.deliver)
	c.workers.Go(c.watch)
	if err := c.handshake(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the conversation with the broker: %w", err), c.end())
	}
	return c, nil
}

func (c *Client) handshake(ctx context.Context) error {
	params := &protocol.InitializeParams{
		ProtocolVersion: protocol.Version,
		Capabilities:    protocol.ClientCapabilities{Prompt: c.opts.Prompt},
	}
	if c.opts.Name != "" {
		params.ClientInfo = &protocol.PeerInfo{Name: c.opts.Name, Version: c.opts.Version}
	}
	server, err := c.Initialize(ctx, params)
	if err != nil {
		return err
	}
	c.server = *server
	if theirs, ours := major(server.ProtocolVersion), major(protocol.Version); theirs != ours {
		return fmt.Errorf("the broker %s speaks protocol %q, this client %s: install the same version of both",
			server.ServerInfo.Version, server.ProtocolVersion, protocol.Version)
	}
	return c.NotifyInitialized(&protocol.Empty{})
}

func major(version string) string {
	first, _, _ := strings.Cut(version, ".")
	return first
}

// Server returns what the broker answered to initialize.
func (c *Client) Server() protocol.InitializeResult { return c.server }

// Done is closed when the connection has ended, by either side.
func (c *Client) Done() <-chan struct{} { return c.conn.Done() }

// Close says goodbye, ends the connection and, if the client started the broker's process, waits for that and kills it after a
// deadline. Consoles and guests live on in a persistent broker. Later calls return what the first did. The error is nil if the
// broker had ended the connection in order before.
func (c *Client) Close() error {
	c.closeOnce.Do(func() {
		c.farewell()
		c.closeErr = c.end()
	})
	return c.closeErr
}

// farewell is shutdown and exit. A broker that does not answer in time is left anyway, so no error matters.
func (c *Client) farewell() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.handling), goodbye)
	defer cancel()
	if _, err := c.Shutdown(ctx, &protocol.Empty{}); err != nil {
		c.opts.Logger.Debug("shutdown was not answered", "error", err)
		return
	}
	if err := c.NotifyExit(&protocol.Empty{}); err != nil {
		c.opts.Logger.Debug("exit was not sent", "error", err)
	}
}

// end ends the connection and waits for all goroutines and the process.
func (c *Client) end() error {
	c.cancel()
	err := c.conn.Close()
	c.workers.Wait()
	if c.process != nil {
		err = errors.Join(err, c.process.wait())
	}
	return err
}

// watch ends what depends on the connection when that ends.
func (c *Client) watch() {
	<-c.conn.Done()
	c.inbox.close()
	c.router.fail(c.closedError())
}

// closedError says why the connection has ended.
func (c *Client) closedError() error {
	cause := c.inbox.fault()
	if cause == nil {
		cause = c.conn.Err()
	}
	said := ""
	if c.process != nil {
		said = c.process.stderr.lines()
	}
	if cause == nil {
		return fmt.Errorf("the broker has gone: %w%s", rpc.ErrClosed, said)
	}
	return fmt.Errorf("the connection to the broker has ended: %w: %w%s", rpc.ErrClosed, cause, said)
}
