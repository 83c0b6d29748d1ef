package remote

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// ductBuffer is the size of a read; it is that of the packets that SSH channels bring at most.
const ductBuffer = 32 << 10

// duct makes a channel one whose reads and writes can be given up at any time, by Close or by a deadline, even while the
// peer is stuck: the blocking calls are made by goroutines of its own, which end with the channel.
type duct struct {
	ch ssh.Channel
	// release is called once, by Close.
	release func()

	readMu sync.Mutex
	buffer []byte // belongs to pump while it reads, else to Read
	rest   []byte // of buffer, not read yet
	filled chan []byte
	empty  chan struct{} // gives buffer back to pump
	failed error         // why filled was closed

	writeMu sync.Mutex
	outbox  chan []byte
	wrote   chan error
	// owed says that an abandoned write has yet to report.
	owed bool

	readBy, writeBy deadline
	closed          chan struct{}
	closing         sync.Once
}

// newDuct starts the goroutines for ch; start runs each.
func newDuct(ch ssh.Channel, start func(func()), release func()) *duct {
	d := &duct{
		ch: ch, release: release, buffer: make([]byte, ductBuffer), filled: make(chan []byte), empty: make(chan struct{}, 1),
		outbox: make(chan []byte), wrote: make(chan error, 1), closed: make(chan struct{}),
	}
	d.readBy.init()
	d.writeBy.init()
	d.empty <- struct{}{}
	start(d.pump)
	start(d.deliver)
	return d
}

// pump reads from the channel.
func (d *duct) pump() {
	defer close(d.filled)
	for {
		select {
		case <-d.empty:
		case <-d.closed:
			return
		}
		n, err := d.ch.Read(d.buffer)
		if n > 0 {
			select {
			case d.filled <- d.buffer[:n]:
			case <-d.closed:
				return
			}
		}
		if err != nil {
			d.failed = err
			return
		}
	}
}

// deliver writes to the channel.
func (d *duct) deliver() {
	for {
		select {
		case b := <-d.outbox:
			_, err := d.ch.Write(b)
			d.wrote <- err
		case <-d.closed:
			return
		}
	}
}

// Read reads what the peer sent.
func (d *duct) Read(b []byte) (int, error) {
	d.readMu.Lock()
	defer d.readMu.Unlock()
	if len(d.rest) == 0 {
		if err := d.fill(context.Background()); err != nil {
			return 0, err
		}
	}
	return d.take(b), nil
}

// take copies what is there and gives an empty buffer back; readMu is held.
func (d *duct) take(b []byte) int {
	n := copy(b, d.rest)
	d.rest = d.rest[n:]
	if len(d.rest) == 0 {
		d.empty <- struct{}{}
	}
	return n
}

// fill waits for data; readMu is held.
func (d *duct) fill(ctx context.Context) error {
	select {
	case <-d.closed:
		return net.ErrClosed
	case <-d.readBy.passed():
		return os.ErrDeadlineExceeded
	default:
	}
	select {
	case b, ok := <-d.filled:
		if !ok {
			return d.failed
		}
		d.rest = b
		return nil
	case <-d.closed:
		return net.ErrClosed
	case <-d.readBy.passed():
		return os.ErrDeadlineExceeded
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Write sends b.
func (d *duct) Write(b []byte) (n int, err error) {
	d.writeMu.Lock()
	defer d.writeMu.Unlock()
	for len(b) > 0 {
		part := append([]byte(nil), b[:min(len(b), ductBuffer)]...)
		if err := d.send(part); err != nil {
			return n, err
		}
		n += len(part)
		b = b[len(part):]
	}
	return n, nil
}

// send hands one part to deliver and waits until it is written; writeMu is held.
func (d *duct) send(part []byte) error {
	if d.owed {
		if err := d.settle(); err != nil {
			return err
		}
	}
	select {
	case d.outbox <- part:
	case <-d.closed:
		return net.ErrClosed
	case <-d.writeBy.passed():
		return os.ErrDeadlineExceeded
	}
	d.owed = true
	return d.settle()
}

// settle waits for the report of a write.
func (d *duct) settle() error {
	select {
	case err := <-d.wrote:
		d.owed = false
		if errors.Is(err, io.EOF) { // x/crypto's word for a channel that the peer closed
			err = io.ErrClosedPipe
		}
		return err
	case <-d.closed:
		return net.ErrClosed
	case <-d.writeBy.passed():
		return os.ErrDeadlineExceeded
	}
}

// CloseWrite tells the peer that nothing more will come.
func (d *duct) CloseWrite() error {
	d.writeMu.Lock()
	defer d.writeMu.Unlock()
	return d.ch.CloseWrite()
}

// Close closes the channel. It does not wait for the peer.
func (d *duct) Close() error {
	d.closing.Do(func() {
		close(d.closed)
		d.release()
	})
	return nil
}

// deadline is a time that may be set again and again, as a channel that is closed when it has passed.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	over  chan struct{}
}

func (d *deadline) init() { d.over = make(chan struct{}) }

// passed returns the channel for the deadline as it is now.
func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.over
}

// set sets the deadline; the zero time is none. A call that waits now keeps to it as well.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.timer.Stop() {
		<-d.over // the timer has fired or is about to
	}
	d.timer = nil
	select {
	case <-d.over:
		d.over = make(chan struct{})
	default:
	}
	if t.IsZero() {
		return
	}
	over := d.over
	if wait := time.Until(t); wait > 0 {
		d.timer = time.AfterFunc(wait, func() { close(over) })
		return
	}
	close(over)
}
