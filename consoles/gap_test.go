package consoles_test

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/conbroker/conbroker/consoles"
	"github.com/conbroker/conbroker/consoles/vt"
)

func TestCredit(t *testing.T) {
	h := newHub(t, consoles.Options{})
	c, s := open(t, h, consoles.Spec{})
	a := attach(t, c, consoles.AttachOptions{Replay: consoles.ReplayRaw, Window: 100})
	s.feed(pattern(0, 1000))
	for _, step := range []struct {
		ack  int64
		bad  bool
		want int // bytes that come then
	}{
		{ack: 0, want: 100},
		{ack: 0, want: 0},
		{ack: 40, want: 40},
		{ack: 20, want: 0}, // backwards: ignored
		{ack: 141, bad: true},
		{ack: -1, bad: true},
		{ack: 140, want: 100},
		{ack: 240, want: 100},
	} {
		err := a.Ack(step.ack)
		if (err != nil) != step.bad {
			t.Errorf("ack %d: %v", step.ack, err)
		}
		n := 0
		for _, ev := range drain(a, 30) {
			n += len(ev.Data)
		}
		if n != step.want {
			t.Errorf("after ack %d: got %d bytes, want %d", step.ack, n, step.want)
		}
	}
}

// A gap is not sent, so it takes no credit and leaves none behind.
func TestCreditAcrossGap(t *testing.T) {
	h := newHub(t, consoles.Options{Scrollback: 16 << 10})
	c, s := open(t, h, consoles.Spec{})
	a := attach(t, c, consoles.AttachOptions{Replay: consoles.ReplayRaw, Window: 1000})
	s.feed(pattern(0, 600))
	drain(a, 600)
	s.feed(pattern(600, 100_000))
	oldest := c.Info().Oldest
	got := drain(a, 10_000)
	want := []consoles.Event{
		{Kind: consoles.Gap, Offset: oldest, From: 600, To: oldest},
		{Kind: consoles.Output, Offset: oldest, Data: pattern(oldest, 400)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	if err := a.Ack(oldest - 1); err != nil { // everything before the gap
		t.Fatal(err)
	}
	if got := drain(a, 10_000); len(got) != 1 || len(got[0].Data) != 600 {
		t.Errorf("want 600 bytes, got %d events", len(got))
	}
}

// A client without credit is told of a gap only when it can take it: then the
// figures are those of that moment.
func TestGapWaitsForCredit(t *testing.T) {
	h := newHub(t, consoles.Options{Scrollback: 16 << 10})
	c, s := open(t, h, consoles.Spec{})
	a := attach(t, c, consoles.AttachOptions{Replay: consoles.ReplayRaw, Window: 10})
	s.feed(pattern(0, 100))
	drain(a, 10)
	for i := range int64(10) {
		s.feed(pattern(100+i*50_000, 50_000))
		if got := drain(a, 10); got != nil {
			t.Fatalf("without credit got %+v", got)
		}
	}
	if err := a.Ack(10); err != nil {
		t.Fatal(err)
	}
	oldest := c.Info().Oldest
	got := drain(a, 10)
	if diff := cmp.Diff(consoles.Event{Kind: consoles.Gap, Offset: oldest, From: 10, To: oldest}, got[0]); diff != "" {
		t.Error(diff)
	}
}

func TestGapThenFreshScreen(t *testing.T) {
	h := newHub(t, consoles.Options{Scrollback: 16 << 10})
	c, s := open(t, h, consoles.Spec{Size: consoles.Size{Cols: 40, Rows: 5}})
	a := attach(t, c, consoles.AttachOptions{})
	drain(a, 100)
	s.feed(pattern(0, 100_000))
	s.print("\x1b[31mred")
	ev, ok := a.Next(1000)
	total := c.Info().Offset
	if diff := cmp.Diff(consoles.Event{Kind: consoles.Gap, Offset: total, From: 0, To: total}, ev); !ok || diff != "" {
		t.Fatal(ok, diff)
	}
	s.print(" and more")
	events := drain(a, 50)
	if len(events) != 2 || !events[0].Snapshot || string(events[1].Data) != " and more" || events[1].Offset != total {
		t.Fatalf("want a repaint and the output after it, got %+v", events)
	}
	term := vt.New(40, 5)
	term.Write([]byte("stale\x1b[7m"))
	term.Write(events[0].Data)
	term.Write(events[1].Data)
	if diff := cmp.Diff(c.Snapshot().Lines, term.Lines()); diff != "" {
		t.Error(diff)
	}
}

// A repaint that was begun is given to its end, even if the ring laps it.
func TestGapWithinRepaint(t *testing.T) {
	h := newHub(t, consoles.Options{Scrollback: 16 << 10})
	c, s := open(t, h, consoles.Spec{})
	s.print("hello")
	a := attach(t, c, consoles.AttachOptions{})
	first, _ := a.Next(5)
	paint := bytes.Clone(first.Data)
	s.feed(pattern(5, 100_000))
	for {
		ev, ok := a.Next(5)
		if !ok {
			t.Fatal("the gap was not told")
		}
		if ev.Kind == consoles.Gap {
			if ev.From != 5 || ev.To != 100_005 {
				t.Errorf("got %+v", ev)
			}
			break
		}
		paint = append(paint, ev.Data...)
	}
	term := vt.New(80, 24)
	term.Write(paint)
	if got := term.Lines()[0]; got != "hello" {
		t.Errorf("the repaint shows %q", got)
	}
}

func TestResumeBeforeOldest(t *testing.T) {
	h := newHub(t, consoles.Options{Scrollback: 16 << 10})
	c, s := open(t, h, consoles.Spec{})
	s.feed(pattern(0, 100_000))
	oldest := c.Info().Oldest
	a := attach(t, c, consoles.AttachOptions{Replay: consoles.ReplayRaw, From: ptr[int64](77)})
	want := []consoles.Event{
		{Kind: consoles.Gap, Offset: oldest, From: 77, To: oldest},
		{Kind: consoles.Output, Offset: oldest, Data: pattern(oldest, int(100_000-oldest))},
	}
	if diff := cmp.Diff(want, drain(a, 1000)); diff != "" {
		t.Error(diff)
	}
}

// A client that is attached and reads nothing, while 32 MiB flow: the other
// clients get every byte, memory stays bounded, and the frozen one is told
// exactly what it missed when it wakes.
func TestFrozenClient(t *testing.T) {
	const size, piece = 32 << 20, 128 << 10
	h := newHub(t, consoles.Options{})
	c, s := open(t, h, consoles.Spec{})
	frozen := attach(t, c, consoles.AttachOptions{Client: "frozen", Replay: consoles.ReplayRaw})
	starved := attach(t, c, consoles.AttachOptions{Client: "starved", Replay: consoles.ReplayRaw, Window: 1 << 10})
	reader := attach(t, c, consoles.AttachOptions{Client: "reader", Replay: consoles.ReplayRaw})

	want, got := sha256.New(), sha256.New()
	for off := int64(0); off < size; off += piece {
		p := pattern(off, piece)
		want.Write(p)
		s.feed(p)
		for {
			ev, ok := reader.Next(20_000)
			if !ok {
				break
			}
			if ev.Kind != consoles.Output {
				t.Fatalf("the reader got %+v", ev)
			}
			got.Write(ev.Data)
		}
		drain(starved, 100)
	}
	if !bytes.Equal(want.Sum(nil), got.Sum(nil)) {
		t.Error("the reader did not get what was printed")
	}
	if held := h.Held(); held > 1<<20 {
		t.Errorf("the ring holds %d bytes, want at most 1 MiB", held)
	}
	for _, a := range []*consoles.Attachment{frozen, starved} {
		if err := a.Ack(a.Offset()); err != nil {
			t.Fatal(err)
		}
		check := newLedger(t, 0)
		check.next = a.Offset()
		check.take(drain(a, 1000))
		if check.gaps != 1 {
			t.Errorf("%s was told of %d gaps, want 1", a.Client(), check.gaps)
		}
	}
}

// ledger checks that events continue a stream of pattern bytes without silent
// loss and without repetition.
type ledger struct {
	t    testing.TB
	next int64 // the offset that must come
	gaps int
	lost int64
}

func newLedger(t testing.TB, from int64) *ledger { return &ledger{t: t, next: from} }

func (l *ledger) take(events []consoles.Event) {
	l.t.Helper()
	for _, ev := range events {
		switch {
		case ev.Kind == consoles.Gap:
			if ev.From != l.next || ev.To <= ev.From {
				l.t.Fatalf("after %d came the gap %d to %d", l.next, ev.From, ev.To)
			}
			l.gaps++
			l.lost += ev.To - ev.From
			l.next = ev.To
		case ev.Snapshot:
			if ev.Offset != l.next {
				l.t.Fatalf("after %d came a repaint for %d", l.next, ev.Offset)
			}
		case ev.Kind == consoles.Output:
			if ev.Offset != l.next || !bytes.Equal(ev.Data, pattern(l.next, len(ev.Data))) {
				l.t.Fatalf("after %d came output of %d, %d bytes, or it is not what was printed", l.next, ev.Offset, len(ev.Data))
			}
			l.next += int64(len(ev.Data))
		}
	}
}

// FuzzResume runs any sequence of output, reading, acknowledging, detaching and
// resuming. What a client gets must be the source, or an exact gap.
func FuzzResume(f *testing.F) {
	f.Add([]byte{0, 10, 1, 200, 2, 3, 0, 255, 1, 0, 4, 100, 1, 255})
	f.Add([]byte{0, 255, 0, 255, 0, 255, 0, 255, 1, 9, 3, 0, 4, 0, 1, 1, 5, 128, 1, 3})
	f.Add([]byte{5, 0, 0, 255, 0, 255, 0, 255, 1, 255, 2, 0, 0, 255, 0, 255, 0, 255, 1, 255})
	f.Fuzz(func(t *testing.T, script []byte) {
		h := consoles.NewHub(consoles.Options{Scrollback: 8 << 10, Budget: 10 << 10})
		defer h.Close()
		c, s := open(t, h, consoles.Spec{})
		other, noise := open(t, h, consoles.Spec{ID: "other"})
		run := resumeRun{t: t, c: c, s: s, check: newLedger(t, 0)}
		run.attach(consoles.AttachOptions{Replay: consoles.ReplayRaw})
		for i := 0; i+1 < len(script) && i < 400; i += 2 {
			if script[i]%8 == 6 {
				noise.feed(make([]byte, int(script[i+1])*20)) // takes memory from c
				continue
			}
			run.step(script[i]%8, int64(script[i+1]))
		}
		run.finish()
		if h.Held() > 10<<10 || other.Info().Held > 8<<10 {
			t.Fatalf("%d bytes are held", h.Held())
		}
	})
}

// resumeRun is the state of one run of FuzzResume.
type resumeRun struct {
	t       testing.TB
	c       *consoles.Console
	s       *fakeStream
	a       *consoles.Attachment
	check   *ledger
	printed int64
}

func (r *resumeRun) attach(o consoles.AttachOptions) {
	a, err := r.c.Attach(o)
	if err != nil {
		r.t.Fatal(err)
	}
	r.a = a
	if o.From == nil {
		r.check.next = a.Offset()
	}
}

func (r *resumeRun) step(op byte, arg int64) {
	switch op {
	case 0: // the guest prints
		n := int(arg * arg / 4)
		r.s.feed(pattern(r.printed, n))
		r.printed += int64(n)
	case 1: // the client reads
		for range arg%8 + 1 {
			if ev, ok := r.a.Next(int(arg)*10 + 1); ok {
				r.check.take([]consoles.Event{ev})
			}
		}
	case 2: // the client acknowledges
		if err := r.a.Ack(r.check.next); err != nil {
			r.t.Fatal(err)
		}
	case 3: // the connection breaks, and the client resumes where it was
		r.a.Detach()
		r.attach(consoles.AttachOptions{From: &r.check.next, Window: arg * 16})
	case 4: // another client: it takes up anywhere
		r.a.Detach()
		r.check.next = r.printed * arg / 255
		r.attach(consoles.AttachOptions{From: &r.check.next, Replay: consoles.ReplayRaw})
	case 5: // a client with a screen
		r.a.Detach()
		r.attach(consoles.AttachOptions{Window: arg * 16})
	case 7: // the terminal is resized
		if err := r.a.Resize(consoles.Size{Cols: int(arg), Rows: 24}); err != nil {
			r.t.Fatal(err)
		}
	}
}

// finish reads to the end: everything printed was got, or told to be missing.
func (r *resumeRun) finish() {
	for {
		if err := r.a.Ack(r.a.Offset()); err != nil {
			r.t.Fatal(err)
		}
		events := drain(r.a, 1000)
		if len(events) == 0 {
			break
		}
		r.check.take(events)
	}
	if r.check.next != r.printed {
		r.t.Fatalf("the client is at %d, %d were printed", r.check.next, r.printed)
	}
	r.a.Detach()
}
