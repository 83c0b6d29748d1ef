package rpc

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync"

	"github.com/sourcegraph/jsonrpc2"
)

// objectStream stands between the bytes and jsonrpc2.Conn. Of that package we
// use the read loop and the table of pending calls. Everything that it would
// decode and encode in its own way (ids, params, results) passes it by: it gets
// stubs, and the hooks put the real bytes in place. See objectStream.current and
// objectStream.outgoing.
type objectStream struct {
	frames *frameReader
	out    *writer
	reject func(*refusal)
	ended  func(error)   // called once, by the read loop, when reading is over
	start  chan struct{} // closed when the connection is complete
	stop   chan struct{} // closed when nothing is to be read any more
	done   chan struct{} // closed when the read loop takes no more frames

	// current is the message behind the stub that ReadObject returned last; used
	// by the read loop only, which calls the hook and the handler synchronously.
	current *message
	// outgoing is the body behind the request that WriteObject is called for;
	// guarded by the lock that jsonrpc2.Conn holds from onSend to WriteObject.
	outgoing []byte

	endOnce sync.Once
}

// bodyField carries an encoded request through jsonrpc2.Conn to onSend.
const bodyField = "body"

// requestStub is what jsonrpc2.Conn sees of any request or notification.
var requestStub = []byte(`{"method":""}`)

// ReadObject implements jsonrpc2.ObjectStream.
func (s *objectStream) ReadObject(v any) error {
	<-s.start
	for {
		body, err := s.nextBody()
		if err != nil {
			s.end(err)
			return err
		}
		if s.current = s.parse(body); s.current == nil {
			continue
		}
		if err := json.Unmarshal(s.stub(), v); err != nil {
			s.end(err)
			return fmt.Errorf("rpc: stub: %w", err)
		}
		return nil
	}
}

func (s *objectStream) nextBody() ([]byte, error) {
	body, err := s.frames.next()
	select {
	case <-s.stop:
		return nil, io.EOF
	default:
		return body, err
	}
}

func (s *objectStream) end(err error) {
	s.endOnce.Do(func() {
		if errors.Is(err, io.EOF) {
			err = nil
		} else {
			err = fmt.Errorf("rpc: read: %w", err)
		}
		s.ended(err)
		close(s.done)
	})
}

// parse returns the message of body, nil if there is nothing to deliver.
func (s *objectStream) parse(body []byte) *message {
	msg, refused := parseMessage(body)
	if refused == nil {
		return msg
	}
	s.reject(refused)
	if refused.call == 0 {
		return nil
	}
	return &message{call: refused.call, err: refused.error}
}

func (s *objectStream) stub() []byte {
	if s.current.call == 0 {
		return requestStub
	}
	stub := append([]byte(`{"result":0,"id":`), strconv.FormatUint(s.current.call, 10)...)
	return append(stub, '}')
}

// onRecv puts the outcome of a reply in place before the caller wakes up.
func (s *objectStream) onRecv(_ *jsonrpc2.Request, resp *jsonrpc2.Response) {
	if resp == nil {
		return
	}
	resp.Result = nil
	if failure := s.current.err; failure != nil {
		resp.Error = &jsonrpc2.Error{Code: failure.Code, Message: failure.Message}
		if len(failure.Data) > 0 {
			resp.Error.Data = &failure.Data
		}
		return
	}
	resp.Result = &s.current.result
}

func (s *objectStream) onSend(req *jsonrpc2.Request, _ *jsonrpc2.Response) {
	s.outgoing, _ = req.ExtraFields[0].Value.([]byte)
}

// WriteObject implements jsonrpc2.ObjectStream. It only queues, so that the
// lock that jsonrpc2.Conn holds is never held for long.
func (s *objectStream) WriteObject(any) error {
	return s.out.send(s.outgoing)
}

// Close implements jsonrpc2.ObjectStream. Ending the stream is up to Conn, which
// still has replies to write when the read loop is over.
func (s *objectStream) Close() error { return nil }

// quietLogger takes the messages of jsonrpc2.Conn.
type quietLogger struct{ log *slog.Logger }

func (l quietLogger) Printf(format string, args ...any) {
	l.log.Debug("jsonrpc2", "message", fmt.Sprintf(format, args...))
}
