package rpc

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// outputSource floods with notifications of limit payload bytes in base64, as
// console output goes.
type outputSource struct {
	payload []byte
	offset  int
	left    *atomic.Int64 // frames until it is silent, nil: endless
}

func (s *outputSource) AppendFrame(dst []byte, limit int) ([]byte, bool, bool) {
	if s.left != nil && s.left.Add(-1) < 0 {
		return dst, false, false
	}
	dst = fmt.Appendf(dst, `{"jsonrpc":"2.0","method":"console/output","params":{"attachment":1,"offset":%d,"data":"`, s.offset)
	dst = base64.StdEncoding.AppendEncode(dst, s.payload[:limit])
	s.offset += limit
	return append(dst, `"}}`...), true, true
}

// benchFiles runs a Conn on operating system pipes and returns the peer's ends.
func benchFiles(b *testing.B, o Options) (c *Conn, r, w *os.File) {
	b.Helper()
	inR, w, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	r, outW, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	c = NewConn(context.Background(), Stdio(inR, outW), o)
	b.Cleanup(func() { r.Close(); w.Close(); c.Close() })
	return c, r, w
}

// benchSocket does the same on a Unix socket, as a daemon has it.
func benchSocket(b *testing.B, o Options) (c *Conn, r io.Reader, w io.Writer) {
	b.Helper()
	l, err := net.Listen("unix", filepath.Join(b.TempDir(), "s"))
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	peer, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	near, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	c = NewConn(context.Background(), near, o)
	b.Cleanup(func() { peer.Close(); c.Close() })
	return c, peer, peer
}

func benchPipe(b *testing.B, o Options) (*Conn, io.Reader, io.Writer) {
	c, r, w := benchFiles(b, o)
	return c, r, w
}

func reportLatency(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "p50-us")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1e3, "p99-us")
	b.ReportMetric(0, "ns/op")
}

// benchPing sends one ping after the other to a raw peer and measures the way
// there and back, what else arrives being skipped.
func benchPing(b *testing.B, r io.Reader, w io.Writer) {
	in := bufio.NewReaderSize(r, 4096)
	ping := appendFrame(nil, []byte(pingBody))
	took := make([]time.Duration, 0, 1024)
	skipped := 0
	for b.Loop() {
		start := time.Now()
		if _, err := w.Write(ping); err != nil {
			b.Fatal(err)
		}
		for {
			body, err := readFrame(in)
			if err != nil {
				b.Fatal(err)
			}
			if strings.HasSuffix(body, `"pong"}`) {
				break
			}
			skipped += len(body)
		}
		took = append(took, time.Since(start))
	}
	reportLatency(b, took)
	b.ReportMetric(float64(skipped)/float64(len(took)), "B-ahead")
}

func BenchmarkPingIdle(b *testing.B) {
	_, r, w := benchFiles(b, testOptions)
	benchPing(b, r, w)
}

// BenchmarkCallIdle has a Conn on both ends.
func BenchmarkCallIdle(b *testing.B) {
	_, r, w := benchFiles(b, testOptions)
	client := NewConn(context.Background(), Stdio(r, w), Options{})
	b.Cleanup(func() { client.Close() })
	took := make([]time.Duration, 0, 1024)
	for b.Loop() {
		start := time.Now()
		if err := client.Call(context.Background(), "ping", nil, nil); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	reportLatency(b, took)
}

func BenchmarkPingUnderFlood(b *testing.B) {
	for _, bench := range []struct {
		name string
		open func(*testing.B, Options) (*Conn, io.Reader, io.Writer)
		rate int // bytes per second that the peer reads, 0: all it can
	}{
		{"pipe", benchPipe, 0}, {"socket", benchSocket, 0},
		{"pipe-5MBps", benchPipe, 5 << 20}, {"socket-5MBps", benchSocket, 5 << 20},
	} {
		b.Run(bench.name, func(b *testing.B) {
			c, r, w := bench.open(b, testOptions)
			for range 64 {
				c.AddSource(&outputSource{payload: make([]byte, 64<<10)}).Ready()
			}
			benchPing(b, &slowReader{r: r, rate: bench.rate, start: time.Now()}, w)
		})
	}
}

// slowReader reads at a rate, such as that of an editor that parses JSON.
type slowReader struct {
	r     io.Reader
	rate  int
	start time.Time
	read  int
}

func (s *slowReader) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if s.rate == 0 {
		return n, err
	}
	s.read += n
	due := time.Duration(float64(s.read) / float64(s.rate) * float64(time.Second))
	if ahead := due - time.Since(s.start); ahead > time.Millisecond {
		time.Sleep(ahead)
	}
	return n, err
}

// BenchmarkOutput is the way of payload bytes through the output lane, to a peer
// that only finds the frames.
func BenchmarkOutput(b *testing.B) {
	for _, size := range []int{4 << 10, 8 << 10, 16 << 10} {
		b.Run(fmt.Sprintf("pipe-%dKiB", size>>10), func(b *testing.B) { benchOutput(b, benchPipe, size) })
		b.Run(fmt.Sprintf("socket-%dKiB", size>>10), func(b *testing.B) { benchOutput(b, benchSocket, size) })
	}
}

func benchOutput(b *testing.B, open func(*testing.B, Options) (*Conn, io.Reader, io.Writer), size int) {
	o := testOptions
	o.MaxFrame = size
	c, r, _ := open(b, o)
	b.SetBytes(int64(size))
	var left atomic.Int64
	left.Store(int64(b.N))
	c.AddSource(&outputSource{payload: make([]byte, size), left: &left}).Ready()
	in := bufio.NewReaderSize(r, 64<<10)
	for range b.N {
		if _, err := readFrame(in); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOutputToConn has a Conn as the consumer, which decodes the payload.
func BenchmarkOutputToConn(b *testing.B) {
	c, r, w := benchFiles(b, testOptions)
	done := make(chan struct{})
	got, buffer := 0, make([]byte, 64<<10)
	client := NewConn(context.Background(), Stdio(r, w), Options{
		Ordered: func(string) bool { return true },
		Handler: handlerFunc(func(_ context.Context, _ *Conn, req *Request) (any, error) {
			_, data, _ := strings.Cut(string(req.Params), `"data":"`)
			if _, err := base64.StdEncoding.Decode(buffer, []byte(data[:len(data)-2])); err != nil {
				b.Error(err)
			}
			if got++; got == b.N {
				close(done)
			}
			return nil, nil
		}),
	})
	b.Cleanup(func() { client.Close() })
	b.SetBytes(8 << 10)
	var left atomic.Int64
	left.Store(int64(b.N))
	c.AddSource(&outputSource{payload: make([]byte, 8<<10), left: &left}).Ready()
	<-done
}

// BenchmarkInput is the way of small ordered notifications from a peer to the
// handler.
func BenchmarkInput(b *testing.B) {
	got, done := 0, make(chan struct{})
	_, _, w := benchFiles(b, Options{
		Ordered: func(string) bool { return true },
		Handler: handlerFunc(func(context.Context, *Conn, *Request) (any, error) {
			if got++; got == b.N {
				close(done)
			}
			return nil, nil
		}),
	})
	frame := appendFrame(nil, []byte(`{"jsonrpc":"2.0","method":"console/input","params":{"attachment":1,"data":"x"}}`))
	out := bufio.NewWriterSize(w, 16<<10)
	for range b.N {
		if _, err := out.Write(frame); err != nil {
			b.Fatal(err)
		}
	}
	if err := out.Flush(); err != nil {
		b.Fatal(err)
	}
	<-done
}
