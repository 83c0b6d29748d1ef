package client

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/conbroker/conbroker/rpc/protocol"
)

const (
	// defaultWindow is the broker's window if console/attach names none, minWindow the smallest that it grants.
	defaultWindow, minWindow = 128 << 10, 4 << 10
	// maxSnapshot is added to the window in the bound of what may wait: a snapshot is not counted in the window.
	maxSnapshot = 4 << 20
	// maxEvents is how many events a Console holds.
	maxEvents = 64
)

// output holds what the broker has sent for an attachment and nobody has read yet.
type output struct {
	console string
	window  int64
	events  chan Event

	mu      sync.Mutex
	changed sync.Cond
	waiting []piece
	size    int   // bytes of waiting
	next    int64 // offset at which further output is due
	read    int64 // offset up to which output was read
	acked   int64 // offset up to which that was told to the broker
	err     error // what take returns when nothing is waiting any more; set once
	exit    *protocol.ConsoleExit
}

// piece is output, or a gap in it.
type piece struct {
	data     []byte
	snapshot bool  // data is no part of the stream
	end      int64 // offset behind it
	gap      *GapError
}

func (o *output) init(console string, offset, window int64) {
	o.changed.L = &o.mu
	o.console, o.window = console, window
	if window <= 0 {
		o.window = defaultWindow
	}
	o.window = max(o.window, minWindow)
	o.next, o.read, o.acked = offset, offset, offset
	o.events = make(chan Event, maxEvents)
}

// take waits for output and copies it to p. An ack above 0 is to be sent to the broker.
func (o *output) take(p []byte) (n int, ack int64, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.waiting) == 0 {
		if o.err != nil {
			return 0, 0, o.err
		}
		o.changed.Wait()
	}
	first := &o.waiting[0]
	if first.gap != nil {
		err = first.gap
	}
	n = copy(p, first.data)
	first.data = first.data[n:]
	o.size -= n
	if !first.snapshot {
		o.read = first.end - int64(len(first.data))
	}
	if len(first.data) == 0 {
		o.waiting = o.waiting[1:]
	}
	// A quarter of the window: often enough that the broker never waits, seldom enough to cost nothing.
	if o.read-o.acked >= o.window/4 {
		o.acked = o.read
		ack = o.read
	}
	return n, ack, err
}

// add appends output. Offsets that skip are a gap, even if the broker did not say so; those that go back are a fault.
func (o *output) add(m *protocol.ConsoleOutputParams) error {
	data, err := base64.StdEncoding.DecodeString(m.Data)
	if err != nil {
		return fmt.Errorf("output at offset %d: %w", m.Offset, err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case m.Offset < o.next:
		return fmt.Errorf("output at offset %d was sent twice", m.Offset)
	case !m.Snapshot && m.Length != int64(len(data)):
		return fmt.Errorf("output at offset %d has %d bytes and says %d", m.Offset, len(data), m.Length)
	case o.size+len(data) > int(o.window)+maxSnapshot:
		return fmt.Errorf("the broker sends more than the window of %d bytes", o.window)
	}
	o.skip(m.Offset)
	o.push(piece{data: data, snapshot: m.Snapshot, end: m.Offset + m.Length})
	return nil
}

// gap notes that output up to an offset is missing.
func (o *output) gap(m protocol.ConsoleGapParams) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.skip(m.To)
}

func (o *output) skip(to int64) {
	if to > o.next {
		o.push(piece{end: to, gap: &GapError{Console: o.console, From: o.next, To: to}})
	}
}

func (o *output) push(p piece) {
	o.next = p.end
	if o.err != nil || len(p.data) == 0 && p.gap == nil {
		return
	}
	o.waiting = append(o.waiting, p)
	o.size += len(p.data)
	o.changed.Broadcast()
}

// end lets readers get err when all is read, or at once. It reports whether the attachment was alive before.
func (o *output) end(err error, drop bool) (alive bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	alive = o.err == nil
	if alive {
		close(o.events)
	}
	if alive || drop {
		o.err = err
	}
	if drop {
		o.waiting, o.size = nil, 0
	}
	o.changed.Broadcast()
	return alive
}

// ended reports whether the attachment ended with err.
func (o *output) ended(err error) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return errors.Is(o.err, err)
}

func (o *output) exitStatus() *protocol.ConsoleExit {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.exit
}

// happen adds an event; if nobody reads events, the oldest goes.
func (o *output) happen(e Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return
	}
	if e.Closed != nil {
		o.exit = &e.Closed.Exit
	}
	for {
		select {
		case o.events <- e:
			return
		default:
		}
		select {
		case <-o.events:
		default:
		}
	}
}

// receive takes a notification for this attachment. It runs on the read loop and never waits.
func (k *Console) receive(m message) {
	if err := k.take(m); err != nil {
		k.client.opts.Logger.Warn("a console's message is wrong", "method", m.method, "console", k.params.Console, "error", err)
		k.fail(err)
	}
}

func (k *Console) take(m message) error {
	switch m.method {
	case "console/output":
		return k.output.add(m.output)
	case "console/gap":
		return unpack(m, k.output.gap)
	case "console/didChange":
		return unpack(m, func(p protocol.ConsoleDidChangeParams) { k.output.happen(Event{Changed: &p}) })
	case "console/inputRefused":
		return unpack(m, func(p protocol.ConsoleInputRefusedParams) { k.output.happen(Event{Refused: &p}) })
	}
	return unpack(m, func(p protocol.ConsoleDidCloseParams) {
		k.output.happen(Event{Closed: &p})
		k.output.end(io.EOF, false)
	})
}

func unpack[P any](m message, f func(P)) error {
	var params P
	if err := json.Unmarshal(m.params, &params); err != nil {
		return err
	}
	f(params)
	return nil
}
