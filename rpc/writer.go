package rpc

import (
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"
)

// keepBuffer is the largest buffer that is kept for the next message.
const keepBuffer = 256 << 10

// writer owns the writing side of the stream. It has two lanes: control
// messages, which are queued within a bound and go first, and output, which is
// pulled from the sources one frame at a time. Only its goroutine (run) writes,
// so that no other goroutine ever waits for the peer.
type writer struct {
	w         io.Writer
	maxQueued int
	maxFrame  int
	log       *slog.Logger
	fail      func(error) // called without mu when writing is over because of an error
	done      chan struct{}

	mu       sync.Mutex
	changed  *sync.Cond // anything below changed
	control  []byte     // queued frames
	writing  int        // bytes of control frames in the Write under way
	schedule schedule
	pulling  *SourceHandle // its AppendFrame is running
	flushing bool          // end when control is empty
	closed   bool          // takes nothing any more

	// used by run only
	spare []byte // the control buffer that was written last
	frame []byte // output frame
	limit int    // for the frame of the source that next returned
}

func newWriter(w io.Writer, o *Options, fail func(error)) *writer {
	wr := &writer{w: w, maxQueued: o.MaxQueued, maxFrame: o.MaxFrame, log: o.Logger, fail: fail}
	wr.changed = sync.NewCond(&wr.mu)
	wr.done = make(chan struct{})
	wr.frame = make([]byte, headerRoom, headerRoom+2*wr.maxFrame)
	return wr
}

// send queues the frame of body on the control lane. It never blocks; when the
// lane is full, the connection is given up.
func (w *writer) send(body []byte) error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return ErrClosed
	}
	if len(w.control)+w.writing+len(body) > w.maxQueued {
		w.closed = true
		w.mu.Unlock()
		w.fail(ErrOverflow)
		return ErrOverflow
	}
	w.control = appendFrame(w.control, body)
	w.changed.Broadcast()
	w.mu.Unlock()
	return nil
}

func (w *writer) addSource(s Source) *SourceHandle {
	return &SourceHandle{w: w, source: s, round: -1}
}

// flush asks run to write what is queued, no more output, and end.
func (w *writer) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flushing = true
	w.changed.Broadcast()
}

// run writes until flush is done or the stream fails.
func (w *writer) run() {
	defer close(w.done)
	for {
		control, h := w.next()
		var err error
		switch {
		case control != nil:
			_, err = w.w.Write(control)
		case h != nil:
			err = w.pull(h)
		default:
			return
		}
		if err != nil {
			w.close()
			w.fail(fmt.Errorf("rpc: write: %w", err))
			return
		}
	}
}

// next waits for something to write: control frames, else a source whose turn
// it is; neither at the end.
func (w *writer) next() (control []byte, h *SourceHandle) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writing = 0
	for {
		switch {
		case w.closed:
			return nil, nil
		case len(w.control) > 0:
			return w.takeControl(), nil
		case w.flushing:
			w.closed = true
			return nil, nil
		}
		if h, w.limit = w.schedule.next(w.maxFrame); h != nil {
			h.ready = false
			w.pulling = h
			return nil, h
		}
		w.changed.Wait()
	}
}

// takeControl swaps the queue with the buffer written last.
func (w *writer) takeControl() []byte {
	control := w.control
	w.control = w.spare[:0]
	w.writing = len(control)
	w.spare = nil
	if cap(control) <= keepBuffer {
		w.spare = control
	}
	return control
}

// pull writes one frame of h.
func (w *writer) pull(h *SourceHandle) error {
	frame, ok, more := w.appendFrame(h)
	w.pulled(h, max(0, len(frame)-headerRoom), ok && more)
	if !ok || len(frame) <= headerRoom {
		return nil
	}
	header := appendHeader(make([]byte, 0, headerRoom), len(frame)-headerRoom)
	start := headerRoom - len(header)
	copy(frame[start:], header)
	if cap(frame) <= keepBuffer {
		w.frame = frame[:headerRoom]
	}
	_, err := w.w.Write(frame[start:])
	return err
}

// appendFrame asks the source of h for a frame, behind room for the header. A
// source that panics is removed, and the connection lives on.
func (w *writer) appendFrame(h *SourceHandle) (frame []byte, ok, more bool) {
	defer func() {
		if p := recover(); p != nil {
			w.log.Error("source panicked and was removed", "panic", p, "stack", string(debug.Stack()))
			frame, ok, more = nil, false, false
			w.mu.Lock()
			h.removed = true
			w.mu.Unlock()
		}
	}()
	return h.source.AppendFrame(w.frame, w.limit)
}

// pulled ends the turn of h, which sent n bytes.
func (w *writer) pulled(h *SourceHandle, n int, more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pulling = nil
	h.sent += n
	switch {
	case h.removed:
		w.changed.Broadcast()
	case more:
		h.ready = true
		w.schedule.again(h)
	case h.ready:
		w.schedule.add(h)
	}
}

// close makes send fail and run end as soon as it is not in a Write.
func (w *writer) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.changed.Broadcast()
}
