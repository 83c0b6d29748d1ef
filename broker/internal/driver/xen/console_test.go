package xen

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/consoles"
)

// openConsole opens the console of tst100.
func openConsole(t *testing.T, f *fakeHost) consoles.Stream {
	t.Helper()
	c, err := New("").Console(t.Context(), f, sessionOf(3), host.Terminal{Size: consoles.Size{Cols: 80, Rows: 24}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestConsoleGoesOnAfterAReboot: the client ends with 0, the name is absent for a while, and the stream attaches to the new number.
func TestConsoleGoesOnAfterAReboot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := &fakeStream{output: "GUEST-DOWN\r\n"}, &fakeStream{output: "GUEST-UP\r\n", hold: make(chan struct{})}
		f := &fakeHost{t: t, streams: []*fakeStream{first, second}, states: []state{
			tst100(3, "-b----"), tst100(3, "--psr-"), none("tst100"), none("tst100"), tst100(4, "--p---"),
		}}
		c := openConsole(t, f)
		if err := c.Resize(consoles.Size{Cols: 100, Rows: 30}); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 0, 64)
		buf := make([]byte, 16)
		for len(got) < len("GUEST-DOWN\r\nGUEST-UP\r\n") {
			n, err := c.Read(buf)
			if err != nil {
				t.Fatalf("%v after %q", err, got)
			}
			got = append(got, buf[:n]...)
		}
		if string(got) != "GUEST-DOWN\r\nGUEST-UP\r\n" || second.size != (consoles.Size{Cols: 100, Rows: 30}) {
			t.Errorf("%q, size %+v", got, second.size)
		}
		if _, err := c.Write([]byte("x")); err != nil || string(second.typed) != "x" {
			t.Errorf("typed %q, %v", second.typed, err)
		}
		want := []string{"/usr/sbin/xl console 3", "/usr/sbin/xl console 4"}
		if diff := cmp.Diff(want, f.called()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestConsoleEnds: how the stream ends, and what it says about it.
func TestConsoleEnds(t *testing.T) {
	many := func() (all []*fakeStream) {
		for range hastyEnds + 3 {
			all = append(all, &fakeStream{})
		}
		return all
	}
	tests := map[string]struct {
		streams []*fakeStream
		states  []state
		code    int
		reason  string
	}{
		"destroyed":      {[]*fakeStream{{}}, []state{tst100(3, "-b----"), none()}, 0, "the domain has ended"},
		"powered off":    {[]*fakeStream{{}}, []state{tst100(3, "-b----"), tst100(3, "--ps--"), none("tst100"), none()}, 0, "the domain has ended"},
		"never back":     {[]*fakeStream{{}}, []state{tst100(3, "-b----"), none("tst100")}, 0, "did not come back"},
		"another's name": {[]*fakeStream{{}}, []state{tst100(3, "-b----"), {list: []string{domain0(), line("tst100", 5, "r-----", "1.0", strings.Replace(uuid100, "6", "7", 1))}}}, 0, "the domain has ended"},
		"locked":         {[]*fakeStream{{output: "Could not lock", status: consoles.ExitStatus{Code: 11}}}, []state{tst100(3, "-b----")}, 11, "console of tst100 is in use"},
		"lost":           {[]*fakeStream{{status: consoles.ExitStatus{Code: 255, Reason: "connection lost"}}}, []state{tst100(3, "-b----")}, 255, "connection lost"},
		"ends each time": {many(), []state{tst100(3, "-b----")}, 0, "xl console ended"},
		"no terminal":    {[]*fakeStream{{}}, []state{tst100(3, "-b----")}, 0, "no more terminals"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := openConsole(t, &fakeHost{t: t, streams: tt.streams, states: tt.states})
				if _, err := io.ReadAll(c); err != nil {
					t.Error(err)
				}
				if status := c.Wait(); status.Code != tt.code || !strings.Contains(status.Reason, tt.reason) {
					t.Errorf("%+v, want %d %s", status, tt.code, tt.reason)
				}
				if _, err := c.Write([]byte("x")); err == nil {
					t.Error("typed into what has ended")
				}
			})
		})
	}
}

// TestConsoleSurvivesItsClient: the escape character of xl console ends only the client.
func TestConsoleSurvivesItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		second := &fakeStream{output: "b", hold: make(chan struct{})}
		c := openConsole(t, &fakeHost{t: t, streams: []*fakeStream{{output: "a"}, second}, states: []state{tst100(3, "-b----")}})
		got := make([]byte, 2)
		if _, err := io.ReadFull(c, got); err != nil || string(got) != "ab" {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// TestConsoleCloseUnblocks a reader that waits for a reboot, and a writer that waits for the client.
func TestConsoleCloseUnblocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := openConsole(t, &fakeHost{t: t, streams: []*fakeStream{{}}, states: []state{tst100(3, "-b----"), none("tst100")}})
		over := make(chan error, 2)
		go func() {
			_, err := c.Read(make([]byte, 1))
			over <- err
		}()
		synctest.Wait()
		go func() {
			_, err := c.Write([]byte("x"))
			over <- err
		}()
		synctest.Wait()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		errs := []error{<-over, <-over}
		if !slices.Contains(errs, io.EOF) || !slices.ContainsFunc(errs, func(err error) bool { return errors.Is(err, io.ErrClosedPipe) }) {
			t.Errorf("%v", errs)
		}
		if status := c.Wait(); !strings.Contains(status.Reason, "closed") {
			t.Errorf("%+v", status)
		}
	})
}

func TestConsoleIsBusy(t *testing.T) {
	f := &fakeHost{t: t, states: []state{tst100(3, "-b----")}, holder: "process 4711, user anna"}
	_, err := New("").Console(t.Context(), f, sessionOf(3), host.Terminal{})
	var busy *driver.BusyError
	if !errors.As(err, &busy) || busy.Holder != "process 4711, user anna" || len(f.called()) != 0 {
		t.Errorf("%v, %q", err, f.called())
	}
	f.states = []state{none()}
	if _, err := New("").Console(t.Context(), f, sessionOf(3), host.Terminal{}); !errors.Is(err, driver.ErrNotRunning) {
		t.Errorf("%v", err)
	}
}

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := &fakeStream{output: "@introduceDomain\r\n@releaseDomain\r\n/local/domain/0/device-model\r\n", hold: make(chan struct{})}
		changed, err := New("").Watch(t.Context(), &fakeHost{t: t, streams: []*fakeStream{stream}})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		select {
		case <-changed:
			t.Error("told a change before one")
		default:
		}
		stream.Close()
		if _, ok := <-changed; ok {
			t.Error("not closed when the watch was lost")
		}
		// A change, and then the end.
		stream = &fakeStream{output: "@introduceDomain\n@releaseDomain\n/local/domain/0/device-model\n@introduceDomain\n@releaseDomain\n"}
		changed, err = New("").Watch(t.Context(), &fakeHost{t: t, streams: []*fakeStream{stream}})
		if err != nil {
			t.Fatal(err)
		}
		told := 0
		for range changed {
			told++
		}
		if told != 1 {
			t.Errorf("told %d times", told)
		}
	})
}

func TestWatchFails(t *testing.T) {
	for said, reason := range map[string]error{
		"xenstore-watch: xs_open: Permission denied\r\n": host.ErrPermission, "sh: xenstore-watch: not found\r\n": nil, "": nil,
	} {
		f := &fakeHost{t: t, streams: []*fakeStream{{output: said, status: consoles.ExitStatus{Code: 1, Reason: "exit status 1"}}}}
		if _, err := New("").Watch(t.Context(), f); err == nil || reason != nil && !errors.Is(err, reason) {
			t.Errorf("%q: %v", said, err)
		}
	}
}
