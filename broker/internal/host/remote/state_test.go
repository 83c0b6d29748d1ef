//go:build unix

package remote

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/conbroker/conbroker/broker/internal/host"
)

func isReason(err, want error) bool { return errors.Is(err, want) }

func TestPatienceDoesNotCountQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, p := NewPatience(t.Context(), 10*time.Second)
		defer p.Done()
		time.Sleep(6 * time.Second)
		resume := p.Pause()
		again := p.Pause()
		time.Sleep(time.Hour)
		again()
		resume()
		time.Sleep(3 * time.Second)
		if ctx.Err() != nil {
			t.Error("the time of the question was counted")
		}
		time.Sleep(2 * time.Second)
		if !errors.Is(context.Cause(ctx), ErrTimeout) {
			t.Errorf("after 11 seconds: %v", context.Cause(ctx))
		}
	})
}

func TestGateBoundsHandshakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate()
		var leaves []func()
		for range gateWidth {
			leave, err := g.Enter(t.Context(), "gate")
			if err != nil {
				t.Fatal(err)
			}
			leaves = append(leaves, leave)
		}
		if leave, err := g.Enter(t.Context(), "other"); err != nil {
			t.Error(err)
		} else {
			leave()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := g.Enter(ctx, "gate"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("one too many: %v", err)
		}
		entered := make(chan func())
		go func() {
			leave, err := g.Enter(t.Context(), "gate")
			if err != nil {
				t.Error(err)
			}
			entered <- leave
		}()
		leaves[0]()
		leaves[0] = <-entered
		for _, leave := range leaves {
			leave()
		}
		if len(g.doors) != 0 {
			t.Errorf("left behind: %v", g.doors)
		}
	})
}

// fakeConnector fails as told, then connects to nothing.
type fakeConnector struct {
	mu    sync.Mutex
	errs  []error
	tries []time.Time
	wait  time.Duration
	made  []*fakeConnection
}

func (c *fakeConnector) User() string { return "anna" }

func (c *fakeConnector) Connect(ctx context.Context) (Connection, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tries = append(c.tries, time.Now())
	c.mu.Unlock()
	err := pause(ctx, c.wait)
	c.mu.Lock()
	if err != nil {
		return nil, err
	}
	if len(c.errs) > 0 {
		err := c.errs[0]
		c.errs = c.errs[1:]
		return nil, err
	}
	f := &fakeConnection{ended: make(chan struct{})}
	c.made = append(c.made, f)
	return f, nil
}

// fakeConnection bears two sessions.
type fakeConnection struct {
	mu       sync.Mutex
	sessions int
	once     sync.Once
	ended    chan struct{}
}

func (c *fakeConnection) OpenChannel(string, []byte) (ssh.Channel, <-chan *ssh.Request, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sessions == 2 {
		return nil, nil, &ssh.OpenChannelError{Reason: ssh.ConnectionFailed, Message: "open failed"}
	}
	c.sessions++
	ch, reqs := &fakeChannel{ended: c.ended, closed: make(chan struct{})}, make(chan *ssh.Request)
	go func() {
		select {
		case <-c.ended:
		case <-ch.closed:
		}
		c.mu.Lock()
		c.sessions--
		c.mu.Unlock()
		close(reqs)
	}()
	return ch, reqs, nil
}

func (c *fakeConnection) Wait() error { <-c.ended; return errors.New("it was closed") }

func (c *fakeConnection) Close() error {
	c.once.Do(func() { close(c.ended) })
	return nil
}

// fakeChannel says nothing until its connection ends, and takes nothing.
type fakeChannel struct {
	ended, closed chan struct{}
	once          sync.Once
}

func (c *fakeChannel) Read([]byte) (int, error)  { <-c.ended; return 0, io.EOF }
func (c *fakeChannel) Write([]byte) (int, error) { <-c.ended; return 0, io.EOF }
func (c *fakeChannel) CloseWrite() error         { return nil }
func (c *fakeChannel) Stderr() io.ReadWriter     { return nil }

func (c *fakeChannel) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

func (c *fakeChannel) SendRequest(string, bool, []byte) (bool, error) { return true, nil }

func TestPoolBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failure := errors.New("no way")
		c := &fakeConnector{errs: []error{failure, failure, failure, ErrDropped, ErrDropped}}
		h := New(Options{Name: "lab00", Connector: c})
		for range 3 {
			if _, err := h.pool.reserve(t.Context(), sessionChannel); !errors.Is(err, failure) {
				t.Errorf("%v", err)
			}
		}
		if _, err := h.pool.reserve(t.Context(), sessionChannel); err != nil {
			t.Errorf("a server that dropped two connections: %v", err)
		}
		var gaps []time.Duration
		for i := 1; i < 4; i++ {
			gaps = append(gaps, c.tries[i].Sub(c.tries[i-1]))
		}
		if gaps[0] != backOffFirst || gaps[1] != 2*backOffFirst || gaps[2] != 4*backOffFirst {
			t.Errorf("gaps %v", gaps)
		}
		if backOff(1000) != backOffMost {
			t.Errorf("after 1000 failures: %v", backOff(1000))
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestPoolSharesOneAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failure := errors.New("no way")
		c := &fakeConnector{errs: []error{failure}, wait: time.Second}
		h := New(Options{Name: "lab00", Connector: c})
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if _, err := h.pool.reserve(t.Context(), sessionChannel); !errors.Is(err, failure) {
					t.Errorf("%v", err)
				}
			})
		}
		all.Wait()
		if len(c.tries) != 1 {
			t.Errorf("%d attempts for 20 requests", len(c.tries))
		}
		// The one that connects gives up; another takes over.
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		all.Go(func() {
			if _, err := h.pool.reserve(ctx, sessionChannel); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v", err)
			}
		})
		synctest.Wait()
		if _, err := h.pool.reserve(t.Context(), sessionChannel); err != nil {
			t.Error(err)
		}
		all.Wait()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if _, err := h.pool.reserve(t.Context(), sessionChannel); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a closed pool: %v", err)
		}
	})
}

func TestPoolSpreadsSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &fakeConnector{wait: time.Second}
		h := New(Options{Name: "lab00", Connector: c})
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if _, err := h.openSession(t.Context()); err != nil {
					t.Errorf("%v", err)
				}
			})
		}
		all.Wait()
		if h.Connections() != 5 {
			t.Errorf("%d connections", h.Connections())
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestASurplusConnectionIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &fakeConnector{}
		h := New(Options{Name: "lab00", Connector: c})
		var last *session
		for range 3 {
			var err error
			if last, err = h.openSession(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if h.Connections() != 2 {
			t.Fatalf("%d connections", h.Connections())
		}
		last.abandon()
		time.Sleep(surplusTime / 2)
		synctest.Wait()
		if h.Connections() != 2 {
			t.Error("a connection was closed at once")
		}
		time.Sleep(surplusTime)
		synctest.Wait()
		if h.Connections() != 1 {
			t.Errorf("%d connections after a while", h.Connections())
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestDuctCanBeGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan struct{})
		var work sync.WaitGroup
		d := newDuct(&fakeChannel{ended: ended, closed: make(chan struct{})}, func(f func()) { work.Go(f) }, func() {})
		d.readBy.set(time.Now().Add(time.Second))
		if _, err := d.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read: %v", err)
		}
		d.readBy.set(time.Now().Add(time.Second))
		time.Sleep(2 * time.Second)
		d.readBy.set(time.Time{})
		d.writeBy.set(time.Now().Add(time.Second))
		if _, err := d.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("write: %v", err)
		}
		d.writeBy.set(time.Now().Add(-time.Second))
		if _, err := d.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("write after the deadline: %v", err)
		}
		d.writeBy.set(time.Time{})
		failed := make(chan error, 2)
		go func() { _, err := d.Read(make([]byte, 1)); failed <- err }()
		go func() { _, err := d.Write([]byte("x")); failed <- err }()
		synctest.Wait()
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := <-failed; !errors.Is(err, net.ErrClosed) {
				t.Errorf("after Close: %v", err)
			}
		}
		close(ended)
		work.Wait()
	})
}

func TestSecretsLiveAsLongAsAConnection(t *testing.T) {
	var s Secrets
	first := s.Begin()
	if _, ok := first.Find("password?"); ok {
		t.Error("an answer that nobody gave")
	}
	first.Give("password?", "wrong")
	first.Give("password?", "tiger")
	first.Keep()
	first.Drop()
	second := s.Begin()
	if got, ok := second.Find("password?"); !ok || got != "tiger" {
		t.Errorf("found %q, %v", got, ok)
	}
	if _, ok := second.Find("password?"); ok {
		t.Error("a wrong answer would be given again and again")
	}
	second.Drop() // it failed
	if got, ok := s.Begin().Find("password?"); !ok || got != "tiger" {
		t.Errorf("after a failed attempt: %q, %v", got, ok)
	}
	held := s.answers["password?"]
	s.Release()
	if _, ok := s.Begin().Find("password?"); ok || string(held) != "\x00\x00\x00\x00\x00" {
		t.Errorf("after the last connection: %q", held)
	}
}

func FuzzReadExit(f *testing.F) {
	f.Add("exit-status", []byte{0, 0, 0, 3})
	f.Add("exit-signal", ssh.Marshal(struct {
		Signal     string
		Core       bool
		Error, Tag string
	}{"KILL", false, "", ""}))
	f.Fuzz(func(t *testing.T, kind string, payload []byte) {
		status, ok := readExit(kind, payload)
		if ok && (status.Code < 0 || status.Code > 255) {
			t.Errorf("status %+v", status)
		}
	})
}

func TestWordReasons(t *testing.T) {
	for word, want := range map[string]error{
		"missing": host.ErrNotInstalled, "denied": host.ErrPermission, "noraise": host.ErrNotInstalled,
		"nodir": host.ErrFileNotFound, "closeddir": host.ErrPermission,
	} {
		if err := wordReason(word, order{Command: host.Command{Argv: []string{"xl"}, Dir: "/d"}, raise: []string{"sudo"}}); !errors.Is(err, want) {
			t.Errorf("%s: %v", word, err)
		}
	}
	if err := wordReason("ok 12", order{}); err != nil {
		t.Error(err)
	}
}
