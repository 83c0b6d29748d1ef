package attach

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/conbroker/conbroker/consoles"
)

// hangupCheck is how often a client is looked at while its input waits for the
// guest and the socket is therefore not read.
const hangupCheck = 250 * time.Millisecond

// peer is the server's side of one attached client.
type peer struct {
	conn    net.Conn
	in      *bufio.Reader
	out     frameWriter
	console *consoles.Console
	att     *consoles.Attachment
	payload []byte // of the frame being read, grown as needed
}

func newPeer(conn net.Conn) *peer {
	return &peer{conn: conn, in: bufio.NewReaderSize(conn, maxLine), out: frameWriter{w: conn}}
}

// readHello reads the client's first line. The buffer is as large as a line may be.
func (p *peer) readHello() (*Hello, error) {
	line, err := p.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		err = errLineTooLong
	}
	var hello Hello
	if err == nil {
		err = decodeLine(line, &hello)
	}
	if err == nil {
		return &hello, nil
	}
	err = fmt.Errorf("read an attach client's hello: %w", err)
	refusal := &Error{Code: CodeInvalid, Message: err.Error()}
	return nil, errors.Join(err, writeLine(p.conn, answer{Error: refusal}))
}

// welcome describes the attachment to the client.
func (p *peer) welcome() *Welcome {
	info := p.console.Info()
	return &Welcome{
		Label: info.Label, Offset: p.att.Offset(), Mode: p.att.Mode(), Size: Size(info.Size), Writer: info.Writer,
	}
}

// run carries bytes both ways until one side ends.
func (p *peer) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { cancel(p.readFrames(ctx)) })
	err := p.sendEvents(ctx)
	if err == nil {
		err = p.linger(ctx)
	}
	closeQuietly(p.conn)
	cancel(nil)
	wg.Wait()
	return err
}

// sendEvents writes what the console says to the socket. It returns nil after
// the console's end was sent.
func (p *peer) sendEvents(ctx context.Context) error {
	for {
		ev, err := p.att.Wait(ctx, maxPayload)
		if err != nil {
			return err
		}
		if err := p.sendEvent(ev); err != nil {
			return err
		}
		if ev.Kind == consoles.Closed {
			return nil
		}
	}
}

func (p *peer) sendEvent(ev consoles.Event) error {
	switch ev.Kind {
	case consoles.Output:
		if ev.Snapshot {
			return p.out.write(frameSnapshot, ev.Data)
		}
		return p.out.write(frameOutput, ev.Data)
	case consoles.Gap:
		return p.out.write(frameGap, encodeGap(ev.From, ev.To))
	case consoles.Closed:
		return p.out.writeJSON(frameExit, Exit{Code: ev.Exit.Code, Signal: ev.Exit.Signal, Reason: ev.Exit.Reason})
	}
	return p.sendChange()
}

// sendChange tells the client how it stands now.
func (p *peer) sendChange() error {
	info := p.console.Info()
	return p.out.writeJSON(frameChange, Change{Mode: p.att.Mode(), Writer: info.Writer, Size: Size(info.Size)})
}

// linger waits for the client to hang up once everything was sent, so that
// closing the socket with input unread does not take the last output with it.
func (p *peer) linger(ctx context.Context) error {
	if half, ok := p.conn.(interface{ CloseWrite() error }); ok {
		if err := half.CloseWrite(); err != nil {
			return err
		}
	}
	pause(ctx, lingerTimeout)
	return nil
}

// errDetached says that the client asked to leave.
var errDetached = errors.New("the client detached")

// readFrames does what the client asks until it leaves; the result is never nil.
func (p *peer) readFrames(ctx context.Context) error {
	for {
		t, payload, err := p.readFrame()
		if err != nil {
			return err
		}
		if err := p.obey(ctx, t, payload); err != nil {
			return err
		}
	}
}

// readFrame reads one frame. The payload is valid until the next call.
func (p *peer) readFrame() (frameType, []byte, error) {
	var head [headerLen]byte
	if _, err := io.ReadFull(p.in, head[:]); err != nil {
		return 0, nil, err
	}
	t, n, err := header(head[:])
	if err != nil {
		return t, nil, err
	}
	if cap(p.payload) < n {
		p.payload = make([]byte, n)
	}
	p.payload = p.payload[:n]
	_, err = io.ReadFull(p.in, p.payload)
	return t, p.payload, err
}

// obey does what one frame asks. An error ends the connection; what only this
// request did wrong is told to the client instead.
func (p *peer) obey(ctx context.Context, t frameType, payload []byte) error {
	var err error
	switch t {
	case frameInput:
		err = p.input(ctx, payload)
	case frameSize:
		size, bad := decodeSize(payload)
		if bad != nil {
			return bad
		}
		err = p.resize(size)
	case frameBreak:
		err = p.breakLine(ctx)
	case frameTakeover:
		if err = p.att.SetMode(consoles.Write, true); err == nil {
			return p.sendChange()
		}
	case frameDetach:
		return errDetached
	default:
		return fmt.Errorf("the client sent an unknown frame %q", t)
	}
	if err == nil || errors.Is(err, consoles.ErrClosed) {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return p.out.writeJSON(frameRefusal, refuse(err))
}

// input types into the console; it waits while the guest does not read.
func (p *peer) input(ctx context.Context, data []byte) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	timer := time.AfterFunc(hangupCheck, func() { p.cancelOnHangup(ctx, cancel) })
	defer timer.Stop()
	_, err := p.att.Input(ctx, data)
	return err
}

// cancelOnHangup watches for the client's end while nothing is read from it.
func (p *peer) cancelOnHangup(ctx context.Context, cancel context.CancelFunc) {
	for ctx.Err() == nil {
		if hungUp(p.conn) {
			closeQuietly(p.conn)
			cancel()
			return
		}
		pause(ctx, hangupCheck)
	}
}

// resize sets the console's size if this client may. One that only watches
// beside others may not; its terminal does not know that and tells its size anyway.
func (p *peer) resize(size Size) error {
	err := p.att.Resize(consoles.Size(size))
	var busy *consoles.BusyError
	if errors.Is(err, consoles.ErrReadOnly) || errors.As(err, &busy) {
		return nil
	}
	return err
}

// breakLine sends a break if this client may write.
func (p *peer) breakLine(ctx context.Context) error {
	if p.att.Mode() != consoles.Write {
		return consoles.ErrReadOnly
	}
	return p.console.Break(ctx)
}
