//go:build unix

package host_test

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/host/local"
	"github.com/conbroker/conbroker/consoles"
)

// plain is a Host without abilities, so that the functions of package host must use commands. It counts round trips.
type plain struct {
	inner host.Host
	runs  *atomic.Int64
	// noise is what a chatty login shell prints before the command's output.
	noise string
	// limit, if not zero, stands in for a smaller Command.Limit.
	limit int
}

func (p plain) Name() string { return p.inner.Name() }

func (p plain) Run(ctx context.Context, c host.Command) (host.Result, error) {
	p.runs.Add(1)
	if p.limit != 0 {
		c.Limit = p.limit
	}
	r, err := p.inner.Run(ctx, c)
	r.Stdout = append([]byte(p.noise), r.Stdout...)
	return r, err
}

func (p plain) Start(ctx context.Context, c host.Command, t host.Terminal) (consoles.Stream, error) {
	return p.inner.Start(ctx, c, t)
}

func (p plain) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return p.inner.Dial(ctx, network, address)
}

func (p plain) Close() error { return p.inner.Close() }

var _ host.Host = plain{}

// bothForms returns this computer with its abilities, and without them.
func bothForms(t *testing.T, env map[string]string) (direct *local.Host, commands plain) {
	t.Helper()
	for name, value := range env {
		t.Setenv(name, value)
	}
	direct = local.New(local.Options{})
	t.Cleanup(func() { closeNow(t, direct) })
	return direct, plain{inner: direct, runs: new(atomic.Int64), noise: "Welcome!\nsection end\n"}
}

func closeNow(t *testing.T, c io.Closer) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}
