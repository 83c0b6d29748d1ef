package endpoint

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

const (
	// lockWait is how long a new daemon waits for one that is ending.
	lockWait = 5 * time.Second
	// lockRetry is how often a lock that somebody holds is tried again.
	lockRetry = 20 * time.Millisecond
)

// Options say what a daemon is.
type Options struct {
	// Hello introduces it.
	Hello Hello
	// Idle decides when it ends; nil means never by itself.
	Idle *Idle
	// Log gets what goes wrong with single connections; nil drops it.
	Log *slog.Logger
}

// Listener is the daemon's hold on its place: the lock and the listening socket. It is made by [Listen], used by [Serve],
// and closed by its owner after Serve has returned.
type Listener struct {
	place   Place
	options Options
	lock    *flock.Flock
	socket  *net.UnixListener
	closing sync.Once
	err     error
}

// Listen takes the place's lock, removes what a dead daemon left, and listens, mode 0600. While another daemon runs the
// error is a *[RunningError]; one that is ending is waited for.
func Listen(ctx context.Context, p Place, o Options) (*Listener, error) {
	if o.Idle == nil {
		o.Idle = NewIdle(0)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	lock, err := takeLock(ctx, p)
	if err != nil {
		return nil, err
	}
	socket, err := listenUnix(ctx, p.Socket)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	// Readers of the lock file learn whom to name. Windows locks the content too, and the file stays as it is.
	_ = os.WriteFile(p.Lock, fmt.Appendf(nil, "%d %s\n", os.Getpid(), o.Hello.Version), 0o600)
	return &Listener{place: p, options: o, lock: lock, socket: socket}, nil
}

// takeLock takes the lock that a daemon holds for life.
func takeLock(ctx context.Context, p Place) (*flock.Flock, error) {
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	retry := time.NewTicker(lockRetry)
	defer retry.Stop()
	lock := flock.New(p.Lock, flock.SetPermissions(0o600))
	for {
		taken, err := lock.TryLock()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", p.Lock, err), lock.Close())
		}
		if taken {
			return lock, nil
		}
		if peer, err := Probe(ctx, p); err == nil {
			return nil, errors.Join(&RunningError{PID: peer.PID, Version: peer.Version, Lock: p.Lock}, lock.Close())
		}
		select {
		case <-retry.C:
		case <-ctx.Done():
			return nil, errors.Join(holder(p), lock.Close())
		}
	}
}

// holder names the daemon that holds the lock and does not answer.
func holder(p Place) error {
	e := &RunningError{Lock: p.Lock}
	if data, err := os.ReadFile(p.Lock); err == nil {
		pid, version, _ := strings.Cut(strings.TrimSpace(string(data[:min(len(data), maxLine)])), " ")
		if n, err := strconv.Atoi(pid); err == nil {
			e.PID, e.Version = n, version
		}
	}
	return e
}

// listenUnix binds a socket in the private directory. The caller holds what entitles it to remove the old one.
func listenUnix(ctx context.Context, path string) (*net.UnixListener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove the old socket: %w", err)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("close %s to others: %w", path, err), l.Close())
	}
	return l.(*net.UnixListener), nil
}

// Place returns where it listens.
func (l *Listener) Place() Place { return l.place }

// ListenAttach listens at the place's Attach socket, for this user only. The caller closes it before the Listener.
func (l *Listener) ListenAttach(ctx context.Context) (net.Listener, error) {
	socket, err := listenUnix(ctx, l.place.Attach)
	if err != nil {
		return nil, err
	}
	return &ownListener{UnixListener: socket, log: l.options.Log}, nil
}

// Close stops listening, removes the socket and gives the lock back.
func (l *Listener) Close() error {
	l.closing.Do(func() {
		err := l.socket.Close()
		if errors.Is(err, net.ErrClosed) {
			err = nil // Serve closed it when it stopped accepting
		}
		l.err = errors.Join(err, l.lock.Close())
	})
	return l.err
}
