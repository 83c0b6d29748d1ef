package client

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/conbroker/conbroker/rpc/protocol"
)

// maxInput is how many bytes go into one console/input.
const maxInput = 64 << 10

// Console is an attachment to a console, as a stream of bytes. Whoever attached closes it; the console itself lives on. Read may
// be used by one goroutine at a time, all other methods by any.
type Console struct {
	client   *Client
	params   protocol.ConsoleAttachParams
	attached protocol.ConsoleAttachResult
	ctx      context.Context // of input under way; ends with Close
	cancel   context.CancelFunc
	output   output
}

// Event is something that happened to an attachment, other than output. Exactly one member is set.
type Event struct {
	// Changed: the attachment's mode, or the console's size or writer, is another now.
	Changed *protocol.ConsoleDidChangeParams
	// Refused: input sent with [Client.NotifyConsoleInput] was not taken.
	Refused *protocol.ConsoleInputRefusedParams
	// Closed: the console has ended; it is the last event.
	Closed *protocol.ConsoleDidCloseParams
}

// GapError is returned by [Console.Read] once for output that this attachment will not get, because it read too slowly. Reading
// goes on behind the gap.
type GapError struct {
	// Console is the console's key.
	Console string
	// From is the offset of the first missing byte, To that of the one after the last.
	From, To int64
}

// Error says which bytes are missing.
func (e *GapError) Error() string {
	return fmt.Sprintf("console %s: %d bytes of output are missing, from offset %d to %d: they were not read in time",
		e.Console, e.To-e.From, e.From, e.To)
}

// Attach attaches to a console. The encoding is always base64, whatever params say, so that no byte is changed. ctx bounds the
// request only.
func (c *Client) Attach(ctx context.Context, params protocol.ConsoleAttachParams) (*Console, error) {
	params.Encoding = protocol.EncodingBase64
	known := c.router.expect()
	attached, err := c.ConsoleAttach(ctx, &params)
	if err != nil {
		known(nil, c.enqueue)
		return nil, err
	}
	k := &Console{client: c, params: params, attached: *attached}
	k.ctx, k.cancel = context.WithCancel(c.handling)
	k.output.init(params.Console, attached.Offset, params.Window)
	known(k, c.enqueue)
	return k, nil
}

// Attached returns what the broker answered to console/attach.
func (k *Console) Attached() protocol.ConsoleAttachResult { return k.attached }

// Read returns output as the guest wrote it, after the replay that was asked for, and lets the broker send more. The error is a
// [*GapError] in the place of bytes that are missing, io.EOF when the console has ended, os.ErrClosed after Close.
func (k *Console) Read(p []byte) (int, error) {
	n, ack, err := k.output.take(p)
	if ack > 0 {
		// It fails only if the connection has ended; then Read says so when all that came has been read.
		_ = k.client.NotifyConsoleAck(&protocol.ConsoleAckParams{Attachment: k.attached.Attachment, Offset: ack})
	}
	return n, err
}

// Write types p into the console and waits until the broker has taken it.
func (k *Console) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		piece := p[:min(len(p), maxInput)]
		if _, err := k.Input(k.ctx, piece); err != nil {
			if k.output.ended(os.ErrClosed) {
				err = os.ErrClosed
			}
			return written, err
		}
		written += len(piece)
		p = p[len(piece):]
	}
	return written, nil
}

// Input types p into the console, waits until the broker has taken it, and returns the offset at or after which output caused by
// it comes.
func (k *Console) Input(ctx context.Context, p []byte) (offset int64, err error) {
	result, err := k.client.ConsoleInput(ctx, &protocol.ConsoleInputParams{
		Console:  k.params.Console,
		Data:     base64.StdEncoding.EncodeToString(p),
		Encoding: protocol.EncodingBase64,
	})
	if err != nil {
		return 0, err
	}
	return result.Offset, nil
}

// Resize sets the console's size, without waiting for its effect.
func (k *Console) Resize(size protocol.Size) error {
	return k.client.NotifyConsoleResize(&protocol.ConsoleResizeParams{Console: k.params.Console, Size: size})
}

// Events returns what happens other than output. The channel is closed after the last event and by Close. It holds 64 events; who
// does not read them loses the oldest.
func (k *Console) Events() <-chan Event { return k.output.events }

// Exit returns how the console ended, nil if it has not.
func (k *Console) Exit() *protocol.ConsoleExit { return k.output.exitStatus() }

// Close detaches and drops output that was not read. The error is the broker's; there is none if the console or the connection
// had ended before.
func (k *Console) Close() error {
	alive := k.output.end(os.ErrClosed, true)
	k.cancel()
	defer k.client.router.remove(k)
	if !alive {
		return nil
	}
	ctx, cancel := context.WithTimeout(k.client.handling, goodbye)
	defer cancel()
	_, err := k.client.ConsoleDetach(ctx, &protocol.ConsoleDetachParams{Attachment: k.attached.Attachment})
	var refused *protocol.Error
	if errors.As(err, &refused) && refused.Code == protocol.CodeNotFound {
		return nil // it ended at the same time
	}
	return err
}

// fail ends the console because the connection has ended. What came before can still be read.
func (k *Console) fail(err error) {
	k.output.end(fmt.Errorf("console %s: %w", k.params.Console, err), false)
}

var _ io.ReadWriteCloser = (*Console)(nil)
