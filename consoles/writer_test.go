package consoles_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/conbroker/conbroker/consoles"
)

// busy checks that err is a BusyError that names holder.
func busy(t *testing.T, err error, holder string) {
	t.Helper()
	var b *consoles.BusyError
	if !errors.As(err, &b) || b.Holder != holder {
		t.Errorf("want busy with %q, got %v", holder, err)
	}
}

func TestOneWriter(t *testing.T) {
	h := newHub(t, consoles.Options{})
	c, _ := open(t, h, consoles.Spec{})
	none := consoles.ReplayNone
	first := attach(t, c, consoles.AttachOptions{Client: "first", Mode: consoles.Write, Replay: none})
	reader := attach(t, c, consoles.AttachOptions{Client: "reader", Replay: none})
	_, err := c.Attach(consoles.AttachOptions{Client: "second", Mode: consoles.Write})
	busy(t, err, "first")
	if _, err := reader.TryInput([]byte("x")); !errors.Is(err, consoles.ErrReadOnly) {
		t.Errorf("input of a reader: %v", err)
	}
	busy(t, reader.Resize(consoles.Size{Cols: 1, Rows: 1}), "first")
	busy(t, reader.SetMode(consoles.Write, false), "first")
	_, err = c.Send(t.Context(), "script", []byte("x"))
	busy(t, err, "first")

	second := attach(t, c, consoles.AttachOptions{Client: "second", Mode: consoles.Write, Takeover: true, Replay: none})
	told := []consoles.Event{{Kind: consoles.WriterChanged, Writer: "second"}}
	for _, a := range []*consoles.Attachment{first, reader} {
		if diff := cmp.Diff(told, drain(a, 10)); diff != "" {
			t.Errorf("%s: %s", a.Client(), diff)
		}
	}
	if got := drain(second, 10); got != nil {
		t.Errorf("the new writer was told %+v", got)
	}
	if first.Mode() != consoles.Read || second.Mode() != consoles.Write {
		t.Errorf("modes are %s and %s", first.Mode(), second.Mode())
	}
	if _, err := first.Input(t.Context(), []byte("x")); !errors.Is(err, consoles.ErrReadOnly) {
		t.Errorf("input of the former writer: %v", err)
	}
	second.Detach()
	told[0].Writer = ""
	if diff := cmp.Diff(told, drain(first, 10)); diff != "" {
		t.Error(diff)
	}
	if err := first.SetMode(consoles.Write, false); err != nil {
		t.Error(err)
	}
	if err := second.SetMode(consoles.Write, true); !errors.Is(err, consoles.ErrDetached) {
		t.Errorf("mode of a detached attachment: %v", err)
	}
	if err := first.SetMode(consoles.Read, false); err != nil || c.Info().Writer != "" {
		t.Errorf("giving up the role: %v, writer %q", err, c.Info().Writer)
	}
}

// What a client was to be told is dropped when it becomes the writer itself.
func TestTakeoverAndBack(t *testing.T) {
	h := newHub(t, consoles.Options{})
	c, _ := open(t, h, consoles.Spec{})
	a := attach(t, c, consoles.AttachOptions{Client: "a", Mode: consoles.Write, Replay: consoles.ReplayNone})
	b := attach(t, c, consoles.AttachOptions{Client: "b", Mode: consoles.Write, Takeover: true, Replay: consoles.ReplayNone})
	if err := a.SetMode(consoles.Write, true); err != nil {
		t.Fatal(err)
	}
	if got := drain(a, 10); got != nil {
		t.Errorf("the writer was told %+v", got)
	}
	if diff := cmp.Diff([]consoles.Event{{Kind: consoles.WriterChanged, Writer: "a"}}, drain(b, 10)); diff != "" {
		t.Error(diff)
	}
}

func TestInputOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, consoles.Options{})
		c, s := open(t, h, consoles.Spec{})
		s.print("prompt")
		w := attach(t, c, consoles.AttachOptions{Mode: consoles.Write})
		var want strings.Builder
		for i := range 1000 {
			text := strings.Repeat(string(rune('a'+i%26)), i%50)
			want.WriteString(text)
			var off int64
			var err error
			if i%2 == 0 {
				off, err = w.Input(t.Context(), []byte(text))
			} else {
				off, err = w.TryInput([]byte(text))
			}
			if err != nil || off != 6 {
				t.Fatalf("offset %d, %v", off, err)
			}
		}
		synctest.Wait()
		if got := s.got(); got != want.String() {
			t.Errorf("the guest got %d bytes, want %d in order", len(got), want.Len())
		}
	})
}

// A guest that does not read fills the queue, and then blocks only those who
// ask to wait.
func TestDeafGuest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, consoles.Options{})
		c, s := open(t, h, consoles.Spec{})
		s.setDeaf(true)
		w := attach(t, c, consoles.AttachOptions{Mode: consoles.Write, Replay: consoles.ReplayRaw})
		half := make([]byte, 512<<10)
		for range 2 {
			if _, err := w.TryInput(half); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.TryInput([]byte("x")); !errors.Is(err, consoles.ErrInputFull) {
			t.Errorf("a full queue: %v", err)
		}
		if _, err := w.TryInput(make([]byte, 1<<20+1)); !errors.Is(err, consoles.ErrInputTooLarge) {
			t.Errorf("too large: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := w.Input(ctx, []byte("x")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waiting: %v", err)
		}
		s.print("output flows on") // the reader is not blocked
		if got := drain(w, 100); len(got) != 1 {
			t.Errorf("got %+v", got)
		}
		if q := c.Info().InputQueued; q != 1<<20 {
			t.Errorf("%d bytes are queued", q)
		}
		done := make(chan error)
		go func() {
			_, err := w.Input(t.Context(), []byte("last"))
			done <- err
		}()
		synctest.Wait()
		if _, err := w.TryInput(nil); !errors.Is(err, consoles.ErrInputFull) {
			t.Errorf("input passes one that waits: %v", err)
		}
		s.setDeaf(false)
		if err := <-done; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if got := s.got(); len(got) != 1<<20+4 || !strings.HasSuffix(got, "last") {
			t.Errorf("the guest got %d bytes", len(got))
		}
	})
}

func TestCloseWhileInputWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, consoles.Options{})
		c, s := open(t, h, consoles.Spec{})
		s.setDeaf(true)
		w := attach(t, c, consoles.AttachOptions{Mode: consoles.Write})
		if _, err := w.TryInput(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() {
			_, err := w.Input(t.Context(), []byte("x"))
			done <- err
		}()
		synctest.Wait()
		c.Close()
		if err := <-done; !errors.Is(err, consoles.ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
}

func TestSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, consoles.Options{})
		c, s := open(t, h, consoles.Spec{})
		s.print("login: ")
		off, err := c.Send(t.Context(), "script", []byte("root\n"))
		if err != nil || off != 7 {
			t.Errorf("offset %d, %v", off, err)
		}
		synctest.Wait()
		if got := s.got(); got != "root\n" || c.Info().Writer != "" {
			t.Errorf("the guest got %q; the writer is %q", got, c.Info().Writer)
		}
		// While one script's input waits, another is told who holds the console,
		// and a takeover ends the wait.
		s.setDeaf(true)
		if _, err := c.Send(t.Context(), "script", make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() {
			_, err := c.Send(t.Context(), "first", []byte("x"))
			done <- err
		}()
		synctest.Wait()
		_, err = c.Send(t.Context(), "second", []byte("x"))
		busy(t, err, "first")
		attach(t, c, consoles.AttachOptions{Client: "boss", Mode: consoles.Write, Takeover: true})
		s.setDeaf(false)
		busy(t, <-done, "boss")
		c.Close()
		if _, err := c.Send(t.Context(), "script", nil); err == nil {
			t.Error("sent to a closed console")
		}
	})
}

func TestBreak(t *testing.T) {
	h := newHub(t, consoles.Options{})
	c, s := open(t, h, consoles.Spec{})
	if err := c.Break(t.Context()); err != nil || s.breaks != 1 {
		t.Errorf("%v, %d breaks", err, s.breaks)
	}
	plain, err := h.Open(consoles.Spec{ID: "plain"}, struct{ consoles.Stream }{newFakeStream()})
	if err != nil {
		t.Fatal(err)
	}
	if err := plain.Break(t.Context()); !errors.Is(err, consoles.ErrNoBreak) {
		t.Errorf("got %v", err)
	}
	c.Close()
	if err := c.Break(t.Context()); !errors.Is(err, consoles.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestResize(t *testing.T) {
	h := newHub(t, consoles.Options{})
	c, s := open(t, h, consoles.Spec{})
	lone := attach(t, c, consoles.AttachOptions{Client: "lone", Replay: consoles.ReplayRaw, Size: &consoles.Size{Cols: 100, Rows: 30}})
	if got := c.Info().Size; got != (consoles.Size{Cols: 100, Rows: 30}) {
		t.Errorf("a lone reader's size was not applied: %+v", got)
	}
	other := attach(t, c, consoles.AttachOptions{Client: "other", Replay: consoles.ReplayRaw, Size: &consoles.Size{Cols: 5, Rows: 5}})
	if err := lone.Resize(consoles.Size{Cols: 90, Rows: 30}); !errors.Is(err, consoles.ErrReadOnly) {
		t.Errorf("one of two readers: %v", err)
	}
	s.print("before")
	if err := other.SetMode(consoles.Write, false); err != nil {
		t.Fatal(err)
	}
	for _, size := range []consoles.Size{{Cols: 0, Rows: 9999}, {Cols: 1, Rows: 1000}, {Cols: 80, Rows: 25}} {
		if err := other.Resize(size); err != nil {
			t.Fatal(err)
		}
	}
	s.print("after")
	want := []consoles.Event{
		{Kind: consoles.WriterChanged, Writer: "other"},
		{Kind: consoles.Output, Data: []byte("before")},
		{Kind: consoles.Resized, Offset: 6, Size: consoles.Size{Cols: 80, Rows: 25}},
		{Kind: consoles.Output, Offset: 6, Data: []byte("after")},
	}
	if diff := cmp.Diff(want, drain(lone, 100)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("beforeafter", string(drain(other, 100)[0].Data)); diff != "" {
		t.Errorf("who resized is not told of it: %s", diff)
	}
	sizes := []consoles.Size{{Cols: 100, Rows: 30}, {Cols: 1, Rows: 1000}, {Cols: 80, Rows: 25}}
	if diff := cmp.Diff(sizes, s.sizes); diff != "" {
		t.Error(diff)
	}
	s.failing = errors.New("no such window")
	if err := other.Resize(consoles.Size{Cols: 10, Rows: 10}); !errors.Is(err, s.failing) || c.Info().Size.Cols != 80 {
		t.Errorf("got %v, size %+v", err, c.Info().Size)
	}
}

// A client that does not read is not sent every size that there was.
func TestManyResizes(t *testing.T) {
	h := newHub(t, consoles.Options{})
	c, s := open(t, h, consoles.Spec{})
	w := attach(t, c, consoles.AttachOptions{Mode: consoles.Write})
	sleepy := attach(t, c, consoles.AttachOptions{Replay: consoles.ReplayRaw})
	for i := range 500 {
		s.print("x")
		if err := w.Resize(consoles.Size{Cols: i%90 + 10, Rows: 10 + i%7}); err != nil {
			t.Fatal(err)
		}
	}
	var sizes []consoles.Size
	var text strings.Builder
	for _, ev := range drain(sleepy, 100) {
		text.Write(ev.Data)
		if ev.Kind == consoles.Resized {
			sizes = append(sizes, ev.Size)
		}
	}
	if last := (consoles.Size{Cols: 499%90 + 10, Rows: 10 + 499%7}); len(sizes) > 16 || sizes[len(sizes)-1] != last {
		t.Errorf("got %d sizes, the last %+v", len(sizes), sizes[len(sizes)-1])
	}
	if text.Len() != 500 {
		t.Errorf("got %d bytes", text.Len())
	}
}
