package attach

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// readBuffer is how much a client reads at once. It is more than a frame, so
// that one read can bring a large frame and the small ones beside it.
const readBuffer = 2 * (headerLen + maxPayload)

// detachTimeout bounds how long Close tries to say goodbye to a server that
// does not read.
const detachTimeout = 100 * time.Millisecond

// EventKind says what an Event tells.
type EventKind string

// The kinds of Event.
const (
	// Output: Data are bytes of the console's stream.
	Output EventKind = "output"
	// Snapshot: Data repaints the screen; it is not part of the stream.
	Snapshot EventKind = "snapshot"
	// Gap: the bytes From..To (To not included) are lost to this client, which read too slowly.
	Gap EventKind = "gap"
	// Changed: Change says who writes now, and the size.
	Changed EventKind = "changed"
	// Refused: the server did not do what the client asked; Refusal says why.
	Refused EventKind = "refused"
	// Exited: the console has ended; the last event.
	Exited EventKind = "exited"
)

// Event is one thing that the server tells. Fields that a kind does not name are zero.
type Event struct {
	Kind EventKind
	// Data is valid until the next call of Next.
	Data     []byte
	From, To int64
	Change   Change
	Refusal  *Error
	Exit     Exit
}

// ErrLost says that the connection ended although the console had not: the
// broker was stopped, or it closed this client's connection.
var ErrLost = errors.New("the connection to the broker was lost")

// Client is a terminal's side of an attachment. Next belongs to one goroutine;
// the other methods may be called from any.
type Client struct {
	conn    net.Conn
	welcome Welcome
	out     frameWriter

	// What follows belongs to the caller of Next.
	buf    []byte // bytes read and not yet used are buf[r:w]
	r, w   int
	offset int64
	done   bool
}

// Dial connects to the server on a Unix socket and attaches as h says; ctx
// bounds that, not what follows. Close the client when done. A refusal of the
// server is an *Error.
func Dial(ctx context.Context, socket string, h Hello) (*Client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("connect to the broker's attach socket: %w", err)
	}
	c, err := NewClient(ctx, conn, h)
	if err != nil {
		closeQuietly(conn)
		return nil, err
	}
	return c, nil
}

// NewClient is Dial over a connection that exists. If it fails, conn still
// belongs to the caller.
func NewClient(ctx context.Context, conn net.Conn, h Hello) (*Client, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	c := &Client{conn: conn, out: frameWriter{w: conn}, buf: make([]byte, readBuffer)}
	err := c.greet(h)
	if !stop() {
		return nil, fmt.Errorf("attach to console %s: %w", h.Console, ctx.Err())
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// greet sends the hello and reads the answer.
func (c *Client) greet(h Hello) error {
	h.Version = Version
	if err := writeLine(c.conn, h); err != nil {
		return fmt.Errorf("ask for console %s: %w", h.Console, err)
	}
	line, err := c.readLine()
	var a answer
	if err == nil {
		err = decodeLine(line, &a)
	}
	switch {
	case err != nil:
		return fmt.Errorf("read the broker's answer about console %s: %w", h.Console, err)
	case a.Error != nil:
		return a.Error
	case a.OK == nil:
		return fmt.Errorf("the broker's answer about console %s is neither yes nor no", h.Console)
	}
	c.welcome, c.offset = *a.OK, a.OK.Offset
	return nil
}

// readLine reads up to a newline; what follows it stays in the buffer.
func (c *Client) readLine() ([]byte, error) {
	for {
		if i := bytes.IndexByte(c.buf[c.r:c.w], '\n'); i >= 0 {
			line := c.buf[c.r : c.r+i]
			c.r += i + 1
			return line, nil
		}
		if c.w >= maxLine {
			return nil, errLineTooLong
		}
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}

// fill reads once more from the socket.
func (c *Client) fill() error {
	n, err := c.conn.Read(c.buf[c.w:])
	c.w += n
	if n > 0 {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return ErrLost
	}
	return fmt.Errorf("%w: %w", ErrLost, err)
}

// Welcome returns what the server granted.
func (c *Client) Welcome() Welcome { return c.welcome }

// Offset returns where in the console's stream the next output begins, unless a
// gap comes first. Give it as Hello.From to go on later without loss or repetition.
func (c *Client) Offset() int64 { return c.offset }

// Next waits for the next event. After Exited it returns io.EOF; ErrLost if the
// connection ends before; net.ErrClosed after Close.
func (c *Client) Next() (Event, error) {
	if c.done {
		return Event{}, io.EOF
	}
	for !c.Buffered() {
		if err := c.more(); err != nil {
			return Event{}, err
		}
	}
	t, n, err := header(c.buf[c.r:c.w])
	if err != nil {
		return Event{}, fmt.Errorf("the broker sent nonsense: %w", err)
	}
	payload := c.buf[c.r+headerLen : c.r+headerLen+n]
	c.r += headerLen + n
	ev, err := c.event(t, payload)
	if err != nil {
		return Event{}, fmt.Errorf("the broker sent nonsense: %w", err)
	}
	return ev, nil
}

// Buffered reports whether Next will return without waiting.
func (c *Client) Buffered() bool {
	have := c.buf[c.r:c.w]
	if len(have) < headerLen {
		return false
	}
	_, n, err := header(have)
	return err != nil || len(have) >= headerLen+n
}

// more makes room and reads once.
func (c *Client) more() error {
	if c.r == c.w {
		c.r, c.w = 0, 0
	} else if len(c.buf)-c.r < headerLen+maxPayload {
		c.w = copy(c.buf, c.buf[c.r:c.w])
		c.r = 0
	}
	return c.fill()
}

// event decodes one frame.
func (c *Client) event(t frameType, payload []byte) (ev Event, err error) {
	switch t {
	case frameOutput:
		c.offset += int64(len(payload))
		return Event{Kind: Output, Data: payload}, nil
	case frameSnapshot:
		return Event{Kind: Snapshot, Data: payload}, nil
	case frameGap:
		ev.Kind = Gap
		if ev.From, ev.To, err = decodeGap(payload); err == nil {
			c.offset = ev.To
		}
	case frameChange:
		ev.Kind = Changed
		err = json.Unmarshal(payload, &ev.Change)
	case frameRefusal:
		ev.Kind, ev.Refusal = Refused, &Error{}
		err = json.Unmarshal(payload, ev.Refusal)
	case frameExit:
		c.done, ev.Kind = true, Exited
		err = json.Unmarshal(payload, &ev.Exit)
	default:
		err = fmt.Errorf("unknown frame %q", t)
	}
	return ev, err
}

// Input types p. It waits while the guest does not read; Close ends the wait.
func (c *Client) Input(p []byte) error {
	for len(p) > 0 {
		n := min(len(p), maxPayload)
		if err := c.send(frameInput, p[:n]); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// Resize tells the size of this client's terminal.
func (c *Client) Resize(s Size) error { return c.send(frameSize, encodeSize(s)) }

// Break asks for a serial break.
func (c *Client) Break() error { return c.send(frameBreak, nil) }

// Takeover takes the write role from whoever has it.
func (c *Client) Takeover() error { return c.send(frameTakeover, nil) }

func (c *Client) send(t frameType, payload []byte) error {
	if err := c.out.write(t, payload); err != nil {
		return fmt.Errorf("send to the broker: %w", err)
	}
	return nil
}

// Close detaches; the console lives on. It ends Next and Input wherever they wait.
func (c *Client) Close() error {
	if err := c.conn.SetWriteDeadline(time.Now().Add(detachTimeout)); err == nil {
		// Closing the socket says the same, so a failure to say it in words does not matter.
		_ = c.send(frameDetach, nil)
	}
	return c.conn.Close()
}
