package consoles

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/conbroker/conbroker/consoles/cast"
)

const (
	// recordPause is the time between two writes of a busy recording.
	recordPause = 20 * time.Millisecond
	// recordRetry is the time between two attempts while the file fails.
	recordRetry = time.Second
	// recordBatch is how much output is encoded before it is written, in bytes.
	recordBatch = 256 << 10
	// recorderGrace is how long Close waits for a recording: a disk that does
	// not answer cannot be interrupted.
	recorderGrace = 2 * time.Second
)

// RecordFile is the file of a recording; an *os.File is one.
type RecordFile interface {
	io.WriteCloser
	Truncate(size int64) error
}

// RecordSpec says where the output of a console is recorded, as asciicast v2.
// Input is never recorded. A recording never holds up its console: while the
// file fails, writing is tried again every second; what the ring drops
// meanwhile is lost, counted, and marked in the file.
type RecordSpec struct {
	// Path of the file, which must not exist; empty: no recording. The file is
	// made with mode 0600 in a directory with mode 0700.
	Path string
	// Create makes the file; cast.Create if nil.
	Create func(path string) (RecordFile, error)
	// OnFault, if set, is told once when recording begins to fail, with the
	// error, and once with nil when it goes on; lost is the number of bytes
	// missing so far. It runs on the recorder's goroutine.
	OnFault func(err error, lost int64)
}

// recorder writes one console's recording. It is one more cursor in the stream,
// with its own goroutine.
type recorder struct {
	c    *Console
	spec RecordSpec
	a    *Attachment
	done chan struct{}

	// What follows belongs to the goroutine.
	file RecordFile
	w    *cast.Writer

	mu    sync.Mutex // guards what follows
	fault error      // why recording does not work now
	lost  int64
}

// newRecorder attaches a recorder to c, at the start of the stream.
func newRecorder(c *Console) *recorder {
	r := &recorder{c: c, spec: c.spec.Record, done: make(chan struct{})}
	if r.spec.Create == nil {
		r.spec.Create = func(path string) (RecordFile, error) { return cast.Create(path) }
	}
	// Replay from the oldest byte cannot fail.
	r.a, _ = c.attach(AttachOptions{Client: "recording", Replay: ReplayRaw}, true)
	return r
}

// info describes the recording.
func (r *recorder) info() RecordingInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := RecordingInfo{Path: r.spec.Path, Lost: r.lost + r.a.lapse()}
	if r.fault != nil {
		i.Error = r.fault.Error()
	}
	return i
}

// wait waits for the recorder to end, at most for grace.
func (r *recorder) wait(grace time.Duration) {
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-r.done:
	case <-t.C:
		r.c.hub.log.Warn("recording does not end: its disk does not answer", "console", r.c.spec.ID, "path", r.spec.Path)
	}
}

// run records until the stream has ended.
func (r *recorder) run() {
	defer close(r.done)
	defer r.a.Detach()
	ended := r.open()
	for !ended {
		ended = r.round()
	}
	r.close()
}

// open makes the file, trying again while it cannot. True: the console ended before.
func (r *recorder) open() (ended bool) {
	for {
		f, err := r.spec.Create(r.spec.Path)
		if err == nil {
			r.file = f
			r.w, err = cast.NewWriter(f, r.header(), r.c.openedAt)
		}
		r.report(err)
		if err == nil {
			return false
		}
		if !r.rest(recordRetry) {
			return true
		}
	}
}

func (r *recorder) header() cast.Header {
	s := r.c.spec
	h := cast.Header{Width: s.Size.Cols, Height: s.Size.Rows, Title: s.Title}
	if s.Term != "" {
		h.Env = map[string]string{"TERM": s.Term}
	}
	return h
}

// round takes in what there is and writes it. True: the stream has ended.
func (r *recorder) round() (ended bool) {
	ev, err := r.a.Wait(context.Background(), maxChunk)
	if err != nil {
		return true
	}
	ended = r.take(ev)
	for !ended && r.w.Buffered() < recordBatch {
		ev, ok := r.a.Next(maxChunk)
		if !ok {
			break
		}
		ended = r.take(ev)
	}
	for !r.flush() {
		if !r.rest(recordRetry) {
			return true
		}
	}
	if !ended {
		r.rest(recordPause)
	}
	return ended
}

// take encodes one event. True: it was the last one.
func (r *recorder) take(ev Event) (ended bool) {
	now := time.Now()
	switch ev.Kind {
	case Output:
		r.w.Output(now, ev.Data)
	case Resized:
		r.w.Resize(now, ev.Size.Cols, ev.Size.Rows)
	case Gap:
		r.lose(ev.To - ev.From)
		r.w.Marker(now, fmt.Sprintf("gap: bytes %d to %d are missing", ev.From, ev.To))
	case Closed:
		return true
	}
	return false
}

// flush writes to the file and reports whether it took everything.
func (r *recorder) flush() bool {
	err := r.w.Flush()
	r.report(err)
	return err == nil
}

// rest waits for d. False: the stream ended meanwhile.
func (r *recorder) rest(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.c.done:
		return false
	}
}

// close writes the rest, once, and closes the file. What does not get into it is lost.
func (r *recorder) close() {
	if r.w == nil {
		r.lose(r.a.unread())
		return
	}
	for {
		ev, ok := r.a.Next(maxChunk)
		if !ok || r.take(ev) {
			break
		}
	}
	err := r.w.Finish(time.Now())
	r.report(err)
	if err != nil {
		r.lose(r.w.Missing())
		err = r.file.Truncate(r.w.Whole())
	}
	if err = errors.Join(err, r.file.Close()); err != nil {
		r.c.hub.log.Warn("closing a recording failed", "console", r.c.spec.ID, "path", r.spec.Path, "error", err)
	}
}

// lose counts n lost bytes.
func (r *recorder) lose(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lost += n
}

// report tells when recording begins to fail (err) and when it goes on (nil).
func (r *recorder) report(err error) {
	r.mu.Lock()
	same := (r.fault == nil) == (err == nil)
	r.fault = err
	lost := r.lost
	r.mu.Unlock()
	if same {
		return
	}
	if err != nil {
		r.c.hub.log.Warn("recording does not work now", "console", r.c.spec.ID, "error", err)
	}
	if r.spec.OnFault != nil {
		r.spec.OnFault(err, lost)
	}
	r.c.hub.changed(RecordingFault, r.c)
}

// lapse returns the number of bytes that have left the ring before a was given them.
func (a *Attachment) lapse() int64 {
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	return max(0, a.c.ring.oldest()-a.cursor)
}

// unread returns the number of bytes that a was not given.
func (a *Attachment) unread() int64 {
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	return a.c.ring.total - a.cursor
}
