package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"strings"
)

// farewellSize is the largest message that farewell looks into, in bytes: shutdown and exit have no parameters.
const farewellSize = 512

// farewell reads along with what a client sends to the daemon, to know how it said goodbye: the process of a client that sent exit
// without a shutdown before it exits with 1 (Language Server Protocol 3.17, exit), and the daemon's connection does not tell. What
// it cannot follow, it leaves alone.
type farewell struct {
	in       io.Reader
	pipe     *io.PipeWriter
	finished chan struct{}
	shutdown bool // valid when finished is closed
	exit     bool // likewise
}

// newFarewell reads along with in.
func newFarewell(in io.Reader) *farewell {
	read, write := io.Pipe()
	f := &farewell{in: in, pipe: write, finished: make(chan struct{})}
	go func() {
		defer close(f.finished)
		f.follow(bufio.NewReader(read))
		_ = read.Close() // what still comes is not looked at: writes to the pipe fail from now on
	}()
	return f
}

// Read implements io.Reader.
func (f *farewell) Read(p []byte) (int, error) {
	n, err := f.in.Read(p)
	_, _ = f.pipe.Write(p[:n]) // nobody reads along any more; that is all right
	return n, err
}

// unclean ends the reading along and reports whether the client left without a shutdown.
func (f *farewell) unclean() bool {
	_ = f.pipe.Close() // a pipe's Close returns nil
	<-f.finished
	return f.exit && !f.shutdown
}

// follow takes the frames apart until the client says exit, or something is no frame.
func (f *farewell) follow(r *bufio.Reader) {
	for !f.exit {
		length, ok := contentLength(r)
		if !ok {
			return
		}
		body := make([]byte, min(length, farewellSize))
		if _, err := io.ReadFull(r, body); err != nil {
			return
		}
		if _, err := io.CopyN(io.Discard, r, int64(length-len(body))); err != nil {
			return
		}
		var message struct{ Method string }
		if length <= farewellSize && json.Unmarshal(body, &message) == nil {
			f.shutdown = f.shutdown || message.Method == "shutdown"
			f.exit = message.Method == "exit"
		}
	}
}

// contentLength reads the header of a frame.
func contentLength(r *bufio.Reader) (length int, ok bool) {
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return 0, false
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			return length, ok
		}
		name, value, _ := strings.Cut(string(line), ":")
		if strings.EqualFold(name, "Content-Length") {
			length, err = strconv.Atoi(strings.TrimSpace(value))
			ok = err == nil && length >= 0
		}
	}
}
