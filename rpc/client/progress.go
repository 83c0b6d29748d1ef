package client

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"

	"github.com/conbroker/conbroker/rpc/protocol"
)

// progressKey is the key of the function in a context.
type progressKey struct{}

// WithProgress returns a context for calls whose progress is to be reported: f gets each report before the call returns. It runs
// on the goroutine that reads from the broker, so it must neither block nor call the client. Calls that know no progress ignore it.
func WithProgress(ctx context.Context, f func(protocol.ProgressValue)) context.Context {
	return context.WithValue(ctx, progressKey{}, f)
}

// progress knows the tokens of the calls under way.
type progress struct {
	mu    sync.Mutex
	last  uint64
	calls map[string]func(protocol.ProgressValue) // by the token's JSON text
}

// tokened is implemented by params that embed protocol.WorkDone.
type tokened interface {
	SetWorkDoneToken(token protocol.ProgressToken)
}

// follow gives params a token if ctx wants progress. The function that it returns forgets the token.
func (p *progress) follow(ctx context.Context, params any) (forget func()) {
	f, wanted := ctx.Value(progressKey{}).(func(protocol.ProgressValue))
	target, can := params.(tokened)
	if !wanted || !can {
		return func() {}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	token := strconv.Quote("p" + strconv.FormatUint(p.last, 10))
	if p.calls == nil {
		p.calls = map[string]func(protocol.ProgressValue){}
	}
	p.calls[token] = f
	target.SetWorkDoneToken(protocol.ProgressToken(token))
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.calls, token)
	}
}

// report passes a report to the call it belongs to, and says whether there is one.
func (p *progress) report(raw json.RawMessage) bool {
	var params protocol.ProgressParams
	if json.Unmarshal(raw, &params) != nil {
		return false
	}
	p.mu.Lock()
	f := p.calls[string(params.Token)]
	p.mu.Unlock()
	if f == nil {
		return false
	}
	f(params.Value)
	return true
}
