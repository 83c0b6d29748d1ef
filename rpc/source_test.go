package rpc

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// floodSource always has a frame of about size bytes.
type floodSource struct {
	name string
	size int
}

func (s *floodSource) AppendFrame(dst []byte, _ int) ([]byte, bool, bool) {
	return fmt.Appendf(dst, `{"jsonrpc":"2.0","method":%q,"params":[%q]}`, s.name, strings.Repeat("x", s.size)), true, true
}

// echoSource sends what was typed, one frame per Ready.
type echoSource struct {
	mu      sync.Mutex
	pending []string
	handle  *SourceHandle
}

func (s *echoSource) typed(text string) {
	s.mu.Lock()
	s.pending = append(s.pending, text)
	s.mu.Unlock()
	s.handle.Ready()
}

func (s *echoSource) AppendFrame(dst []byte, _ int) ([]byte, bool, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending) == 0 {
		return dst, false, false
	}
	dst = fmt.Appendf(dst, `{"jsonrpc":"2.0","method":%q}`, s.pending[0])
	s.pending = s.pending[1:]
	return dst, true, len(s.pending) > 0
}

// addFloods floods c with n sources of frames of 11 KB, which is 8 KiB in base64.
func addFloods(c *Conn, n int) {
	for i := range n {
		c.AddSource(&floodSource{fmt.Sprintf("flood%d", i), 11_000}).Ready()
	}
}

// framesUntil counts the frames in front of the one whose body contains text.
func (p *rawPeer) framesUntil(text string) int {
	p.t.Helper()
	for n := 0; ; n++ {
		body, err := p.frame()
		if err != nil {
			p.t.Fatalf("after %d frames, waiting for %q: %v", n, text, err)
		}
		if strings.Contains(body, text) {
			return n
		}
	}
}

// Between a control message and the peer there is never more than the one frame
// in the writer's hands, whatever 64 sources have to say. The pipe of this test
// holds no bytes, so the frames can be counted.
func TestControlGoesBeforeOutput(t *testing.T) {
	queued := make(chan struct{}, 1)
	o := Options{Handler: handlerFunc(func(_ context.Context, _ *Conn, req *Request) (any, error) {
		req.AfterReply(func() { queued <- struct{}{} })
		return "pong", nil
	})}
	c, p := startPipe(t, o)
	addFloods(c, 64)
	for i := range 200 {
		text := `"control"`
		if i%2 == 0 {
			sendNote(t, c, "control")
		} else {
			text = `"pong"`
			p.send(pingBody) // taken while the writer is stuck in a frame
			await(t, "the reply", queued)
		}
		if n := p.framesUntil(text); n > 1 {
			t.Fatalf("%d output frames before %s", n, text)
		}
	}
}

// A source that was idle goes before those that stream.
func TestEchoGoesBeforeBulk(t *testing.T) {
	c, p := startPipe(t, testOptions)
	addFloods(c, 64)
	for range 64 + 1 { // each of them was idle before its first frame
		p.framesUntil("flood")
	}
	echo := &echoSource{}
	echo.handle = c.AddSource(echo)
	for i := range 100 {
		key := fmt.Sprintf("key%d", i)
		echo.typed(key)
		if n := p.framesUntil(`"` + key + `"`); n > 1 {
			t.Fatalf("%d bulk frames before the echo of %s", n, key)
		}
		p.framesUntil("flood") // thinking
	}
}

// Sources that stream take turns.
func TestStreamingIsFair(t *testing.T) {
	c, p := startPipe(t, testOptions)
	addFloods(c, 8)
	counts := map[string]int{}
	for range 8 * 50 {
		body, err := p.frame()
		if err != nil {
			t.Fatal(err)
		}
		counts[strings.Split(body, `"`)[7]]++
	}
	for name, n := range counts {
		if n < 48 || n > 52 || len(counts) != 8 {
			t.Errorf("%s sent %d of 400 frames; %d sources sent", name, n, len(counts))
		}
	}
}

// burstSource pretends to be idle after every frame, to get ahead of others.
type burstSource struct {
	floodSource
	handle *SourceHandle
}

func (s *burstSource) AppendFrame(dst []byte, limit int) ([]byte, bool, bool) {
	s.handle.Ready()
	frame, ok, _ := s.floodSource.AppendFrame(dst, limit)
	return frame, ok, false
}

func TestBurstsDoNotStarveTheOthers(t *testing.T) {
	c, p := startPipe(t, testOptions)
	for range 4 {
		s := &burstSource{floodSource: floodSource{"burst", 500}}
		s.handle = c.AddSource(s)
		s.handle.Ready()
	}
	c.AddSource(&floodSource{"patient", 500}).Ready()
	// 4 sources may send 4 KiB in frames of about 550 bytes per turn of the other.
	for range 20 {
		if n := p.framesUntil(`"patient"`); n > 4*9+4 {
			t.Fatalf("%d frames of others in one round", n)
		}
	}
}

// funcSource is a Source made of one function.
type funcSource func(dst []byte, limit int) ([]byte, bool, bool)

func (f funcSource) AppendFrame(dst []byte, limit int) ([]byte, bool, bool) { return f(dst, limit) }

// A source that goes ahead of others is asked for a short frame.
func TestFreshFramesAreShort(t *testing.T) {
	c, p := startPipe(t, testOptions)
	c.AddSource(&floodSource{"stuck", 10}).Ready()
	p.framesUntil("stuck")
	limits := make(chan int, 10)
	add := func() {
		c.AddSource(funcSource(func(dst []byte, limit int) ([]byte, bool, bool) {
			limits <- limit
			return append(dst, `{"jsonrpc":"2.0","method":"x"}`...), true, len(limits) < 2
		})).Ready()
	}
	add()
	p.framesUntil(`"x"`)
	p.framesUntil(`"x"`)
	if first, second := <-limits, <-limits; first != freshBytes || second != 8<<10 {
		t.Errorf("limits %d, %d", first, second)
	}
}

func TestRemoveWaitsForAppendFrame(t *testing.T) {
	c, p := startPipe(t, testOptions)
	entered, leave := make(chan struct{}, 10), make(chan struct{})
	h := c.AddSource(funcSource(func(dst []byte, _ int) ([]byte, bool, bool) {
		entered <- struct{}{}
		<-leave
		return append(dst, `{"jsonrpc":"2.0","method":"last"}`...), true, true
	}))
	h.Ready()
	await(t, "AppendFrame", entered)
	removed := make(chan struct{})
	go func() { h.Remove(); close(removed) }()
	select {
	case <-removed:
		t.Fatal("Remove returned while AppendFrame ran")
	default:
	}
	close(leave)
	await(t, "Remove", removed)
	h.Ready()
	h.Remove()
	sendNote(t, c, "behind")
	p.want(`{"jsonrpc":"2.0","method":"last"}`) // taken before Remove: not lost
	p.want(`{"jsonrpc":"2.0","method":"behind"}`)
	p.send(pingBody)
	p.want(pongBody)
	if len(entered) != 0 {
		t.Error("AppendFrame was called after Remove")
	}
}

// Removing works while the writer is stuck with a peer that does not read.
func TestRemoveWithFrozenPeer(t *testing.T) {
	c, _ := startPipe(t, Options{FlushWait: 1})
	var handles []*SourceHandle
	for range 100 {
		h := c.AddSource(&floodSource{"flood", 1000})
		h.Ready()
		handles = append(handles, h)
	}
	done := make(chan struct{})
	go func() {
		for _, h := range handles {
			h.Remove()
		}
		close(done)
	}()
	await(t, "Remove of all", done)
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if n := c.out.schedule.fresh.Len() + c.out.schedule.streaming.Len(); n != 0 {
		t.Errorf("%d removed sources are still queued", n)
	}
}

func TestNotReadyMeansNothingIsSent(t *testing.T) {
	c, p := startPipe(t, testOptions)
	asked := make(chan int, 10)
	h := c.AddSource(funcSource(func(dst []byte, limit int) ([]byte, bool, bool) {
		asked <- limit
		return dst, false, true // more without ok must not make the writer spin
	}))
	c.AddSource(&floodSource{"never ready", 10})
	p.send(pingBody)
	p.want(pongBody)
	if len(asked) != 0 {
		t.Error("asked before Ready")
	}
	h.Ready()
	if limit := await(t, "AppendFrame", asked); limit != 8<<10 {
		t.Errorf("limit %d", limit)
	}
	p.send(pingBody)
	p.want(pongBody)
	if len(asked) != 0 {
		t.Error("asked again without Ready")
	}
}

func TestSourceThatPanicsIsRemoved(t *testing.T) {
	log, text := newLog()
	o := testOptions
	o.Logger = log
	c, p := startPipe(t, o)
	h := c.AddSource(funcSource(func([]byte, int) ([]byte, bool, bool) { panic("bad source") }))
	h.Ready()
	c.AddSource(&echoSource{pending: []string{"alive"}}).Ready()
	p.want(`{"jsonrpc":"2.0","method":"alive"}`)
	h.Ready()
	h.Remove()
	if !strings.Contains(text.String(), "bad source") {
		t.Errorf("log: %s", text)
	}
}

// Frames larger than the writer's buffer, and than it keeps, arrive whole.
func TestLargeFrames(t *testing.T) {
	c, p := startPipe(t, testOptions)
	for _, size := range []int{1, 8 << 10, 40_000, 2 * keepBuffer, 5} {
		h := c.AddSource(&floodSource{"f", size})
		h.Ready()
		want, _, _ := h.source.AppendFrame(nil, 0)
		p.want(string(want))
		h.Remove()
		p.drainUntilControl(c)
	}
}

// drainUntilControl reads what is left of sources that were removed.
func (p *rawPeer) drainUntilControl(c *Conn) {
	p.t.Helper()
	sendNote(p.t, c, "control")
	p.framesUntil(`"control"`)
}
