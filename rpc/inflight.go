package rpc

import (
	"context"
	"encoding/json"
	"sync"
)

// job is a request or notification being handled.
type job struct {
	*message
	ctx    context.Context
	cancel context.CancelFunc
}

// inFlight holds what is being handled, within bounds, and lets requests be
// cancelled by their id.
type inFlight struct {
	maxJobs, maxBytes int

	mu     sync.Mutex
	byKey  map[string]*job // requests that are not answered yet
	jobs   int             // jobs not yet freed
	bytes  int             // bytes of their bodies
	active int             // jobs whose goroutine still runs
	closed bool            // no more jobs begin
	empty  chan struct{}   // closed when active becomes 0, if somebody waits
}

func (f *inFlight) init(o *Options) {
	f.maxJobs, f.maxBytes = o.MaxInFlight, o.MaxInFlightBytes
	f.byKey = make(map[string]*job)
}

// begin admits a job, or says why not.
func (f *inFlight) begin(j *job) *ResponseError {
	f.mu.Lock()
	defer f.mu.Unlock()
	isRequest := !j.request.IsNotification()
	switch {
	case f.closed:
		return &ResponseError{Code: CodeBusy, Message: "the connection is closing"}
	case isRequest && f.byKey[j.key] != nil:
		return invalidRequest("id %s is in use by a request that is not answered yet", j.request.ID)
	case f.jobs >= f.maxJobs || f.bytes+j.size > f.maxBytes:
		return &ResponseError{Code: CodeBusy, Message: "server busy: too many requests in flight"}
	}
	if isRequest {
		f.byKey[j.key] = j
	}
	f.jobs++
	f.bytes += j.size
	f.active++
	return nil
}

// free gives the id and the room of a job back; the job itself still runs.
func (f *inFlight) free(j *job) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !j.request.IsNotification() {
		delete(f.byKey, j.key)
	}
	f.jobs--
	f.bytes -= j.size
}

// end is the last act of a job.
func (f *inFlight) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.active--
	if f.active == 0 && f.empty != nil {
		close(f.empty)
		f.empty = nil
	}
}

// cancel cancels the request that the params of a cancel notification name.
// One that is unknown or answered already is none of our business.
func (f *inFlight) cancel(params json.RawMessage) {
	var p struct{ ID json.RawMessage }
	if json.Unmarshal(params, &p) != nil {
		return
	}
	_, key, bad := parseID(p.ID)
	if bad != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if j := f.byKey[key]; j != nil {
		j.cancel()
	}
}

func (f *inFlight) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
}

func (f *inFlight) running() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.active
}

// idle returns a channel that is closed when no job runs.
func (f *inFlight) idle() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.empty == nil {
		empty := make(chan struct{})
		if f.active == 0 {
			close(empty)
			return empty
		}
		f.empty = empty
	}
	return f.empty
}
