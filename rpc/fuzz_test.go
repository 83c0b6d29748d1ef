package rpc

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// memoryStream is a stream whose input is known and whose output is kept.
type memoryStream struct {
	in  io.Reader
	mu  sync.Mutex
	out bytes.Buffer
}

func (m *memoryStream) Read(p []byte) (int, error) { return m.in.Read(p) }

func (m *memoryStream) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.out.Write(p)
}

func (m *memoryStream) Close() error { return nil }

// transcriptInput is what the peer sends in a transcript.
func transcriptInput(text string) []byte {
	var input []byte
	for line := range strings.Lines(text) {
		verb, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch verb {
		case ">":
			input = appendFrame(input, []byte(rest))
		case "raw":
			if raw, err := strconv.Unquote(rest); err == nil {
				input = append(input, raw...)
			}
		}
	}
	return input
}

// FuzzReader sends any bytes to a connection: it ends, and whatever it sent is
// well-framed and well-formed.
func FuzzReader(f *testing.F) {
	files, err := filepath.Glob("../testdata/rpc/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(transcriptInput(string(text)))
	}
	f.Add([]byte(strings.Repeat("x", 5000)))
	f.Add(appendFrame(nil, []byte(strings.Repeat("[", 5000))))
	f.Fuzz(func(t *testing.T, input []byte) {
		stream := &memoryStream{in: bytes.NewReader(input)}
		o := testOptions
		o.MaxBody, o.MaxFirstBody, o.MaxHeader = 4096, 2048, 512
		o.Ordered = func(method string) bool { return method == "echo" }
		c := NewConn(context.Background(), stream, o)
		await(t, "the end", c.Done())
		checkOutput(t, stream.out.Bytes())
	})
}

// checkOutput reads frames and checks each against what a Conn may send.
func checkOutput(t *testing.T, output []byte) {
	t.Helper()
	r := bufio.NewReader(bytes.NewReader(output))
	for {
		body, err := readFrame(r)
		if errors.Is(err, io.EOF) {
			return
		}
		var members map[string]json.RawMessage
		if err == nil {
			err = json.Unmarshal([]byte(body), &members)
		}
		if err != nil {
			t.Fatalf("output %q: %v", output, err)
		}
		var names []string
		for name := range members {
			names = append(names, name)
		}
		slices.Sort(names)
		switch got := strings.Join(names, " "); got {
		case "id jsonrpc result", "error id jsonrpc":
		default:
			t.Fatalf("reply with members %s: %s", got, body)
		}
	}
}
