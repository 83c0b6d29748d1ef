package broker

import (
	"context"
	"encoding/base64"
	"errors"
	"regexp"
	"sync"
	"time"

	"github.com/conbroker/conbroker/consoles"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// maxTyped bounds what a connection may have typed ahead of a guest that does not read, in bytes, beside the console's own queue.
const maxTyped = 1 << 20

// keyboard keeps what one connection does to one console in order: typing, resizing, breaks. Handlers on the read loop only
// append; one goroutine, alive while there is something to do, does the work, which may have to wait for the guest.
type keyboard struct {
	s       *session
	console *consoles.Console

	mu      sync.Mutex
	queue   []stroke
	bytes   int
	running bool
}

// stroke is one thing to do.
type stroke struct {
	size int // bytes of input
	do   func(ctx context.Context) (offset int64, err error)
	done func(offset int64, err error)
}

// errTypedAhead says that a notification's input found no room.
var errTypedAhead = errors.New("the guest does not read, and too much is typed ahead")

// keyboard returns this connection's keyboard of a console.
func (s *session) keyboard(id string) (*keyboard, error) {
	c, err := s.broker.find(id)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.keyboards[id]
	if !ok || k.console != c {
		k = &keyboard{s: s, console: c}
		s.keyboards[id] = k
	}
	return k, nil
}

// forgetConsole drops what this connection kept of a console that is not listed any more.
func (s *session) forgetConsole(c *consoles.Console) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k, ok := s.keyboards[c.ID()]; ok && k.console == c {
		delete(s.keyboards, c.ID())
		delete(s.matched, c.ID())
	}
}

// tryNow does typing at once if nothing is queued before it and the console has room for it: a keystroke then waits for no
// goroutine.
func (k *keyboard) tryNow(data []byte) (offset int64, done bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.running {
		return 0, false
	}
	a := k.writing()
	if a == nil {
		return 0, false
	}
	offset, err := a.TryInput(data)
	return offset, err == nil
}

// push appends a stroke. Input sent as a notification is refused when too much is queued; a request waits for its turn.
func (k *keyboard) push(st stroke, bounded bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if bounded && k.bytes+st.size > maxTyped {
		return errTypedAhead
	}
	k.queue = append(k.queue, st)
	k.bytes += st.size
	if !k.running {
		k.running = true
		k.s.work.Go(k.run)
	}
	return nil
}

// run does what is queued and ends when nothing is left.
func (k *keyboard) run() {
	for {
		k.mu.Lock()
		if len(k.queue) == 0 {
			k.running = false
			k.mu.Unlock()
			return
		}
		st := k.queue[0]
		k.queue = k.queue[1:]
		k.mu.Unlock()
		st.done(st.do(k.s.conn.Context()))
		k.mu.Lock()
		k.bytes -= st.size
		k.mu.Unlock()
	}
}

// perform queues work of the message being handled. A request is answered when it is done; a notification's failure is told by
// failed.
func (k *keyboard) perform(ctx context.Context, size int, do func(ctx context.Context) (int64, error), failed func(error)) error {
	if isNotification(ctx) {
		st := stroke{size: size, do: do, done: func(_ int64, err error) {
			if err != nil {
				failed(err)
			}
		}}
		if err := k.push(st, true); err != nil {
			failed(err)
		}
		return nil
	}
	type outcome struct {
		offset int64
		err    error
	}
	finished := make(chan outcome, 1)
	st := stroke{size: size, do: do, done: func(offset int64, err error) { finished <- outcome{offset, err} }}
	if err := k.push(st, false); err != nil {
		return err
	}
	return later{run: func(ctx context.Context) (any, error) {
		select {
		case o := <-finished:
			return &protocol.ConsoleInputResult{Offset: o.offset}, o.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
}

// writing returns this connection's attachment to the console that may type, if it has one.
func (k *keyboard) writing() *consoles.Attachment {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	for _, v := range k.s.viewers {
		if v.attachment.Console() == k.console && v.attachment.Mode() == consoles.Write {
			return v.attachment
		}
	}
	return nil
}

// inputPiece is how much is given to the console at a time, in bytes: less than its queue holds.
const inputPiece = 256 << 10

// input types into the console, piece by piece as the guest reads.
func (k *keyboard) input(ctx context.Context, data []byte) (int64, error) {
	first, err := k.inputPiece(ctx, data[:min(len(data), inputPiece)])
	for rest := data[min(len(data), inputPiece):]; len(rest) > 0 && err == nil; rest = rest[min(len(rest), inputPiece):] {
		_, err = k.inputPiece(ctx, rest[:min(len(rest), inputPiece)])
	}
	return first, err
}

// inputPiece types as the writer if this connection is, else for the moment, if nobody else writes.
func (k *keyboard) inputPiece(ctx context.Context, data []byte) (int64, error) {
	if a := k.writing(); a != nil {
		return a.Input(ctx, data)
	}
	return k.console.Send(ctx, k.s.name(), data)
}

// resize sets the size as the writer, or as a visitor while there is none.
func (k *keyboard) resize(size consoles.Size) error {
	if a := k.writing(); a != nil {
		return a.Resize(size)
	}
	visitor, err := k.console.Attach(consoles.AttachOptions{Client: k.s.name(), Mode: consoles.Read, Replay: consoles.ReplayNone})
	if err != nil {
		return err
	}
	defer visitor.Detach()
	return visitor.Resize(size)
}

// ConsoleInput implements protocol.Server.
func (s *session) ConsoleInput(ctx context.Context, params *protocol.ConsoleInputParams) (*protocol.ConsoleInputResult, error) {
	data, err := decodeInput(params)
	if err != nil {
		return nil, err
	}
	refused := func(err error) {
		s.notify("console/inputRefused", protocol.ConsoleInputRefusedParams{Console: params.Console, Length: len(data), Error: wireError(err, "")})
	}
	k, err := s.keyboard(params.Console)
	if err != nil {
		if isNotification(ctx) {
			refused(err)
			return nil, nil
		}
		return nil, err
	}
	if offset, done := k.tryNow(data); done {
		return &protocol.ConsoleInputResult{Offset: offset}, nil
	}
	return nil, k.perform(ctx, len(data), func(ctx context.Context) (int64, error) { return k.input(ctx, data) }, refused)
}

// decodeInput returns the bytes that were typed.
func decodeInput(params *protocol.ConsoleInputParams) ([]byte, error) {
	if params.Encoding != protocol.EncodingBase64 {
		return []byte(params.Data), nil
	}
	data, err := base64.StdEncoding.DecodeString(params.Data)
	if err != nil {
		return nil, invalid("data is not base64: %v", err)
	}
	return data, nil
}

// ConsoleResize implements protocol.Server.
func (s *session) ConsoleResize(ctx context.Context, params *protocol.ConsoleResizeParams) (*protocol.Empty, error) {
	if err := badSize(&params.Size); err != nil {
		return nil, err
	}
	size := consoles.Size{Cols: params.Size.Cols, Rows: params.Size.Rows}
	return s.act(ctx, params.Console, func(_ context.Context, k *keyboard) error { return k.resize(size) })
}

// ConsoleBreak implements protocol.Server.
func (s *session) ConsoleBreak(ctx context.Context, params *protocol.ConsoleBreakParams) (*protocol.Empty, error) {
	return s.act(ctx, params.Console, func(ctx context.Context, k *keyboard) error { return k.console.Break(ctx) })
}

// act queues something other than typing on a console's keyboard.
func (s *session) act(ctx context.Context, console string, do func(ctx context.Context, k *keyboard) error) (*protocol.Empty, error) {
	k, err := s.keyboard(console)
	if err != nil {
		return nil, err
	}
	err = k.perform(ctx, 0, func(ctx context.Context) (int64, error) { return 0, do(ctx, k) }, func(err error) {
		s.log(protocol.MessageWarning, wireError(err, "").Message)
	})
	return &protocol.Empty{}, err
}

// The bounds of console/expect.
const (
	defaultExpect = 30 * time.Second
	maxExpect     = 24 * time.Hour
	maxPattern    = 64 << 10
	maxBefore     = 256 << 10
)

// ConsoleExpect implements protocol.Server.
func (s *session) ConsoleExpect(ctx context.Context, params *protocol.ConsoleExpectParams) (*protocol.ConsoleExpectResult, error) {
	c, err := s.broker.find(params.Console)
	if err != nil {
		return nil, err
	}
	if len(params.Pattern) > maxPattern {
		return nil, invalid("pattern is longer than %d bytes", maxPattern)
	}
	pattern, err := regexp.Compile(params.Pattern)
	if err != nil {
		return nil, invalid("pattern: %v", err)
	}
	wait := defaultExpect
	if params.Timeout != nil {
		if !(*params.Timeout >= 0 && *params.Timeout <= maxExpect.Seconds()) {
			return nil, invalid("timeout must be between 0 and %d seconds", int(maxExpect.Seconds()))
		}
		wait = time.Duration(*params.Timeout * float64(time.Second))
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	match, err := c.Expect(ctx, consoles.ExpectOptions{Pattern: pattern, From: s.expectFrom(params), Raw: params.Raw, MaxBefore: maxBefore})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.matched[c.ID()] = match.Offset
	s.mu.Unlock()
	return &protocol.ConsoleExpectResult{Match: match.Match, Groups: match.Groups, Before: match.Before, Offset: match.Offset}, nil
}

// expectFrom is where a search begins: where the params say, after this connection's last match, or with all that is kept.
func (s *session) expectFrom(params *protocol.ConsoleExpectParams) int64 {
	if params.From != nil {
		return *params.From
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if offset, ok := s.matched[params.Console]; ok {
		return offset
	}
	return -1
}
