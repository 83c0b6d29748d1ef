//go:build unix

package consoles_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	creack "github.com/creack/pty"

	"github.com/conbroker/conbroker/consoles"
	"github.com/conbroker/conbroker/consoles/pty"
)

// flood is a command that prints 32 MiB of numbered lines as fast as it can.
const (
	floodBytes = 32 << 20
	flood      = `stty raw -echo; yes "$(printf '2026-11-23T01:00:00 host daemon[123]: a line of a log of ordinary length\r')" | head -c 33554432`
)

// BenchmarkThroughput compares a bare loop that reads a pty with a console that
// has one raw reader, in turns. "ratio" is the second's rate over the first's.
func BenchmarkThroughput(b *testing.B) {
	var bare, console float64
	for b.Loop() {
		bare += seconds(b, readBare)
		console += seconds(b, readConsole)
	}
	megabytes := float64(b.N) * floodBytes / 1e6
	b.ReportMetric(megabytes/bare, "bare-MB/s")
	b.ReportMetric(megabytes/console, "console-MB/s")
	b.ReportMetric(bare/console, "ratio")
}

// seconds measures one run of read, which returns the bytes that it got.
func seconds(b *testing.B, read func(*testing.B) int) float64 {
	b.Helper()
	began := b.Elapsed()
	if got := read(b); got != floodBytes {
		b.Fatalf("got %d bytes, want %d", got, floodBytes)
	}
	return (b.Elapsed() - began).Seconds()
}

func readBare(b *testing.B) int {
	cmd := exec.Command("sh", "-c", flood)
	f, err := creack.Start(cmd)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	buf := make([]byte, 64<<10)
	total := 0
	for {
		n, err := f.Read(buf)
		total += n
		if err != nil {
			_ = cmd.Wait()
			return total
		}
	}
}

func readConsole(b *testing.B) int {
	h := consoles.NewHub(consoles.Options{})
	defer h.Close()
	c, err := h.Open(consoles.Spec{ID: "c"}, startPty(b, "sh", "-c", flood))
	if err != nil {
		b.Fatal(err)
	}
	a, err := c.Attach(consoles.AttachOptions{Replay: consoles.ReplayRaw})
	if err != nil {
		b.Fatal(err)
	}
	defer a.Detach()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	total := 0
	for {
		ev, err := a.Wait(context.Background(), 32<<10)
		if err != nil || ev.Kind == consoles.Closed {
			return total
		}
		if ev.Kind == consoles.Gap { // on a machine so busy that the reader does not get to run
			b.ReportMetric(float64(ev.To-ev.From), "gap-B")
			total += int(ev.To - ev.From)
		}
		n, err := null.Write(ev.Data)
		if err != nil {
			b.Fatal(err)
		}
		total += n
	}
}

func startPty(tb testing.TB, argv ...string) *pty.Process {
	tb.Helper()
	p, err := pty.Start(tb.Context(), pty.Command{Argv: argv})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// BenchmarkIdleConsoles opens 1000 consoles on real ptys and reports what each
// costs the broker: resident memory (from /proc, where there is one), heap and
// stacks, goroutines, threads.
func BenchmarkIdleConsoles(b *testing.B) {
	const count = 1000
	for first := true; b.Loop(); first = false {
		debug.FreeOSMemory()
		before, threads := memory(), status(b, "Threads")
		rss := status(b, "VmRSS")
		h := consoles.NewHub(consoles.Options{})
		for i := range count {
			if _, err := h.Open(consoles.Spec{ID: fmt.Sprint(i)}, startPty(b, "sleep", "1000")); err != nil {
				b.Fatal(err)
			}
		}
		after := memory()
		if first { // later rounds use memory again
			b.ReportMetric(float64(status(b, "VmRSS")-rss)/count, "rss-KiB/console")
		}
		b.ReportMetric(float64(after.bytes-before.bytes)/1024/count, "heap+stack-KiB/console")
		b.ReportMetric(float64(after.goroutines-before.goroutines)/count, "goroutines/console")
		b.ReportMetric(float64(status(b, "Threads")-threads)/count, "threads/console")
		if err := h.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

type usage struct {
	bytes      int64
	goroutines int
}

func memory() usage {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{int64(m.HeapAlloc + m.StackInuse), runtime.NumGoroutine()}
}

// status returns a figure of /proc/self/status, 0 where there is none.
func status(b *testing.B, key string) int {
	b.Helper()
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var n int
		if _, err := fmt.Sscanf(line, key+": %d", &n); err == nil {
			return n
		}
	}
	return 0
}
