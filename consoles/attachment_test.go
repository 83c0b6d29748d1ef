package consoles_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/conbroker/conbroker/consoles"
	"github.com/conbroker/conbroker/consoles/vt"
)

func TestReplay(t *testing.T) {
	h := newHub(t, consoles.Options{})
	c, s := open(t, h, consoles.Spec{})
	s.print("one\r\ntwo\r\n")
	for _, tt := range []struct {
		name string
		opt  consoles.AttachOptions
		want []consoles.Event
	}{
		{"raw", consoles.AttachOptions{Replay: consoles.ReplayRaw},
			[]consoles.Event{{Kind: consoles.Output, Data: []byte("one\r\ntwo\r\n")}}},
		{"none", consoles.AttachOptions{Replay: consoles.ReplayNone}, nil},
		{"from", consoles.AttachOptions{From: ptr[int64](5)},
			[]consoles.Event{{Kind: consoles.Output, Offset: 5, Data: []byte("two\r\n")}}},
		{"from the end", consoles.AttachOptions{From: ptr[int64](10)}, nil},
	} {
		if diff := cmp.Diff(tt.want, drain(attach(t, c, tt.opt), 100)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func TestReplayScreen(t *testing.T) {
	h := newHub(t, consoles.Options{})
	c, s := open(t, h, consoles.Spec{Size: consoles.Size{Cols: 20, Rows: 4}})
	s.print("one\r\ntwo\x1b[c\x1b[6n\x1b[5") // a query, another, and half a sequence
	a := attach(t, c, consoles.AttachOptions{})
	if got := a.Offset(); got != 15 {
		t.Errorf("the output goes on at %d, want 15: before the unfinished sequence", got)
	}
	s.print(";5Hx")
	events := drain(a, 7)
	if len(events) != 2 || !events[0].Snapshot || events[1].Snapshot {
		t.Fatalf("want a repaint and output, got %+v", events)
	}
	if diff := cmp.Diff("\x1b[5;5Hx", string(events[1].Data)); diff != "" {
		t.Error(diff)
	}
	for _, query := range []string{"\x1b[c", "\x1b[6n"} {
		if bytes.Contains(events[0].Data, []byte(query)) {
			t.Errorf("the repaint repeats the query %q", query)
		}
	}
	// A terminal in whatever state shows the same.
	term := vt.New(20, 4)
	term.Write([]byte("\x1b[?1049h\x1b[2;3r\x1b[?6h\x1b(0\x1b[31;7mjunk\x1b[4h\x1b]0;unfinished"))
	term.Write(events[0].Data)
	term.Write(events[1].Data)
	if diff := cmp.Diff(c.Snapshot().Lines, term.Lines()); diff != "" {
		t.Error(diff)
	}
}

func TestAttachErrors(t *testing.T) {
	h := newHub(t, consoles.Options{})
	c, s := open(t, h, consoles.Spec{})
	s.print("12345")
	for _, from := range []int64{-1, 6, 1 << 62} {
		_, err := c.Attach(consoles.AttachOptions{Client: "x", From: &from})
		if !errors.Is(err, consoles.ErrOffset) {
			t.Errorf("from %d: got %v", from, err)
		}
	}
	if got := len(c.Info().Attachments); got != 0 {
		t.Errorf("%d attachments are left", got)
	}
}

func TestManyWatchersSeeTheSame(t *testing.T) {
	h := newHub(t, consoles.Options{})
	c, s := open(t, h, consoles.Spec{})
	var watchers []*consoles.Attachment
	for range 20 {
		watchers = append(watchers, attach(t, c, consoles.AttachOptions{Replay: consoles.ReplayRaw}))
	}
	want := pattern(0, 200_000)
	s.feed(want)
	for i, a := range watchers {
		events := drain(a, 1000+i)
		if len(events) != 1 || !bytes.Equal(events[0].Data, want) {
			t.Fatalf("watcher %d did not get the output as it was", i)
		}
	}
}

func TestClosedIsTheLastEvent(t *testing.T) {
	h := newHub(t, consoles.Options{})
	c, s := open(t, h, consoles.Spec{})
	a := attach(t, c, consoles.AttachOptions{Replay: consoles.ReplayRaw, Window: 4})
	s.print("last words")
	exit := consoles.ExitStatus{Code: 3, Reason: "exited with status 3"}
	s.end(exit)
	<-c.Done()
	if diff := cmp.Diff("last", string(drain(a, 100)[0].Data)); diff != "" {
		t.Fatal(diff)
	}
	for _, off := range []int64{4, 8} {
		if err := a.Ack(off); err != nil {
			t.Fatal(err)
		}
		drained := drain(a, 100)
		if off == 8 {
			want := []consoles.Event{
				{Kind: consoles.Output, Offset: 8, Data: []byte("ds")},
				{Kind: consoles.Closed, Offset: 10, Exit: exit},
			}
			if diff := cmp.Diff(want, drained); diff != "" {
				t.Error(diff)
			}
		}
	}
	if _, err := a.Wait(t.Context(), 10); !errors.Is(err, consoles.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

func TestAttachToClosed(t *testing.T) {
	h := newHub(t, consoles.Options{})
	c, s := open(t, h, consoles.Spec{})
	s.print("Kernel panic - not syncing\r\n")
	s.end(consoles.ExitStatus{Reason: "connection closed by the guest's serial port"})
	<-c.Done()
	a := attach(t, c, consoles.AttachOptions{Mode: consoles.Write})
	events := drain(a, 10_000)
	if len(events) != 2 || !events[0].Snapshot || events[1].Kind != consoles.Closed {
		t.Fatalf("want the screen and Closed, got %+v", events)
	}
	if !bytes.Contains(events[0].Data, []byte("Kernel panic - not syncing")) {
		t.Errorf("the screen is %q", events[0].Data)
	}
	if _, err := a.TryInput([]byte("x")); !errors.Is(err, consoles.ErrClosed) {
		t.Errorf("input to a closed console: %v", err)
	}
	if err := a.Resize(consoles.Size{Cols: 10, Rows: 10}); !errors.Is(err, consoles.ErrClosed) {
		t.Errorf("resize of a closed console: %v", err)
	}
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, consoles.Options{})
		c, s := open(t, h, consoles.Spec{})
		a := attach(t, c, consoles.AttachOptions{Replay: consoles.ReplayNone})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := a.Wait(ctx, 10); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		go s.print("hello")
		ev, err := a.Wait(t.Context(), 100)
		if err != nil || string(ev.Data) != "hello" {
			t.Errorf("got %q, %v", ev.Data, err)
		}
		time.AfterFunc(time.Second, a.Detach)
		if _, err := a.Wait(t.Context(), 10); !errors.Is(err, consoles.ErrDetached) {
			t.Errorf("got %v", err)
		}
		if _, ok := a.Next(10); ok {
			t.Error("a detached attachment gives events")
		}
	})
}

// OnReady is called once when there is something after there was nothing.
func TestOnReady(t *testing.T) {
	h := newHub(t, consoles.Options{})
	c, s := open(t, h, consoles.Spec{})
	var calls int // changed on the reader's goroutine only, and read when it rests
	a := attach(t, c, consoles.AttachOptions{Replay: consoles.ReplayNone, Window: 10, OnReady: func() { calls++ }})
	expect := func(want int) {
		t.Helper()
		if calls != want {
			t.Errorf("OnReady was called %d times, want %d", calls, want)
		}
	}
	s.print("12345")
	s.print("67890")
	expect(1)
	if got := drain(a, 100); len(got) != 1 {
		t.Fatalf("got %+v", got)
	}
	s.print("out of credit")
	expect(1)
	if err := a.Ack(5); err != nil {
		t.Fatal(err)
	}
	expect(2)
	if diff := cmp.Diff("out o", string(drain(a, 100)[0].Data)); diff != "" {
		t.Error(diff)
	}
}

// Dismissed clients get what they were reading, then Closed; the console goes on.
func TestDismiss(t *testing.T) {
	h := newHub(t, consoles.Options{})
	c, s := open(t, h, consoles.Spec{})
	old := attach(t, c, consoles.AttachOptions{Client: "old", Mode: consoles.Write, Replay: consoles.ReplayRaw})
	c.Dismiss("another client has reconnected")
	got := drain(old, 100)
	if n := len(got); n == 0 || got[n-1].Kind != consoles.Closed || got[n-1].Exit.Reason != "another client has reconnected" {
		t.Errorf("got %+v", got)
	}
	if _, err := old.Wait(t.Context(), 10); !errors.Is(err, consoles.ErrClosed) {
		t.Errorf("after it: %v", err)
	}
	attach(t, c, consoles.AttachOptions{Client: "new", Mode: consoles.Write})
	s.print("it goes on")
	if i := c.Info(); i.State != consoles.StateOpen || i.Writer != "new" || i.Offset != 10 {
		t.Errorf("got %+v", i)
	}
}

func TestInfoAndList(t *testing.T) {
	h := newHub(t, consoles.Options{})
	c, s := open(t, h, consoles.Spec{ID: "b", Label: "tst100", Kind: "guest", Host: "lab00", Meta: 5})
	open(t, h, consoles.Spec{ID: "a"})
	s.print("12345")
	attach(t, c, consoles.AttachOptions{Client: "reader", Replay: consoles.ReplayNone})
	w := attach(t, c, consoles.AttachOptions{Client: "writer", Mode: consoles.Write, Replay: consoles.ReplayRaw})
	if _, err := w.TryInput([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	i := c.Info()
	i.OpenedAt, i.Active, i.InputQueued = time.Time{}, time.Time{}, 0
	want := consoles.Info{
		ID: "b", Label: "tst100", Kind: "guest", Host: "lab00", Size: consoles.Size{Cols: 80, Rows: 24},
		State: consoles.StateOpen, Offset: 5, BytesIn: 3, Held: 1024, Writer: "writer",
		Attachments: []consoles.AttachmentInfo{{Client: "reader", Mode: consoles.Read, Offset: 5}, {Client: "writer", Mode: consoles.Write}},
	}
	if diff := cmp.Diff(want, i); diff != "" {
		t.Error(diff)
	}
	var ids []string
	for _, i := range h.List() {
		ids = append(ids, i.ID)
	}
	if got := strings.Join(ids, " "); got != "b a" {
		t.Errorf("listed are %q", got)
	}
	if got, ok := h.Get("b"); !ok || got != c || got.Meta() != 5 || got.ID() != "b" || h.Len() != 2 {
		t.Error("Get does not find the console")
	}
	if _, ok := h.Get("nope"); ok {
		t.Error("Get finds what is not there")
	}
}
