package consoles_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/conbroker/conbroker/consoles"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeStream is a guest made of memory. What the test feeds is read by the
// console; what the console writes piles up in typed.
type fakeStream struct {
	feedc  chan []byte
	rest   []byte
	closec chan struct{}
	once   sync.Once

	mu      sync.Mutex
	typed   bytes.Buffer
	room    *sync.Cond
	deaf    bool // Write blocks
	sizes   []consoles.Size
	exit    consoles.ExitStatus
	breaks  int
	failing error // what Resize returns
}

func newFakeStream() *fakeStream {
	s := &fakeStream{feedc: make(chan []byte), closec: make(chan struct{})}
	s.room = sync.NewCond(&s.mu)
	return s
}

// feed gives p to the console; it returns when the console has read all of it.
func (s *fakeStream) feed(p []byte) {
	select {
	case s.feedc <- p:
	case <-s.closec:
		return
	}
	select {
	case s.feedc <- nil: // taken only when p has been read
	case <-s.closec:
	}
}

func (s *fakeStream) print(text string) { s.feed([]byte(text)) }

// end ends the stream after what was fed.
func (s *fakeStream) end(exit consoles.ExitStatus) {
	s.mu.Lock()
	s.exit = exit
	s.mu.Unlock()
	s.Close()
}

func (s *fakeStream) Read(b []byte) (int, error) {
	for len(s.rest) == 0 {
		select {
		case s.rest = <-s.feedc:
		case <-s.closec:
			return 0, io.EOF
		}
	}
	n := copy(b, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func (s *fakeStream) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.deaf && !s.isClosed() {
		s.room.Wait()
	}
	if s.isClosed() {
		return 0, errors.New("the stream has ended")
	}
	return s.typed.Write(b)
}

func (s *fakeStream) isClosed() bool {
	select {
	case <-s.closec:
		return true
	default:
		return false
	}
}

func (s *fakeStream) setDeaf(deaf bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deaf = deaf
	s.room.Broadcast()
}

func (s *fakeStream) got() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.typed.String()
}

func (s *fakeStream) Close() error {
	s.once.Do(func() { close(s.closec) })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.room.Broadcast()
	return nil
}

func (s *fakeStream) Resize(size consoles.Size) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sizes = append(s.sizes, size)
	return s.failing
}

func (s *fakeStream) Wait() consoles.ExitStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.exit
}

func (s *fakeStream) Break(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.breaks++
	return nil
}

// newHub returns a hub that is closed at the end of the test.
func newHub(t testing.TB, o consoles.Options) *consoles.Hub {
	t.Helper()
	h := consoles.NewHub(o)
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if held := h.Held(); held != 0 {
			t.Errorf("the closed hub still holds %d bytes", held)
		}
	})
	return h
}

// open opens a console on a new fake stream.
func open(t testing.TB, h *consoles.Hub, spec consoles.Spec) (*consoles.Console, *fakeStream) {
	t.Helper()
	if spec.ID == "" {
		spec.ID = "c1"
	}
	s := newFakeStream()
	c, err := h.Open(spec, s)
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

// attach attaches and detaches at the end of the test.
func attach(t testing.TB, c *consoles.Console, o consoles.AttachOptions) *consoles.Attachment {
	t.Helper()
	a, err := c.Attach(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Detach)
	return a
}

// drain takes all events that are there now. Data is copied; output that
// follows on output is joined.
func drain(a *consoles.Attachment, max int) []consoles.Event {
	var list []consoles.Event
	for {
		ev, ok := a.Next(max)
		if !ok {
			return list
		}
		list = join(list, ev)
	}
}

func join(list []consoles.Event, ev consoles.Event) []consoles.Event {
	if n := len(list); n > 0 && ev.Kind == consoles.Output && list[n-1].Kind == consoles.Output && ev.Snapshot == list[n-1].Snapshot {
		list[n-1].Data = append(list[n-1].Data, ev.Data...)
		return list
	}
	ev.Data = bytes.Clone(ev.Data)
	return append(list, ev)
}

// pattern returns n bytes from offset from on of an endless text in which every
// place can be told from its neighbours: lines of 14 digits with their number.
func pattern(from int64, n int) []byte {
	const length = 16
	first := from / length
	b := make([]byte, 0, n+2*length)
	for line := first; len(b) < n+length; line++ {
		b = append(b, "00000000000000\r\n"...)
		for i, rest := len(b)-3, line; rest > 0; i, rest = i-1, rest/10 {
			b[i] = byte('0' + rest%10)
		}
	}
	start := int(from - first*length)
	return b[start : start+n]
}

func ptr[T any](v T) *T { return &v }
