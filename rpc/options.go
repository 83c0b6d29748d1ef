package rpc

import (
	"context"
	"log/slog"
	"time"
)

// Handler answers what the peer sends.
type Handler interface {
	// Handle answers one request or takes one notification, whose result is
	// dropped. It runs in a goroutine of its own, or on the read loop for
	// methods that Options.Ordered names. ctx ends when the peer cancels the
	// request or the connection ends. The result is encoded as JSON; a Deferred
	// result is run for it first. An error goes out with its code when it is a
	// CodedError, with Options.CancelledCode when it is context.Canceled of a
	// cancelled request, else as CodeInternalError.
	Handle(ctx context.Context, c *Conn, req *Request) (result any, err error)
}

// Deferred is a result that is still to be computed. A handler of an ordered
// request accepts it on the read loop, in order, and returns the part that may
// take time as a Deferred: it runs in its own goroutine, is cancelled like any
// request, and its result is the reply.
type Deferred func(ctx context.Context) (any, error)

// Options configure a connection. The zero value of each field means its default.
type Options struct {
	// Handler answers requests; without one every request gets
	// CodeMethodNotFound, and notifications are dropped.
	Handler Handler
	// CancelMethod is the notification that cancels a request by its id, in both
	// directions; without a name requests cannot be cancelled.
	CancelMethod string
	// CancelledCode is the error code of a cancelled request (CodeCancelled).
	CancelledCode int64
	// Ordered names the methods whose handler runs on the read loop, one after
	// the other as received. Such a handler must never block.
	Ordered func(method string) bool

	// MaxHeader bounds the bytes of the header of a frame, and of garbage skipped
	// before one (4 KiB).
	MaxHeader int
	// MaxBody bounds the bytes of a message, received or sent (4 MiB).
	MaxBody int
	// MaxFirstBody bounds received messages until RaiseLimit (64 KiB).
	MaxFirstBody int
	// MaxInFlight bounds the requests and notifications being handled; a request
	// above it is answered with CodeBusy, a notification is dropped and logged (256).
	MaxInFlight int
	// MaxInFlightBytes bounds the bodies of what is being handled (64 MiB).
	MaxInFlightBytes int
	// MaxQueued bounds the bytes of control messages (replies, requests,
	// notifications) that wait for a peer that does not read; beyond it the
	// connection is closed with ErrOverflow (8 MiB).
	MaxQueued int
	// MaxFrame is the payload in bytes that a Source is asked for at a time:
	// small frames keep replies quick, large ones cost less (8 KiB).
	MaxFrame int

	// Linger is how long requests in flight may go on after the peer has closed
	// its side, before they are cancelled (0).
	Linger time.Duration
	// HandlerWait bounds the wait for cancelled handlers when closing (2 s).
	HandlerWait time.Duration
	// FlushWait bounds how long queued replies are written when closing (1 s).
	FlushWait time.Duration
	// CancelWait bounds how long Call waits for the reply to a request that it
	// has cancelled (2 s).
	CancelWait time.Duration

	// Logger gets panics, dropped messages and the like; never params or results.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	setDefault(&o.CancelledCode, CodeCancelled)
	setDefault(&o.MaxHeader, 4<<10)
	setDefault(&o.MaxBody, 4<<20)
	setDefault(&o.MaxFirstBody, 64<<10)
	setDefault(&o.MaxInFlight, 256)
	setDefault(&o.MaxInFlightBytes, 64<<20)
	setDefault(&o.MaxQueued, 8<<20)
	setDefault(&o.MaxFrame, 8<<10)
	setDefault(&o.HandlerWait, 2*time.Second)
	setDefault(&o.FlushWait, time.Second)
	setDefault(&o.CancelWait, 2*time.Second)
	if o.Handler == nil {
		o.Handler = noHandler{}
	}
	if o.Ordered == nil {
		o.Ordered = func(string) bool { return false }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

type noHandler struct{}

func (noHandler) Handle(_ context.Context, _ *Conn, req *Request) (any, error) {
	return nil, &ResponseError{Code: CodeMethodNotFound, Message: "method not found: " + req.Method}
}
