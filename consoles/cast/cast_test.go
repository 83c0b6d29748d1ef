package cast_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/conbroker/conbroker/consoles/cast"
)

var start = time.Unix(1_700_000_000, 0)

// newWriter returns a writer into buf.
func newWriter(t testing.TB, buf io.Writer) *cast.Writer {
	t.Helper()
	w, err := cast.NewWriter(buf, cast.Header{Width: 80, Height: 24, Title: "tst100", Env: map[string]string{"TERM": "vt220"}}, start)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// readAll reads a recording to its end.
func readAll(r io.Reader) (cast.Header, []cast.Event, error) {
	d, err := cast.NewReader(r)
	if err != nil {
		return cast.Header{}, nil, err
	}
	var list []cast.Event
	for {
		ev, err := d.Next()
		if errors.Is(err, io.EOF) {
			return d.Header(), list, nil
		}
		if err != nil {
			return d.Header(), list, err
		}
		list = append(list, ev)
	}
}

func TestFormat(t *testing.T) {
	var buf bytes.Buffer
	w := newWriter(t, &buf)
	w.Output(start.Add(1500*time.Millisecond), []byte("a\"\\\r\n\t\x1b\x7f\u0085é\u20ac\U0001f600\xff"))
	w.Output(start.Add(2*time.Second), nil)
	w.Resize(start.Add(time.Minute), 100, 40)
	w.Marker(start.Add(time.Hour), "gap: 5")
	w.Output(start.Add(-time.Hour), []byte("back in time"))
	if err := w.Finish(start); err != nil {
		t.Fatal(err)
	}
	want := `{"version":2,"width":80,"height":24,"timestamp":1700000000,"title":"tst100","env":{"TERM":"vt220"}}
[1.500000, "o", "a\"\\\r\n\t\u001b\u007f\u0085é€😀\ufffd"]
[60.000000, "r", "100x40"]
[3600.000000, "m", "gap: 5"]
[0.000000, "o", "back in time"]
`
	if diff := cmp.Diff(want, buf.String()); diff != "" {
		t.Error(diff)
	}
	if w.Buffered() != 0 || w.Missing() != 0 || w.Whole() != int64(buf.Len()) {
		t.Errorf("buffered %d, missing %d, whole %d", w.Buffered(), w.Missing(), w.Whole())
	}
}

// However output is split, the recording reads as the whole of it.
func TestSplitRunes(t *testing.T) {
	text := "x\xe2\x82\xac\xf0\x9f\x98\x80\xe2\x82y\xf0\x9f\xc3\xa9\xff"
	for size := 1; size < len(text); size++ {
		var buf bytes.Buffer
		w := newWriter(t, &buf)
		for i := 0; i < len(text); i += size {
			w.Output(start, []byte(text[i:min(i+size, len(text))]))
		}
		if err := w.Finish(start); err != nil {
			t.Fatal(err)
		}
		_, events, err := readAll(&buf)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, ev := range events {
			got += ev.Data
		}
		if want := "x€😀\ufffd\ufffdy\ufffd\ufffdé\ufffd"; got != want {
			t.Errorf("in pieces of %d: got %q, want %q", size, got, want)
		}
	}
}

// narrow takes a few bytes and fails, again and again.
type narrow struct {
	bytes.Buffer
	room int
}

func (n *narrow) Write(p []byte) (int, error) {
	if len(p) <= n.room {
		return n.Buffer.Write(p)
	}
	n.Buffer.Write(p[:n.room])
	return n.room, errors.New("full")
}

// A file that takes part of a line gets the rest of it later.
func TestFlushGoesOn(t *testing.T) {
	n := &narrow{room: 7}
	w := newWriter(t, n)
	w.Output(start, []byte("hello"))
	w.Output(start, []byte("world"))
	tries := 0
	for w.Buffered() > 0 {
		whole := n.Bytes()[:w.Whole()]
		if len(whole) > 0 && whole[len(whole)-1] != '\n' {
			t.Fatalf("%q does not end a line", whole)
		}
		if err := w.Flush(); err != nil {
			tries++
		}
	}
	_, events, err := readAll(&n.Buffer)
	want := []cast.Event{{Code: "o", Data: "hello"}, {Code: "o", Data: "world"}}
	if diff := cmp.Diff(want, events); err != nil || diff != "" || tries < 10 {
		t.Error(tries, err, diff)
	}
}

func TestMissing(t *testing.T) {
	n := &narrow{room: 130}
	w := newWriter(t, n)
	for range 10 {
		w.Output(start, []byte("0123456789"))
	}
	w.Output(start, []byte{0xc3})
	if err := w.Flush(); err == nil {
		t.Fatal("it was written")
	}
	_, events, err := readAll(bytes.NewReader(n.Bytes()[:w.Whole()]))
	if err != nil || w.Missing() != int64(101-10*len(events)) {
		t.Errorf("%d events, missing %d, %v", len(events), w.Missing(), err)
	}
}

func TestReaderErrors(t *testing.T) {
	const head = `{"version":2,"width":80,"height":24}` + "\n"
	for _, tt := range []struct{ text, want string }{
		{"", "unexpected EOF"},
		{"\n\n", "unexpected EOF"},
		{"hello", "invalid character"},
		{`{"version":1}`, "version 1 is not supported"},
		{head + `[1,"o"]`, "line 2"},
		{head + `[1,"o","x"]` + "\n\n" + `[-1,"o","x"]`, "line 4"},
		{head + `["1","o","x"]`, "part 1"},
		{head + `[1,2,"x"]`, "part 2"},
		{head + `[1,"o",null,4]`, "3 parts"},
		{head + `{"a":1}`, "line 2"},
		{head + strings.Repeat("x", cast.MaxLine+1), "too long"},
	} {
		_, _, err := readAll(strings.NewReader(tt.text))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.40q: got %v, want %q in it", tt.text, err, tt.want)
		}
	}
}

func TestCreate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	path := filepath.Join(dir, "x.cast")
	f, err := cast.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := cast.Create(path); !errors.Is(err, os.ErrExist) {
		t.Errorf("made twice: %v", err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	for name, want := range map[string]os.FileMode{path: 0o600, dir: 0o700} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if err := os.Chmod(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	_, err = cast.Create(filepath.Join(dir, "y.cast"))
	if !errors.Is(err, cast.ErrNotPrivate) || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("in an open directory: %v", err)
	}
}

// FuzzRoundTrip: any output, split anywhere, is read back as valid UTF-8, and
// unchanged if it was valid.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("hello\x1b[1m\xe2\x82\xac"), uint8(3))
	f.Fuzz(func(t *testing.T, p []byte, at uint8) {
		cut := min(int(at), len(p))
		var buf bytes.Buffer
		w := newWriter(t, &buf)
		w.Output(start, p[:cut])
		w.Output(start, p[cut:])
		if err := w.Finish(start); err != nil {
			t.Fatal(err)
		}
		if !utf8.Valid(buf.Bytes()) {
			t.Fatalf("the file is no UTF-8: %q", buf.Bytes())
		}
		_, events, err := readAll(&buf)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, ev := range events {
			got += ev.Data
		}
		if want := strings.ToValidUTF8(string(p), "\ufffd"); utf8.Valid(p) && got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

// FuzzReader: whatever the file holds, reading it ends, and what was understood
// is what JSON says.
func FuzzReader(f *testing.F) {
	f.Add([]byte(`{"version":2,"width":80,"height":24}` + "\n" + `[1.5,"o","x"]`))
	f.Add([]byte(`{"version":2}` + "\n" + `[1e400,"o","\ud800"]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, events, err := readAll(bytes.NewReader(text))
		if err == nil && len(events) > bytes.Count(text, []byte("\n")) {
			t.Fatalf("%d events out of %q", len(events), text)
		}
		for _, ev := range events {
			if _, err := json.Marshal(ev.Time); err != nil || ev.Time < 0 {
				t.Fatalf("time %v", ev.Time)
			}
		}
	})
}

func BenchmarkOutput(b *testing.B) {
	line := []byte("\x1b[32m[  OK  ]\x1b[0m Started a unit of which there are many.\r\n")
	text := bytes.Repeat(line, 32<<10/len(line))
	w := newWriter(b, io.Discard)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		w.Output(start, text)
		if err := w.Flush(); err != nil {
			b.Fatal(err)
		}
	}
}
