package attach

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/conbroker/conbroker/consoles"
)

func TestTypingOutputAndExit(t *testing.T) {
	f := newFixture(t, consoles.Options{})
	f.guest.exit = consoles.ExitStatus{Code: 3, Reason: "exit status 3"}
	c := f.dial(Hello{Client: "me", Size: &Size{Cols: 100, Rows: 30}})
	want := Welcome{Label: "tst100", Mode: consoles.Write, Size: Size{100, 30}, Writer: "me"}
	if diff := cmp.Diff(want, c.Welcome()); diff != "" {
		t.Errorf("welcome (-want +got):\n%s", diff)
	}
	if got := <-f.guest.resizedC; got != (consoles.Size{Cols: 100, Rows: 30}) {
		t.Errorf("the guest got size %v", got)
	}
	if err := c.Input([]byte("uname\r")); err != nil {
		t.Fatal(err)
	}
	if got := f.typed(6); got != "uname\r" {
		t.Errorf("the guest got %q", got)
	}
	f.print("Linux\r\n")
	if got := readOutput(t, c, 7); got != "Linux\r\n" {
		t.Errorf("output %q", got)
	}
	f.guest.output.Close()
	if got := next(t, c, Exited).Exit; got != (Exit{Code: 3, Reason: "exit status 3"}) {
		t.Errorf("exit %+v", got)
	}
	if _, err := c.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the exit: %v", err)
	}
	if c.Offset() != 7 {
		t.Errorf("offset %d", c.Offset())
	}
}

func TestReattachGetsTheScreen(t *testing.T) {
	f := newFixture(t, consoles.Options{})
	f.print("login: ")
	f.until("output", func() bool { return f.con.Info().Offset == 7 })
	c := f.dial(Hello{Mode: consoles.Read})
	if got := next(t, c, Snapshot).Data; !bytes.Contains(got, []byte("login:")) {
		t.Errorf("snapshot %q", got)
	}
	raw := f.dial(Hello{Mode: consoles.Read, Replay: consoles.ReplayRaw})
	if got := readOutput(t, raw, 7); got != "login: " {
		t.Errorf("raw replay %q", got)
	}
	from := int64(2)
	late := f.dial(Hello{Mode: consoles.Read, From: &from})
	if got := readOutput(t, late, 5); got != "gin: " || late.Welcome().Offset != 2 {
		t.Errorf("from 2: %q at %d", got, late.Welcome().Offset)
	}
}

func TestResizeBreakAndTakeover(t *testing.T) {
	g := newGuest()
	broken := make(chan struct{}, 1)
	f := serve(t, consoles.Options{}, g, breakGuest{g, broken})
	first := f.dial(Hello{Client: "first"})
	if err := first.Resize(Size{132, 50}); err != nil {
		t.Fatal(err)
	}
	if got := <-g.resizedC; got != (consoles.Size{Cols: 132, Rows: 50}) {
		t.Errorf("size %v", got)
	}
	if err := first.Break(); err != nil {
		t.Fatal(err)
	}
	<-broken

	second := f.dial(Hello{Client: "second", Mode: consoles.Read})
	if err := second.Takeover(); err != nil {
		t.Fatal(err)
	}
	mine := Change{Mode: consoles.Write, Writer: "second", Size: Size{132, 50}}
	if diff := cmp.Diff(mine, next(t, second, Changed).Change); diff != "" {
		t.Errorf("the new writer was told (-want +got):\n%s", diff)
	}
	theirs := Change{Mode: consoles.Read, Writer: "second", Size: Size{132, 50}}
	if diff := cmp.Diff(theirs, next(t, first, Changed).Change); diff != "" {
		t.Errorf("the old writer was told (-want +got):\n%s", diff)
	}
	if err := first.Input([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if got := next(t, first, Refused).Refusal.Code; got != CodeReadOnly {
		t.Errorf("typing without the role: %s", got)
	}
}

func TestBreakRefused(t *testing.T) {
	f := newFixture(t, consoles.Options{})
	c := f.dial(Hello{})
	if err := c.Break(); err != nil {
		t.Fatal(err)
	}
	if got := next(t, c, Refused).Refusal.Code; got != CodeUnsupported {
		t.Errorf("code %s", got)
	}
	watcher := f.dial(Hello{Mode: consoles.Read})
	if err := watcher.Break(); err != nil {
		t.Fatal(err)
	}
	if got := next(t, watcher, Refused).Refusal.Code; got != CodeReadOnly {
		t.Errorf("code %s", got)
	}
}

func TestRefusals(t *testing.T) {
	f := newFixture(t, consoles.Options{})
	f.dial(Hello{Client: "first"})
	past := int64(99)
	for name, tc := range map[string]struct {
		hello Hello
		want  Error
	}{
		"console": {Hello{Console: "c9\x1b"}, Error{Code: CodeNotFound, Message: `"c9"`}},
		"busy":    {Hello{Client: "second"}, Error{Code: CodeBusy, Holder: "first", Message: "--takeover"}},
		"mode":    {Hello{Mode: "both"}, Error{Code: CodeInvalid, Message: "both"}},
		"replay":  {Hello{Replay: "all"}, Error{Code: CodeInvalid, Message: "all"}},
		"offset":  {Hello{Mode: consoles.Read, From: &past}, Error{Code: CodeInvalid, Message: "99"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.tryDial(tc.hello)
			var got *Error
			if !errors.As(err, &got) {
				t.Fatalf("error %v", err)
			}
			if got.Code != tc.want.Code || got.Holder != tc.want.Holder || !strings.Contains(got.Message, tc.want.Message) {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
	if n := len(f.con.Info().Attachments); n != 1 {
		t.Errorf("%d attachments are left", n)
	}
}

// stream prints n pseudo-random bytes and returns their hash.
func stream(w io.Writer, n int) (hash.Hash, error) {
	src, sum := rand.NewChaCha8([32]byte{7}), sha256.New()
	_, err := io.CopyN(io.MultiWriter(w, sum), src, int64(n))
	return sum, err
}

func TestThirtyTwoMiBExact(t *testing.T) {
	const size = 32 << 20
	f := newFixture(t, consoles.Options{Scrollback: size + 1<<20})
	c := f.dial(Hello{Mode: consoles.Read, Replay: consoles.ReplayNone})
	sent := make(chan hash.Hash, 1)
	go func() {
		sum, err := stream(f.guest.output, size)
		if err != nil {
			sum = nil
		}
		f.guest.output.Close()
		sent <- sum
	}()
	got := sha256.New()
	for {
		ev, err := c.Next()
		if err != nil {
			t.Fatal(err)
		}
		if ev.Kind == Exited {
			break
		}
		if ev.Kind != Output {
			t.Fatalf("unexpected event %+v", ev)
		}
		got.Write(ev.Data)
	}
	want := <-sent
	if want == nil || !bytes.Equal(got.Sum(nil), want.Sum(nil)) || c.Offset() != size {
		t.Errorf("the bytes differ: %d came", c.Offset())
	}
}

func TestFrozenClientGetsAnExactGapAndAScreen(t *testing.T) {
	const size = 8 << 20
	f := newFixture(t, consoles.Options{Scrollback: 128 << 10})
	frozen := f.dial(Hello{Mode: consoles.Read})
	line := strings.Repeat("x", 98) + "\r\n"
	for sent := 0; sent < size; sent += len(line) * 100 {
		f.print(strings.Repeat(line, 100)) // ends only if nobody waits for the frozen client
	}
	f.print("the end")
	f.guest.output.Close()
	total := f.con.Info().Offset
	var seen, lost int64
	var screen []byte
	for {
		ev, err := frozen.Next()
		if err != nil {
			t.Fatal(err)
		}
		if ev.Kind == Exited {
			break
		}
		switch ev.Kind {
		case Output:
			seen += int64(len(ev.Data))
			screen = append(screen, ev.Data...)
		case Gap:
			if ev.From != seen+lost {
				t.Errorf("gap from %d, but %d bytes came before it", ev.From, seen+lost)
			}
			lost += ev.To - ev.From
			screen = nil
		case Snapshot:
			screen = append(screen, ev.Data...)
		}
	}
	f.until("end", func() bool { return f.con.Info().State == consoles.StateClosed })
	total = max(total, f.con.Info().Offset)
	if lost == 0 || seen+lost != total || frozen.Offset() != total {
		t.Errorf("seen %d + lost %d of %d, offset %d", seen, lost, total, frozen.Offset())
	}
	if !bytes.Contains(screen, []byte("the end")) {
		t.Errorf("the screen after the gap does not show the end")
	}
}

func TestKilledClientIsDetached(t *testing.T) {
	f := newFixture(t, consoles.Options{})
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childSocket+"="+f.socket)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if got := f.typed(5); got != "here\n" {
		t.Fatalf("the child typed %q", got)
	}
	if w := f.con.Info().Writer; w != "child" {
		t.Errorf("the writer is %q", w)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil {
		t.Error("the child was not killed")
	}
	f.until("detached", func() bool { return len(f.con.Info().Attachments) == 0 })
	f.dial(Hello{Client: "next"}) // the write role is free again
}

func TestClientThatGoesWhileTheGuestDoesNotRead(t *testing.T) {
	f := newFixture(t, consoles.Options{})
	c := f.dial(Hello{Client: "paster"})
	pasted := make(chan error, 1)
	go func() { pasted <- c.Input(make([]byte, 8<<20)) }()
	f.until("full input queue", func() bool { return f.con.Info().InputQueued > 1<<20-maxPayload })
	c.Close()
	if err := <-pasted; err == nil {
		t.Error("8 MiB were taken by a guest that does not read")
	}
	f.until("detached", func() bool { return len(f.con.Info().Attachments) == 0 })
}

func TestPasteIsExact(t *testing.T) {
	const size = 4 << 20
	f := newFixture(t, consoles.Options{})
	c := f.dial(Hello{})
	var paste bytes.Buffer
	want, err := stream(&paste, size)
	if err != nil {
		t.Fatal(err)
	}
	typed := make(chan error, 1)
	go func() { typed <- c.Input(paste.Bytes()) }()
	got := sha256.New()
	if _, err := io.CopyN(got, f.guest.input, size); err != nil {
		t.Fatal(err)
	}
	if err := <-typed; err != nil || !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
		t.Errorf("what was typed differs from what arrived (%v)", err)
	}
}

func TestClosedConsoleShowsItsLastWords(t *testing.T) {
	f := newFixture(t, consoles.Options{})
	f.guest.exit = consoles.ExitStatus{Signal: "SIGKILL", Code: 137, Reason: "killed"}
	f.print("Kernel panic")
	f.guest.output.Close()
	<-f.con.Done()
	c := f.dial(Hello{Client: "late"})
	if got := next(t, c, Snapshot).Data; !bytes.Contains(got, []byte("Kernel panic")) {
		t.Errorf("snapshot %q", got)
	}
	if got := next(t, c, Exited).Exit; got.Signal != "SIGKILL" {
		t.Errorf("exit %+v", got)
	}
}

func TestManyClients(t *testing.T) {
	f := newFixture(t, consoles.Options{})
	clients := make([]*Client, 50)
	for i := range clients {
		clients[i] = f.dial(Hello{Client: fmt.Sprint(i), Mode: consoles.Read})
	}
	f.print("to all")
	for _, c := range clients {
		if got := readOutput(t, c, 6); got != "to all" {
			t.Errorf("output %q", got)
		}
	}
}
