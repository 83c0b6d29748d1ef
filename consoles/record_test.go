package consoles_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/conbroker/conbroker/consoles"
	"github.com/conbroker/conbroker/consoles/cast"
)

// recordingOf reads a recording: its output joined, and all other events.
func recordingOf(t testing.TB, r io.Reader) (cast.Header, string, []cast.Event) {
	t.Helper()
	d, err := cast.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	var output strings.Builder
	var rest []cast.Event
	for {
		ev, err := d.Next()
		if errors.Is(err, io.EOF) {
			return d.Header(), output.String(), rest
		}
		if err != nil {
			t.Fatal(err)
		}
		if ev.Code == cast.CodeOutput {
			output.WriteString(ev.Data)
		} else {
			ev.Time = 0
			rest = append(rest, ev)
		}
	}
}

func TestRecording(t *testing.T) {
	path := filepath.Join(t.TempDir(), "recordings", "tst100.cast")
	h := newHub(t, consoles.Options{})
	c, s := open(t, h, consoles.Spec{Title: "tst100", Term: "vt220", Record: consoles.RecordSpec{Path: path}})
	w := attach(t, c, consoles.AttachOptions{Mode: consoles.Write})
	s.print("gr\xc3")
	s.print("\xbcn")
	if err := w.Resize(consoles.Size{Cols: 100, Rows: 40}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.TryInput([]byte("secret")); err != nil {
		t.Fatal(err)
	}
	s.print("\xff\x1b[0m\r\nend")
	c.Close()

	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte("secret")) {
		t.Error("input was recorded")
	}
	head, output, rest := recordingOf(t, bytes.NewReader(text))
	if diff := cmp.Diff("grün\ufffd\x1b[0m\r\nend", output); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]cast.Event{{Code: "r", Data: "100x40"}}, rest); diff != "" {
		t.Error(diff)
	}
	want := cast.Header{Version: 2, Width: 80, Height: 24, Timestamp: head.Timestamp, Title: "tst100", Env: map[string]string{"TERM": "vt220"}}
	if diff := cmp.Diff(want, head); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(consoles.RecordingInfo{Path: path}, c.Info().Recording); diff != "" {
		t.Error(diff)
	}
}

// faultyFile is a file on a disk that can be full or not answer at all.
type faultyFile struct {
	mu       sync.Mutex
	ready    *sync.Cond
	text     bytes.Buffer
	room     int  // bytes that the disk still takes
	stuck    bool // Write does not return
	closed   bool
	attempts int
}

func newFaultyFile(room int) *faultyFile {
	f := &faultyFile{room: room}
	f.ready = sync.NewCond(&f.mu)
	return f
}

func (f *faultyFile) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.attempts++
	for f.stuck {
		f.ready.Wait()
	}
	n := min(len(p), f.room)
	f.text.Write(p[:n])
	f.room -= n
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (f *faultyFile) set(room int, stuck bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.room, f.stuck = room, stuck
	f.ready.Broadcast()
}

func (f *faultyFile) Truncate(n int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.text.Truncate(int(n))
	return nil
}

func (f *faultyFile) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	return nil
}

func (f *faultyFile) create(string) (consoles.RecordFile, error) { return f, nil }

// fault is what a recording tells of a fault.
type fault struct {
	err  error
	lost int64
}

// A disk that is full for a while costs what the ring drops meanwhile, no more;
// the loss is marked, counted and told once, and nothing else notices.
func TestRecordingOnFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaultyFile(10_000)
		var faults []fault
		h := newHub(t, consoles.Options{Scrollback: 64 << 10})
		c, s := open(t, h, consoles.Spec{Record: consoles.RecordSpec{
			Path: "x", Create: f.create, OnFault: func(err error, lost int64) { faults = append(faults, fault{err, lost}) },
		}})
		reader := attach(t, c, consoles.AttachOptions{Replay: consoles.ReplayRaw})
		check := newLedger(t, 0)
		printed := int64(0)
		print := func(n int) {
			s.feed(pattern(printed, n))
			printed += int64(n)
			check.take(drain(reader, 10_000))
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
		}
		for range 50 {
			print(10_000)
		}
		if check.gaps != 0 || check.next != printed {
			t.Errorf("the reader has suffered: %d gaps", check.gaps)
		}
		info := c.Info().Recording
		if !strings.Contains(info.Error, "no space left") || info.Lost == 0 || len(faults) != 1 || !errors.Is(faults[0].err, syscall.ENOSPC) {
			t.Errorf("got %+v, faults %v", info, faults)
		}
		f.set(1<<30, false)
		time.Sleep(2 * time.Second)
		print(1000)
		info = c.Info().Recording
		if info.Error != "" || len(faults) != 2 || faults[1].err != nil {
			t.Errorf("got %+v, faults %v", info, faults)
		}
		c.Close()
		checkRecorded(t, f, printed, info.Lost)
	})
}

// checkRecorded checks that the recording is a file without a broken line, and
// that it holds all that was printed but for lost bytes where the mark says so.
func checkRecorded(t *testing.T, f *faultyFile, printed, lost int64) {
	t.Helper()
	if !f.closed {
		t.Error("the file was not closed")
	}
	_, output, marks := recordingOf(t, &f.text)
	if int64(len(output))+lost != printed {
		t.Errorf("%d bytes are recorded and %d lost, %d were printed", len(output), lost, printed)
	}
	if lost > 0 && (len(marks) != 1 || marks[0].Code != "m" || !strings.HasPrefix(marks[0].Data, "gap: bytes ")) {
		t.Errorf("marks are %+v", marks)
	}
	tail := pattern(printed-1000, 1000)
	if !strings.HasSuffix(output, string(tail)) || !strings.HasPrefix(output, string(pattern(0, 1000))) {
		t.Error("begin or end are not as printed")
	}
}

// A disk that stays full leaves whole lines, and an exact count of what is missing.
func TestRecordingEndsOnFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaultyFile(5000)
		h := newHub(t, consoles.Options{})
		c, s := open(t, h, consoles.Spec{Record: consoles.RecordSpec{Path: "x", Create: f.create}})
		for off := int64(0); off < 20_000; off += 1000 {
			s.feed(pattern(off, 1000))
			time.Sleep(50 * time.Millisecond)
		}
		c.Close()
		_, output, _ := recordingOf(t, &f.text)
		info := c.Info().Recording
		if int64(len(output))+info.Lost != 20_000 || info.Error == "" || len(output) == 0 {
			t.Errorf("%d bytes are recorded, %+v", len(output), info)
		}
	})
}

// A disk that does not answer holds up neither the console nor its end.
func TestRecordingOnStuckDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaultyFile(1 << 30)
		f.set(1<<30, true)
		h := newHub(t, consoles.Options{Scrollback: 64 << 10})
		c, s := open(t, h, consoles.Spec{Record: consoles.RecordSpec{Path: "x", Create: f.create}})
		reader := attach(t, c, consoles.AttachOptions{Replay: consoles.ReplayRaw})
		check := newLedger(t, 0)
		for off := int64(0); off < 1<<20; off += 8192 {
			synctest.Wait() // the recorder has taken the first piece and is stuck
			s.feed(pattern(off, 8192))
			check.take(drain(reader, 8192))
		}
		if check.gaps != 0 {
			t.Error("the reader has suffered")
		}
		began := time.Now()
		c.Close()
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("closing took %v", took)
		}
		f.set(1<<30, false)
		synctest.Wait()
		checkRecorded(t, f, 1<<20, c.Info().Recording.Lost)
	})
}

// A recording that cannot begin is tried again, and does not keep the console
// from working.
func TestRecordingBeginsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "later")
		if err := os.WriteFile(dir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "x.cast")
		h := newHub(t, consoles.Options{})
		c, s := open(t, h, consoles.Spec{Record: consoles.RecordSpec{Path: path}})
		s.print("hello")
		synctest.Wait()
		if got := c.Info().Recording; !strings.Contains(got.Error, "not a directory") {
			t.Errorf("got %+v", got)
		}
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		c.Close()
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if _, output, _ := recordingOf(t, file); output != "hello" || c.Info().Recording.Error != "" {
			t.Errorf("recorded is %q, %+v", output, c.Info().Recording)
		}
	})
}

// A recording that never could begin has lost everything.
func TestRecordingNeverBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuse := func(string) (consoles.RecordFile, error) { return nil, os.ErrPermission }
		h := newHub(t, consoles.Options{})
		c, s := open(t, h, consoles.Spec{Record: consoles.RecordSpec{Path: "x", Create: refuse}})
		s.print("hello")
		time.Sleep(10 * time.Second)
		c.Close()
		want := consoles.RecordingInfo{Path: "x", Error: "permission denied", Lost: 5}
		if diff := cmp.Diff(want, c.Info().Recording); diff != "" {
			t.Error(diff)
		}
	})
}

// A busy recording is written a few times a second, not for every read.
func TestRecordingBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaultyFile(1 << 30)
		h := newHub(t, consoles.Options{})
		c, s := open(t, h, consoles.Spec{Record: consoles.RecordSpec{Path: "x", Create: f.create}})
		for range 1000 {
			s.print("x")
			time.Sleep(time.Millisecond)
		}
		c.Close()
		if f.attempts < 20 || f.attempts > 110 {
			t.Errorf("%d writes for one second of output", f.attempts)
		}
	})
}
