package consoles_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/conbroker/conbroker/consoles"
)

func TestExpect(t *testing.T) {
	for _, tt := range []struct {
		name    string
		printed []string
		opt     consoles.ExpectOptions
		pattern string
		want    consoles.ExpectResult
	}{
		{
			name: "plain", printed: []string{"Debian\r\nlogin: "}, pattern: `login: $`,
			want: consoles.ExpectResult{Match: "login: ", Before: "Debian\n", Offset: 15},
		},
		{
			name: "split over reads", printed: []string{"lo", "g", "in:", " more"}, pattern: `login:`,
			want: consoles.ExpectResult{Match: "login:", Offset: 6},
		},
		{
			name: "split by escapes", printed: []string{"\x1b[1;3", "2mlo\x1b]0;title\agin\x1b[0m: x"}, pattern: `login: `,
			want: consoles.ExpectResult{Match: "login: ", Offset: 28},
		},
		{
			name: "ends before escapes", printed: []string{"ab\x1b[0mcd"}, pattern: `ab`,
			want: consoles.ExpectResult{Match: "ab", Offset: 2},
		},
		{
			name: "groups", printed: []string{"eth0: 10.0.0.7/24\r\n"}, pattern: `(\w+): ([0-9.]+)(x)?`,
			want: consoles.ExpectResult{Match: "eth0: 10.0.0.7", Groups: []string{"eth0", "10.0.0.7", ""}, Offset: 14},
		},
		{
			name: "lines", printed: []string{"one\r", "\ntwo\r\n", "three"}, pattern: `(?m)^two$`,
			want: consoles.ExpectResult{Match: "two", Before: "one\n", Offset: 8},
		},
		{
			name: "runes", printed: []string{"gr\xc3", "\xbc\xc3\x9fe\xff ok"}, pattern: `üße`,
			want: consoles.ExpectResult{Match: "üße", Before: "gr", Offset: 7},
		},
		{
			name: "progress", printed: []string{"10%\r20%\rdone"}, pattern: `20%`,
			want: consoles.ExpectResult{Match: "20%", Before: "10%\n", Offset: 7},
		},
		{
			name: "after a lone CR", printed: []string{"10%\r", "é"}, pattern: `é`,
			want: consoles.ExpectResult{Match: "é", Before: "10%\n", Offset: 6},
		},
		{
			name: "raw", printed: []string{"a\x1b[0mb\r\n"}, pattern: `b\r\n`, opt: consoles.ExpectOptions{Raw: true},
			want: consoles.ExpectResult{Match: "b\r\n", Before: "a\x1b[0m", Offset: 8},
		},
		{
			name: "from an offset", printed: []string{"ok ok ok"}, pattern: `ok`, opt: consoles.ExpectOptions{From: 4},
			want: consoles.ExpectResult{Match: "ok", Before: "k ", Offset: 8},
		},
		{
			name: "bounded before", printed: []string{"0123456789x"}, pattern: `x`, opt: consoles.ExpectOptions{MaxBefore: 3},
			want: consoles.ExpectResult{Match: "x", Before: "789", Offset: 11},
		},
		{
			name: "nothing to match", printed: []string{"abc"}, pattern: ``, opt: consoles.ExpectOptions{From: 2},
			want: consoles.ExpectResult{Offset: 2},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHub(t, consoles.Options{})
				c, s := open(t, h, consoles.Spec{})
				before, later := tt.printed[0], tt.printed[1:]
				s.print(before)
				var printer sync.WaitGroup
				defer printer.Wait()
				printer.Go(func() {
					for _, p := range later {
						time.Sleep(time.Second)
						s.print(p)
					}
				})
				tt.opt.Pattern = regexp.MustCompile(tt.pattern)
				got, err := c.Expect(t.Context(), tt.opt)
				if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
					t.Error(err, diff)
				}
			})
		})
	}
}

func TestExpectTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, consoles.Options{})
		c, s := open(t, h, consoles.Spec{ID: "tst100"})
		s.print(strings.Repeat("x", 5000) + "\x1b[31mgrub rescue> ")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := c.Expect(ctx, consoles.ExpectOptions{Pattern: regexp.MustCompile("login:")})
		var e *consoles.ExpectError
		if !errors.As(err, &e) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
		if !strings.HasSuffix(e.Seen, "grub rescue> ") || len(e.Seen) > 2048 || e.Offset != 5018 {
			t.Errorf("seen are %d bytes up to %d", len(e.Seen), e.Offset)
		}
		for _, part := range []string{"tst100", `"login:"`, `grub rescue> "`, "deadline"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q is not in the message", part)
			}
		}
	})
}

func TestExpectOnClosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, consoles.Options{})
		c, s := open(t, h, consoles.Spec{})
		done := make(chan error)
		for _, pattern := range []string{"never", "power down"} {
			go func() {
				_, err := c.Expect(t.Context(), consoles.ExpectOptions{Pattern: regexp.MustCompile(pattern)})
				done <- err
			}()
		}
		synctest.Wait()
		s.print("reboot: power down")
		s.end(consoles.ExitStatus{})
		a, b := <-done, <-done
		if (a == nil) == (b == nil) {
			t.Errorf("got %v and %v, want one match", a, b)
		}
		if err := errors.Join(a, b); !errors.Is(err, consoles.ErrClosed) {
			t.Errorf("got %v", err)
		}
		// What is retained can still be matched.
		got, err := c.Expect(t.Context(), consoles.ExpectOptions{Pattern: regexp.MustCompile("power"), From: -1})
		if err != nil || got.Offset != 13 {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestExpectErrors(t *testing.T) {
	h := newHub(t, consoles.Options{})
	c, _ := open(t, h, consoles.Spec{})
	if _, err := c.Expect(t.Context(), consoles.ExpectOptions{}); err == nil {
		t.Error("expects without a pattern")
	}
	_, err := c.Expect(t.Context(), consoles.ExpectOptions{Pattern: regexp.MustCompile("x"), From: 1})
	if !errors.Is(err, consoles.ErrOffset) {
		t.Errorf("got %v", err)
	}
}

// A match in the middle of a flood is found, at its place, whatever is printed around it.
func TestExpectInFlood(t *testing.T) {
	h := newHub(t, consoles.Options{Scrollback: 16 << 20})
	c, s := open(t, h, consoles.Spec{})
	line := []byte("\x1b[32m[  OK  ]\x1b[0m Started a unit of which there are many.\r\n")
	flood := bytes.Repeat(line, 4<<20/len(line))
	marker := "tst100 \x1b[1mlogin\x1b[0m: "
	done := make(chan error)
	go func() {
		got, err := c.Expect(t.Context(), consoles.ExpectOptions{Pattern: regexp.MustCompile(`\w+ login: `)})
		if want := int64(len(flood) + len(marker)); err == nil && (got.Offset != want || got.Match != "tst100 login: ") {
			err = fmt.Errorf("got %q at %d, want %d", got.Match, got.Offset, want)
		}
		done <- err
	}()
	s.feed(flood)
	s.print(marker)
	s.feed(flood)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A flood that laps the search is counted, and the search goes on.
func TestExpectLapped(t *testing.T) {
	h := newHub(t, consoles.Options{Scrollback: 16 << 10})
	c, s := open(t, h, consoles.Spec{})
	s.feed(pattern(0, 100_000))
	s.print("login: ")
	oldest := c.Info().Oldest
	got, err := c.Expect(t.Context(), consoles.ExpectOptions{Pattern: regexp.MustCompile("login: "), From: 10})
	if err != nil || got.Offset != 100_007 || got.Lost != oldest-10 {
		t.Errorf("got offset %d, lost %d, %v; oldest is %d", got.Offset, got.Lost, err, oldest)
	}
}

// FuzzExpectOffset checks that the way back from text to stream is exact: what
// the stream holds up to the offset matches too, and without its last byte not.
func FuzzExpectOffset(f *testing.F) {
	f.Add([]byte("a\x1b[1mb\r\nc\xc3\xa9\x1b]0;x\ad\re\r\r\nf"), uint8(4))
	f.Add([]byte("\r\x1b(B\r\xe2\x82\xac\x18\v\f\x1bP$q\x1b\\zz"), uint8(1))
	f.Fuzz(func(t *testing.T, printed []byte, n uint8) {
		search := func(p []byte) (consoles.ExpectResult, error) {
			h := consoles.NewHub(consoles.Options{})
			defer h.Close()
			c, s := open(t, h, consoles.Spec{})
			s.feed(p)
			s.end(consoles.ExitStatus{})
			<-c.Done()
			pattern := regexp.MustCompile(fmt.Sprintf(`(?s)^.{%d}`, n%30+1))
			return c.Expect(t.Context(), consoles.ExpectOptions{Pattern: pattern, From: -1})
		}
		got, err := search(printed)
		if err != nil {
			return // too little text
		}
		if last := printed[got.Offset-1]; strings.HasSuffix(got.Match, "\n") && last != '\n' && last != '\v' && last != '\f' {
			return // the end of line stands for a lone CR, and shows only with the text after it
		}
		if again, err := search(printed[:got.Offset]); err != nil || again.Match != got.Match {
			t.Fatalf("%q up to %d gives %q, %v; want %q", printed, got.Offset, again.Match, err, got.Match)
		}
		if less, err := search(printed[:got.Offset-1]); err == nil {
			t.Fatalf("%q up to %d gives %q already", printed, got.Offset-1, less.Match)
		}
	})
}

func BenchmarkExpectFlood(b *testing.B) {
	line := []byte("\x1b[32m[  OK  ]\x1b[0m Started a unit of which there are many.\r\n")
	flood := bytes.Repeat(line, 8<<20/len(line))
	b.SetBytes(int64(len(flood)))
	for b.Loop() {
		h := consoles.NewHub(consoles.Options{Scrollback: 16 << 20})
		c, s := open(b, h, consoles.Spec{})
		s.feed(flood)
		s.print("login: ")
		if _, err := c.Expect(b.Context(), consoles.ExpectOptions{Pattern: regexp.MustCompile(`(?m)^\w*login: $`)}); err != nil {
			b.Fatal(err)
		}
		h.Close()
	}
}
