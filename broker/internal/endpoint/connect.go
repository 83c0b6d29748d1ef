package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/gofrs/flock"
)

const (
	// connectWait bounds Connect, the start of a daemon and the end of an old one included.
	connectWait = 30 * time.Second
	// rivalWait is how long a daemon that somebody else has started meanwhile may take to answer.
	rivalWait = 5 * time.Second
)

// Connect returns a connection to the daemon, like [Dial], and starts the daemon if there is none. start starts one and
// returns when it answers; [Spawn] is made for that. It is called under a lock, so that of many clients that come at once
// only one starts a daemon and the others use it. A daemon of another protocol is asked to end and replaced; if it is
// busy the error is an *[IncompatibleError].
func Connect(ctx context.Context, p Place, hello Hello, start func(context.Context) error) (net.Conn, PeerHello, error) {
	ctx, cancel := context.WithTimeout(ctx, connectWait)
	defer cancel()
	conn, peer, err := Dial(ctx, p, hello)
	if err == nil || !startable(err) {
		return conn, peer, err
	}
	lock := flock.New(p.StartLock, flock.SetPermissions(0o600))
	defer lock.Close()
	if _, err := lock.TryLockContext(ctx, lockRetry); err != nil {
		return nil, PeerHello{}, fmt.Errorf("wait for the client that starts the daemon (%s): %w", p.StartLock, err)
	}
	conn, peer, err = Dial(ctx, p, hello)
	if err == nil || !startable(err) {
		return conn, peer, err
	}
	if !errors.Is(err, ErrAbsent) {
		if err := replaceable(Retire(ctx, p, hello), hello); err != nil {
			return nil, peer, err
		}
	}
	return dialStarted(ctx, p, hello, start(ctx))
}

// replaceable turns the refusal of a busy daemon of another protocol into the error that says how they differ.
func replaceable(err error, own Hello) error {
	var busy *BusyError
	if errors.As(err, &busy) {
		return &IncompatibleError{Running: busy.Running, Own: own}
	}
	return err
}

// startable reports whether an error of Dial can be mended by starting a daemon.
func startable(err error) bool {
	var incompatible *IncompatibleError
	return errors.Is(err, ErrAbsent) || errors.As(err, &incompatible)
}

// dialStarted connects to the daemon that was just started. If starting failed because somebody started one by hand at the
// same time, that one is used as soon as it answers.
func dialStarted(ctx context.Context, p Place, hello Hello, startErr error) (net.Conn, PeerHello, error) {
	ctx, cancel := context.WithTimeout(ctx, rivalWait)
	defer cancel()
	for {
		conn, peer, err := Dial(ctx, p, hello)
		if err == nil {
			return conn, peer, nil
		}
		if !errors.Is(err, ErrAbsent) || startErr == nil || !isHeld(p.Lock) || !pause(ctx, lockRetry) {
			return nil, peer, errors.Join(startErr, err)
		}
	}
}

// isHeld reports whether a daemon holds the lock. Holding it for this moment does no harm: a daemon that starts now tries
// again.
func isHeld(path string) bool {
	lock := flock.New(path, flock.SetPermissions(0o600))
	taken, err := lock.TryLock()
	return errors.Join(err, lock.Close()) == nil && !taken
}
