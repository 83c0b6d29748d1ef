// Package qmp is a client for the QEMU Machine Protocol: JSON lines over a stream, a greeting, commands with ids, and
// events in between (QEMU docs/interop/qmp-spec.txt; tested with QEMU 7.2).
package qmp

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// Bounds against a hostile or broken peer.
const (
	// maxLine is the longest message taken. The largest answer of QEMU 7.2 that the broker could ask for is a few KiB;
	// query-qmp-schema has 170 KiB.
	maxLine = 1 << 20
	// maxEvents is how many events wait for their reader.
	maxEvents = 64
	// maxPending is how many commands may wait for their answer.
	maxPending = 64
)

// Monitor is one connection to a QMP server. Its methods may be called from several goroutines.
type Monitor struct {
	conn    net.Conn
	version Version
	events  chan Event
	done    chan struct{} // closed when the reader has ended; err is then final
	writing chan struct{} // holds one token: the right to write to conn

	mu      sync.Mutex // protects the following
	lastID  uint64
	pending map[uint64]chan message // commands without an answer; each channel holds one
	err     error                   // why the connection ended; set once
	greeted chan message            // nil once the greeting was taken

	closing sync.Once
}

// Open takes over conn, waits for the greeting, and enters command mode. It closes conn when that fails or ctx ends
// first. A QMP server takes one client at a time: the greeting does not come while another is connected.
func Open(ctx context.Context, conn net.Conn) (*Monitor, error) {
	greeted := make(chan message, 1)
	m := &Monitor{
		conn:    conn,
		events:  make(chan Event, maxEvents),
		done:    make(chan struct{}),
		writing: make(chan struct{}, 1),
		pending: make(map[uint64]chan message),
		greeted: greeted,
	}
	go m.read()
	err := m.handshake(ctx, greeted)
	if err != nil {
		m.Close()
		return nil, fmt.Errorf("open qmp connection: %w", err)
	}
	return m, nil
}

func (m *Monitor) handshake(ctx context.Context, greeted <-chan message) error {
	select {
	case g := <-greeted:
		m.version = *g.greeting
	case <-m.done:
		return m.reason()
	case <-ctx.Done():
		return fmt.Errorf("wait for greeting: %w", ctx.Err())
	}
	return m.Execute(ctx, "qmp_capabilities", nil, nil)
}

// Version is QEMU's version from the greeting.
func (m *Monitor) Version() Version { return m.version }

// Events returns the channel of events. It holds 64; while it is full further events are dropped and counted in the
// Lost of the next. It is closed when the connection ends.
func (m *Monitor) Events() <-chan Event { return m.events }

// Done is closed when the connection has ended.
func (m *Monitor) Done() <-chan struct{} { return m.done }

// Close ends the connection and waits for the reader. Commands without an answer fail with ErrClosed.
func (m *Monitor) Close() error {
	m.fail(ErrClosed)
	<-m.done
	return nil
}

// Execute sends a command and waits for its answer. The arguments args are marshalled to a JSON object, nil for none;
// the answer is unmarshalled into result unless that is nil. A refusal is a *CommandError. When ctx ends the answer is
// no longer awaited, but QEMU may still carry the command out.
func (m *Monitor) Execute(ctx context.Context, command string, args, result any) error {
	id, answer, err := m.register()
	if err != nil {
		return fmt.Errorf("qmp command %s: %w", command, err)
	}
	request := struct {
		Execute   string `json:"execute"`
		Arguments any    `json:"arguments,omitempty"`
		ID        uint64 `json:"id"`
	}{command, args, id}
	line, err := json.Marshal(request)
	if err != nil {
		m.forget(id)
		return fmt.Errorf("qmp command %s: arguments: %w", command, err)
	}
	if err := m.write(ctx, append(line, '\n')); err != nil {
		m.forget(id)
		return fmt.Errorf("qmp command %s: %w", command, err)
	}
	reply, err := m.await(ctx, answer)
	if err != nil {
		return fmt.Errorf("qmp command %s: %w", command, err)
	}
	return finish(command, reply, result)
}

// finish turns an answer into the outcome of Execute.
func finish(command string, reply message, result any) error {
	if reply.fault != nil {
		reply.fault.Command = command
		return reply.fault
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(reply.result, result); err != nil {
		return fmt.Errorf("qmp command %s: answer: %w", command, err)
	}
	return nil
}

// await waits for the answer to a command. One that comes when the connection ends at once afterwards still counts:
// "quit" is answered like that.
func (m *Monitor) await(ctx context.Context, answer <-chan message) (message, error) {
	select {
	case reply := <-answer:
		return reply, nil
	case <-ctx.Done():
		return message{}, ctx.Err()
	case <-m.done:
	}
	select {
	case reply := <-answer:
		return reply, nil
	default:
		return message{}, m.reason()
	}
}

// register reserves an id.
func (m *Monitor) register() (uint64, <-chan message, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return 0, nil, m.err
	}
	if len(m.pending) >= maxPending {
		return 0, nil, fmt.Errorf("%d commands have no answer yet", maxPending)
	}
	m.lastID++
	answer := make(chan message, 1)
	m.pending[m.lastID] = answer
	return m.lastID, answer, nil
}

func (m *Monitor) forget(id uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.pending, id)
}

// write sends one line. If ctx ends in the middle of it the connection cannot be used further and is closed. Deadlines
// are not used because connections through SSH have none.
func (m *Monitor) write(ctx context.Context, line []byte) error {
	select {
	case m.writing <- struct{}{}:
		defer func() { <-m.writing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	stop := context.AfterFunc(ctx, func() { m.fail(ctx.Err()) })
	defer stop()
	if _, err := m.conn.Write(line); err != nil {
		m.fail(fmt.Errorf("%w: write: %w", ErrClosed, err))
		return m.reason()
	}
	return nil
}

// read takes messages until the connection ends. It never waits for anybody but the peer.
func (m *Monitor) read() {
	defer close(m.done)
	defer close(m.events)
	lines := bufio.NewScanner(m.conn)
	lines.Buffer(make([]byte, 4096), maxLine)
	var lost uint64
	for lines.Scan() {
		if len(lines.Bytes()) == 0 {
			continue
		}
		msg, err := decode(lines.Bytes())
		if err == nil && msg.event != nil {
			lost = m.publish(msg.event, lost)
			continue
		}
		if err == nil {
			err = m.deliver(msg)
		}
		if err != nil {
			m.fail(err)
			return
		}
	}
	m.fail(endOfInput(lines.Err()))
}

// endOfInput names the reason for which the scanner stopped.
func endOfInput(err error) error {
	switch {
	case err == nil:
		return fmt.Errorf("%w: %w", ErrClosed, io.EOF)
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("%w: a message is longer than %d bytes", ErrProtocol, maxLine)
	default:
		return fmt.Errorf("%w: read: %w", ErrClosed, err)
	}
}

// publish hands an event over or drops it, and returns how many were dropped since the last one handed over.
func (m *Monitor) publish(e *Event, lost uint64) uint64 {
	e.Lost = lost
	select {
	case m.events <- *e:
		return 0
	default:
		return lost + 1
	}
}

// deliver hands a greeting or an answer to whoever waits for it.
func (m *Monitor) deliver(msg message) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if msg.greeting != nil {
		if m.greeted == nil {
			return fmt.Errorf("%w: second greeting", ErrProtocol)
		}
		m.greeted <- msg
		m.greeted = nil
		return nil
	}
	answer, ok := m.pending[msg.id]
	switch {
	case !msg.hasID && msg.fault != nil:
		return fmt.Errorf("%w: error without a command: %s", ErrProtocol, excerpt([]byte(msg.fault.Desc)))
	case !msg.hasID || !ok:
		return fmt.Errorf("%w: answer to a command that was not sent", ErrProtocol)
	}
	delete(m.pending, msg.id)
	answer <- msg
	return nil
}

// fail records why the connection ended, once, and closes it.
func (m *Monitor) fail(reason error) {
	m.mu.Lock()
	if m.err == nil {
		m.err = reason
	}
	m.mu.Unlock()
	m.closing.Do(func() { m.conn.Close() })
}

// reason returns why the connection ended.
func (m *Monitor) reason() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}
