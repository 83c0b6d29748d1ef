package consoles

import (
	"context"
	"errors"
	"fmt"
)

const (
	// inputLimit bounds the input that waits for a guest, in bytes.
	inputLimit = 1 << 20
	// inputSlice is how much is handed to the stream at once; when it has been
	// taken, its room is free again.
	inputSlice = 16 << 10
)

// inputQueue holds input on its way to the guest. It is guarded by the console's mu.
type inputQueue struct {
	buf     []byte        // accepted, not yet taken by the goroutine that writes
	spare   []byte        // memory for buf
	busy    int           // bytes that the goroutine has taken and not yet written
	running bool          // the goroutine runs; it exists only while there is input
	waiting int           // callers that wait for room
	room    chan struct{} // closed when room becomes free; nil if nobody waits
	err     error         // why nothing is accepted any more
}

// size returns the bytes that wait for the guest.
func (q *inputQueue) size() int { return len(q.buf) + q.busy }

// wakeRoom wakes those who wait for room.
func (q *inputQueue) wakeRoom() {
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
}

// Input queues p for the guest: all of it or, if there is an error, nothing. It
// waits while the queue (1 MiB) has no room. The order of inputs is kept. The
// result is the console's offset at acceptance: what the guest answers comes
// after it. Errors: ErrReadOnly, ErrClosed, ErrDetached, ErrInputTooLarge, the context's.
func (a *Attachment) Input(ctx context.Context, p []byte) (int64, error) {
	offset, err := a.c.enqueueWait(ctx, p, a.mayWrite)
	if err != nil {
		return 0, fmt.Errorf("input from %q to console %s: %w", a.client, a.c.spec.ID, err)
	}
	return offset, nil
}

// TryInput is Input without waiting: ErrInputFull if the queue has no room for
// all of p, or if an Input waits for room.
func (a *Attachment) TryInput(p []byte) (int64, error) {
	c := a.c
	c.mu.Lock()
	offset, err := c.tryEnqueue(p, a.mayWrite)
	c.mu.Unlock()
	if err != nil {
		return 0, fmt.Errorf("input from %q to console %s: %w", a.client, c.spec.ID, err)
	}
	return offset, nil
}

// mayWrite checks the right to write. c.mu is held.
func (a *Attachment) mayWrite() error {
	switch {
	case a.detached:
		return ErrDetached
	case a.c.writer.att != a:
		return ErrReadOnly
	}
	return nil
}

// tryEnqueue queues p if permit allows it and nobody waits before. c.mu is held.
func (c *Console) tryEnqueue(p []byte, permit func() error) (int64, error) {
	if c.input.waiting > 0 {
		return 0, ErrInputFull
	}
	return c.enqueue(p, permit)
}

// enqueue queues p or says why not; ErrInputFull if there is no room now. c.mu is held.
func (c *Console) enqueue(p []byte, permit func() error) (int64, error) {
	q := &c.input
	if c.closed {
		return 0, ErrClosed
	}
	if err := permit(); err != nil {
		return 0, err
	}
	switch {
	case q.err != nil:
		return 0, q.err
	case len(p) > inputLimit:
		return 0, fmt.Errorf("%w: %d bytes, the limit is %d", ErrInputTooLarge, len(p), inputLimit)
	case q.size()+len(p) > inputLimit:
		return 0, ErrInputFull
	}
	q.buf = append(q.buf, p...)
	c.bytesIn += int64(len(p))
	if !q.running && len(q.buf) > 0 {
		q.running = true
		c.wg.Go(c.writeInput)
	}
	return c.ring.total, nil
}

// enqueueWait is enqueue, but waits for room.
func (c *Console) enqueueWait(ctx context.Context, p []byte, permit func() error) (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		offset, err := c.enqueue(p, permit)
		if !errors.Is(err, ErrInputFull) {
			return offset, err
		}
		if err := c.awaitRoom(ctx); err != nil {
			return 0, err
		}
	}
}

// awaitRoom waits until the queue may have room. c.mu is held, but not while it waits.
func (c *Console) awaitRoom(ctx context.Context) error {
	q := &c.input
	if q.room == nil {
		q.room = make(chan struct{})
	}
	room := q.room
	q.waiting++
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		q.waiting--
	}()
	select {
	case <-room:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// writeInput is the goroutine that writes queued input to the stream. It ends
// when the queue is empty.
func (c *Console) writeInput() {
	for {
		batch, s := c.takeInput()
		if len(batch) == 0 {
			return
		}
		for len(batch) > 0 {
			n, err := s.Write(batch[:min(len(batch), inputSlice)])
			if c.wroteInput(s, n, err) {
				break
			}
			batch = batch[n:]
		}
	}
}

// takeInput takes what is queued, and the stream to write it to.
func (c *Console) takeInput() ([]byte, Stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := &c.input
	batch := q.buf
	if len(batch) == 0 {
		q.running, q.buf, q.spare = false, nil, nil
		return nil, nil
	}
	q.buf, q.spare = q.spare[:0], batch
	q.busy = len(batch)
	return batch, c.stream
}

// wroteInput counts n bytes written to s and reports whether the rest of the
// batch is void: the write failed, or the queue was dropped.
func (c *Console) wroteInput(s Stream, n int, err error) (stop bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := &c.input
	if c.stream != s || c.closed {
		q.busy = 0
		return true
	}
	q.busy -= n
	if err != nil {
		c.dropInput(fmt.Errorf("%w: writing to the guest failed: %w", ErrClosed, err))
		q.busy = 0
		return true
	}
	q.wakeRoom()
	return false
}

// dropInput discards queued input; err, if not nil, is what later inputs get.
// c.mu is held.
func (c *Console) dropInput(err error) {
	q := &c.input
	q.buf = nil
	q.err = err
	if q.running {
		q.spare = nil
	}
	q.wakeRoom()
}
