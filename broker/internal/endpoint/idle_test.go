//go:build unix

package endpoint

import (
	"testing"
	"testing/synctest"
	"time"
)

func isDone(i *Idle) bool {
	synctest.Wait()
	select {
	case <-i.Done():
		return true
	default:
		return false
	}
}

func TestIdleEndsOnlyWithNothingHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := NewIdle(10 * time.Minute)
		wait := func(d time.Duration, want bool, why string) {
			t.Helper()
			time.Sleep(d) // fake time
			if got := isDone(i); got != want {
				t.Fatalf("%s: done is %v", why, got)
			}
		}
		wait(9*time.Minute, false, "not yet")
		if !i.Acquire(Client) || !i.Acquire(Console) {
			t.Fatal("nothing could be held")
		}
		wait(time.Hour, false, "a client and a console")
		i.Release(Client)
		wait(time.Hour, false, "a console without a client")
		if i.Retire() {
			t.Error("retired with a console")
		}
		if clients, consoles := i.Held(); clients != 0 || consoles != 1 {
			t.Errorf("held %d clients and %d consoles", clients, consoles)
		}
		i.Release(Console)
		wait(9*time.Minute, false, "the clock begins anew")
		if !i.Acquire(Client) {
			t.Fatal("a client in time was refused")
		}
		i.Release(Client)
		wait(9*time.Minute, false, "and once more")
		wait(2*time.Minute, true, "time is up")
		if i.Acquire(Client) || !i.Over() || !i.Retire() {
			t.Error("held after the end")
		}
	})
}

func TestIdleWithoutDurationNeverEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := NewIdle(0)
		time.Sleep(1000 * time.Hour) // fake time
		if isDone(i) {
			t.Fatal("ended")
		}
		if !i.Retire() || !isDone(i) {
			t.Error("did not retire")
		}
	})
}

func TestIdleReleaseWithoutAcquirePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	NewIdle(0).Release(Console)
}
