package consoles_test

import (
	"bytes"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conbroker/conbroker/consoles"
)

// readSlowly reads an attachment to its end, pause by pause, and returns the bytes and how many were missing.
func readSlowly(t *testing.T, a *consoles.Attachment, max int, pause time.Duration) (data []byte, missing int64) {
	t.Helper()
	for {
		ev, err := a.Wait(t.Context(), max)
		switch {
		case errors.Is(err, consoles.ErrClosed):
			return data, missing
		case err != nil:
			t.Error(err)
			return data, missing
		case ev.Kind == consoles.Output && !ev.Snapshot:
			data = append(data, ev.Data...)
		case ev.Kind == consoles.Gap:
			missing += ev.To - ev.From
		}
		time.Sleep(pause)
	}
}

// A client that reads, and is slower than the flood, gets every byte.
func TestSlowReaderLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, consoles.Options{Scrollback: 64 << 10})
		c, s := open(t, h, consoles.Spec{})
		a := attach(t, c, consoles.AttachOptions{Replay: consoles.ReplayNone})
		want := pattern(0, 4<<20)
		go func() {
			s.feed(want)
			s.end(consoles.ExitStatus{})
		}()
		got, missing := readSlowly(t, a, 8<<10, 5*time.Millisecond) // 1.6 MB/s
		if missing != 0 || !bytes.Equal(got, want) {
			t.Errorf("%d of %d bytes came, %d are missing", len(got), len(want), missing)
		}
	})
}

// A client that does not read costs the guest one pause, however much flows, and a watcher that is slower than another none.
func TestFrozenReaderIsWaitedForOnce(t *testing.T) {
	for name, fast := range map[string]bool{"alone": false, "beside one that reads": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHub(t, consoles.Options{Scrollback: 64 << 10})
				c, s := open(t, h, consoles.Spec{})
				frozen := attach(t, c, consoles.AttachOptions{Replay: consoles.ReplayNone})
				if fast {
					a := attach(t, c, consoles.AttachOptions{Replay: consoles.ReplayNone})
					go func() {
						if _, missing := readSlowly(t, a, 64<<10, 0); missing != 0 {
							t.Errorf("the one that reads misses %d bytes", missing)
						}
					}()
				}
				began := time.Now()
				s.feed(pattern(0, 4<<20))
				if took := time.Since(began); took > 100*time.Millisecond {
					t.Errorf("the guest was held up for %v", took)
				}
				if ev, ok := frozen.Next(1 << 10); !ok || ev.Kind != consoles.Gap {
					t.Errorf("the frozen client got %+v", ev)
				}
				s.end(consoles.ExitStatus{})
				synctest.Wait()
			})
		})
	}
}

// While the console waits for a client, closing it and detaching go through at once.
func TestPaceEndsWithTheClientAndTheConsole(t *testing.T) {
	for name, end := range map[string]func(*consoles.Console, *consoles.Attachment){
		"detach":  func(_ *consoles.Console, a *consoles.Attachment) { a.Detach() },
		"dismiss": func(c *consoles.Console, _ *consoles.Attachment) { c.Dismiss("enough") },
		"close":   func(c *consoles.Console, _ *consoles.Attachment) { c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHub(t, consoles.Options{Scrollback: 64 << 10})
				c, s := open(t, h, consoles.Spec{})
				a := attach(t, c, consoles.AttachOptions{Replay: consoles.ReplayNone})
				began := time.Now()
				fed := make(chan struct{})
				go func() {
					s.feed(pattern(0, 1<<20))
					close(fed)
				}()
				synctest.Wait()
				end(c, a)
				<-fed
				if took := time.Since(began); took != 0 {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}
