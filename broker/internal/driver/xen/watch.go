package xen

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/consoles"
)

// watchPaths are what a watch asks the store for: domains that come, domains that go or shut down, and device models, which
// tell when a VNC server is there.
func watchPaths() []string {
	return []string{"@introduceDomain", "@releaseDomain", "/local/domain/0/device-model"}
}

// armTime is how long xenstore-watch may take to say that it watches.
const armTime = 30 * time.Second

// Watch keeps a xenstore-watch running on the host, which tells of each change when it happens. Pausing and unpausing leave no
// trace in the store: a change of that kind is seen at the next one, or by who makes it.
func (d *Driver) Watch(ctx context.Context, h host.Host) (<-chan struct{}, error) {
	c := host.Command{Argv: append([]string{"xenstore-watch"}, watchPaths()...), Raised: true}
	stream, err := h.Start(ctx, c, host.Terminal{Size: consoles.Size{Cols: 200, Rows: 24}})
	if err != nil {
		return nil, fmt.Errorf("watch %s sessions: %w", Type, err)
	}
	w := &watch{changed: make(chan struct{}, 1), armed: make(chan error, 1), left: len(watchPaths())}
	stop := context.AfterFunc(ctx, func() { stream.Close() })
	go func() {
		w.run(stream)
		stop()
		stream.Close()
		close(w.changed)
	}()
	if err := w.await(ctx); err != nil {
		stream.Close()
		for range w.changed {
			// until it is closed
		}
		return nil, fmt.Errorf("watch %s sessions: %w", Type, err)
	}
	return w.changed, nil
}

// watch is one call of Watch.
type watch struct {
	changed chan struct{}
	// armed gets one value: nil when the store has answered, or why it did not.
	armed chan error
	// left are the paths that have not fired yet: each does once when it is registered.
	left int
}

// await waits until the store has taken the watch, so that no later change is missed.
func (w *watch) await(ctx context.Context) error {
	t := time.NewTimer(armTime)
	defer t.Stop()
	select {
	case err := <-w.armed:
		if err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	case <-t.C:
		return fmt.Errorf("xenstore-watch said nothing for %v: %w", armTime, driver.ErrTimeout)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run reads what xenstore-watch prints, a line for each event, until it ends.
func (w *watch) run(stream consoles.Stream) {
	var line, said []byte
	buf := make([]byte, 4096)
	for {
		n, err := stream.Read(buf)
		for _, c := range buf[:n] {
			if c != '\n' {
				line = append(line, c)
				continue
			}
			if !w.event(string(bytes.TrimSpace(line))) {
				said = append(line, ' ')
			}
			line = line[:0]
		}
		if len(line) > maxLine {
			line = line[:0]
		}
		if err != nil {
			w.arm(watchFailure(string(append(said, line...)), stream.Wait()))
			return
		}
	}
}

// maxLine bounds a line; a path in the store has at most 3072 bytes.
const maxLine = 4096

// event takes a line; false means that it is none of xenstore-watch's.
func (w *watch) event(line string) bool {
	if !strings.HasPrefix(line, "@") && !strings.HasPrefix(line, "/") {
		return false
	}
	if w.left > 0 {
		w.left--
		if w.left == 0 {
			w.arm(nil)
		}
		return true
	}
	select {
	case w.changed <- struct{}{}:
	default:
	}
	return true
}

// arm tells await once.
func (w *watch) arm(err error) {
	select {
	case w.armed <- err:
	default:
	}
}

// watchFailure is the error of a watch that ended before it began.
func watchFailure(said string, status consoles.ExitStatus) error {
	said = strings.TrimSpace(clip(said))
	if said == "" {
		said = status.Reason
	}
	if strings.Contains(said, "Permission denied") {
		return fmt.Errorf("%w: %s (%s)", host.ErrPermission, said, escalationAdvice)
	}
	return errors.New("xenstore-watch ended: " + said)
}
