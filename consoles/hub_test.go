package consoles_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/conbroker/conbroker/consoles"
)

// changes collects what a hub tells.
type changes struct {
	mu   sync.Mutex
	list []string
}

func (l *changes) add(ch consoles.Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, fmt.Sprintf("%s %s %s", ch.Kind, ch.Console.ID(), ch.Console.Info().State))
}

func (l *changes) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.list
	l.list = nil
	return list
}

func TestChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen changes
		h := newHub(t, consoles.Options{OnChange: seen.add})
		c, s := open(t, h, consoles.Spec{})
		a, err := c.Attach(consoles.AttachOptions{Mode: consoles.Write, Size: &consoles.Size{Cols: 10, Rows: 10}})
		if err != nil {
			t.Fatal(err)
		}
		a.Detach()
		s.end(consoles.ExitStatus{})
		synctest.Wait()
		time.Sleep(time.Hour)
		want := []string{"opened c1 open", "writer c1 open", "size c1 open", "writer c1 open", "closed c1 closed", "forgotten c1 closed"}
		if diff := cmp.Diff(want, seen.take()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestOpenErrors(t *testing.T) {
	h := newHub(t, consoles.Options{})
	c, _ := open(t, h, consoles.Spec{ID: "x"})
	s := newFakeStream()
	if _, err := h.Open(consoles.Spec{}, s); err == nil {
		t.Error("opened without an id")
	}
	if _, err := h.Open(consoles.Spec{ID: "x"}, s); !errors.Is(err, consoles.ErrExists) {
		t.Errorf("opened twice: %v", err)
	}
	c.Close()
	c.Close()
	again, err := h.Open(consoles.Spec{ID: "x"}, s)
	if err != nil {
		t.Fatalf("opened after the first was closed: %v", err)
	}
	if got, _ := h.Get("x"); got != again || len(h.List()) != 1 {
		t.Error("the closed console is still listed")
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Open(consoles.Spec{ID: "y"}, newFakeStream()); !errors.Is(err, consoles.ErrClosed) {
		t.Errorf("opened in a closed hub: %v", err)
	}
	if !s.isClosed() {
		t.Error("closing the hub has not closed the stream")
	}
}

func TestRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, consoles.Options{Retain: 3, RetainFor: time.Hour})
		var kept *consoles.Attachment
		for i := range 10 {
			c, s := open(t, h, consoles.Spec{ID: fmt.Sprint(i)})
			s.print("last words of " + c.ID())
			if i == 4 {
				kept = attach(t, c, consoles.AttachOptions{Replay: consoles.ReplayRaw})
			}
			s.end(consoles.ExitStatus{})
			<-c.Done()
			time.Sleep(time.Second)
		}
		ids := func() string {
			var list []string
			for _, i := range h.List() {
				list = append(list, i.ID)
			}
			return strings.Join(list, " ")
		}
		if got := ids(); got != "4 7 8 9" || h.Len() != 0 {
			t.Errorf("listed are %q, %d are open", got, h.Len())
		}
		time.Sleep(2 * time.Hour)
		if got := ids(); got != "4" {
			t.Errorf("after the retention time %q are listed", got)
		}
		events := drain(kept, 100)
		if len(events) != 2 || string(events[0].Data) != "last words of 4" {
			t.Errorf("got %+v", events)
		}
		kept.Detach()
		time.Sleep(2 * time.Hour)
		if got := ids(); got != "" || h.Held() != 0 {
			t.Errorf("%q are listed, %d bytes held", got, h.Held())
		}
	})
}

// A console that was replaced while a client was attached stays readable for it.
func TestReplacedWhileAttached(t *testing.T) {
	h := newHub(t, consoles.Options{})
	c, s := open(t, h, consoles.Spec{})
	s.print("old")
	a := attach(t, c, consoles.AttachOptions{Replay: consoles.ReplayRaw})
	c.Close()
	_, s2 := open(t, h, consoles.Spec{})
	s2.print("new")
	events := drain(a, 100)
	if len(events) != 2 || string(events[0].Data) != "old" {
		t.Errorf("got %+v", events)
	}
	a.Detach()
	if got := h.Held(); got != 1024 {
		t.Errorf("%d bytes are held", got)
	}
}

// The rings of all consoles together never hold more than the budget, busy ones
// take from idle ones, and every console works on.
func TestBudget(t *testing.T) {
	const budget, ring, count = 1 << 20, 256 << 10, 20
	h := newHub(t, consoles.Options{Scrollback: ring, Budget: budget})
	var all []*consoles.Console
	for i := range count {
		c, s := open(t, h, consoles.Spec{ID: fmt.Sprint(i)})
		all = append(all, c)
		s.feed(pattern(0, 300_000))
		if held := h.Held(); held > budget {
			t.Fatalf("%d bytes are held", held)
		}
	}
	if held := h.Held(); held < budget*3/4 {
		t.Errorf("only %d bytes are held", held)
	}
	// The first one, idle longest, has shrunk to its last chunk, for the last one.
	if first, last := all[0].Info().Held, all[count-1].Info().Held; first > ring/4 || last < budget/count*3/4 {
		t.Errorf("the idle console holds %d bytes, the busy one %d", first, last)
	}
	// A console that lost its history shows its screen all the same.
	snap := all[0].Snapshot()
	if snap.Offset != 300_000 || !strings.Contains(snap.Text, "018749") {
		t.Errorf("the screen at %d is %q", snap.Offset, snap.Text)
	}
}

func TestBudgetUsedUp(t *testing.T) {
	h := newHub(t, consoles.Options{Budget: 2500})
	a, sa := open(t, h, consoles.Spec{ID: "a"})
	open(t, h, consoles.Spec{ID: "b"})
	if _, err := h.Open(consoles.Spec{ID: "c"}, newFakeStream()); !errors.Is(err, consoles.ErrBudget) {
		t.Fatalf("got %v", err)
	}
	reader := attach(t, a, consoles.AttachOptions{Replay: consoles.ReplayRaw})
	check := newLedger(t, 0)
	for off := int64(0); off < 100_000; off += 1000 {
		sa.feed(pattern(off, 1000))
		check.take(drain(reader, 500))
	}
	if check.next != 100_000 || check.lost > 80_000 || h.Held() > 2500 {
		t.Errorf("got events up to %d, %d bytes lost; %d bytes are held", check.next, check.lost, h.Held())
	}
}

func TestBudgetConcurrently(t *testing.T) {
	const budget, size = 512 << 10, 2 << 20
	h := newHub(t, consoles.Options{Scrollback: 128 << 10, Budget: budget})
	var wg sync.WaitGroup
	for i := range 12 {
		c, s := open(t, h, consoles.Spec{ID: fmt.Sprint(i)})
		a := attach(t, c, consoles.AttachOptions{Replay: consoles.ReplayRaw})
		wg.Go(func() {
			defer s.end(consoles.ExitStatus{})
			for off := int64(0); off < size; off += 4000 {
				s.feed(pattern(off, int(min(4000, size-off))))
			}
		})
		wg.Go(func() {
			check := newLedger(t, 0)
			for {
				ev, err := a.Wait(context.Background(), 10_000)
				if err != nil {
					break
				}
				if h.Held() > budget {
					t.Errorf("%d bytes are held", h.Held())
				}
				check.take([]consoles.Event{ev})
			}
			if check.next != size {
				t.Errorf("got events up to %d", check.next)
			}
		})
	}
	wg.Wait()
}

func TestReopen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen changes
		h := newHub(t, consoles.Options{OnChange: seen.add})
		second := newFakeStream()
		var ended []consoles.ExitStatus
		c, first := open(t, h, consoles.Spec{Reopen: func(_ context.Context, exit consoles.ExitStatus) (consoles.Stream, error) {
			ended = append(ended, exit)
			if len(ended) > 1 {
				return nil, errors.New("the domain is gone")
			}
			return second, nil
		}})
		w := attach(t, c, consoles.AttachOptions{Mode: consoles.Write, Replay: consoles.ReplayRaw})
		if err := w.Resize(consoles.Size{Cols: 100, Rows: 40}); err != nil {
			t.Fatal(err)
		}
		first.setDeaf(true)
		if _, err := w.TryInput([]byte("for the guest that goes away")); err != nil {
			t.Fatal(err)
		}
		first.print("one ")
		first.end(consoles.ExitStatus{Reason: "rebooted"})
		second.print("two")
		if _, err := w.TryInput([]byte("hi")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := second.got(); got != "hi" {
			t.Errorf("the second guest got %q", got)
		}
		if diff := cmp.Diff([]consoles.Size{{Cols: 100, Rows: 40}}, second.sizes); diff != "" {
			t.Error(diff)
		}
		second.end(consoles.ExitStatus{Reason: "powered off"})
		<-c.Done()
		want := []consoles.Event{
			{Kind: consoles.Output, Data: []byte("one two")},
			{Kind: consoles.Closed, Offset: 7, Exit: consoles.ExitStatus{Reason: "powered off"}},
		}
		if diff := cmp.Diff(want, drain(w, 100)); diff != "" {
			t.Error(diff)
		}
		synctest.Wait()
		if diff := cmp.Diff([]string{"opened c1 open", "writer c1 open", "size c1 open", "reopened c1 open", "closed c1 closed"}, seen.take()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestCloseWhileReopening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, consoles.Options{})
		late := newFakeStream()
		c, s := open(t, h, consoles.Spec{Reopen: func(ctx context.Context, _ consoles.ExitStatus) (consoles.Stream, error) {
			<-ctx.Done()
			return late, nil
		}})
		s.end(consoles.ExitStatus{})
		synctest.Wait()
		c.Close()
		if !late.isClosed() {
			t.Error("the stream that came too late was not closed")
		}
	})
}

func TestSnapshot(t *testing.T) {
	h := newHub(t, consoles.Options{})
	c, s := open(t, h, consoles.Spec{Size: consoles.Size{Cols: 20, Rows: 4}})
	s.print("\x1b]0;edit\a\x1b[?1049h\x1b[2;3Hhello\x1b[?25l")
	got := c.Snapshot()
	got.Bytes = nil
	want := consoles.Snapshot{
		Lines: []string{"", "  hello", "", ""}, Text: "\n  hello", Col: 7, Row: 1,
		Size: consoles.Size{Cols: 20, Rows: 4}, Title: "edit", AltScreen: true, Offset: 34,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
