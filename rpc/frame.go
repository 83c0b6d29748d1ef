package rpc

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
)

const (
	// absurdBody is a declared length that nobody means: not even skipped.
	absurdBody = 1 << 30
	// readAhead is how much of a body is allocated before any of it arrived.
	readAhead = 64 << 10
	// readBuffer holds what one read takes from the stream.
	readBuffer = 16 << 10
)

var (
	utf8BOM       = []byte("\xef\xbb\xbf")
	contentLength = []byte("content-length")
)

// errFraming ends a connection on which no further frame can be found.
var errFraming = errors.New("no Content-Length header found within limits")

// frameReader takes frames from a stream: header lines (LSP base protocol:
// Content-Length and others, ended by an empty line) and a body. Lines may end
// in CRLF or LF. What is no header is skipped up to the next Content-Length.
type frameReader struct {
	r         *bufio.Reader
	maxHeader int
	maxBody   func() int
	refuse    func(*ResponseError) // called once for each run of garbage
}

func newFrameReader(r io.Reader, maxHeader int, maxBody func() int, refuse func(*ResponseError)) *frameReader {
	return &frameReader{bufio.NewReaderSize(r, max(readBuffer, maxHeader)), maxHeader, maxBody, refuse}
}

// next returns the body of the next frame within limits, in memory of its own.
// The error is io.EOF at the end of the stream, also inside of a frame.
func (f *frameReader) next() ([]byte, error) {
	for {
		n, err := f.header()
		if err != nil {
			return nil, endOfStream(err)
		}
		if limit := int64(f.maxBody()); n > limit {
			if err := f.skip(n, limit); err != nil {
				return nil, endOfStream(err)
			}
			continue
		}
		body, err := f.body(int(n))
		return body, endOfStream(err)
	}
}

func endOfStream(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	return err
}

// skip answers a frame that is too long and discards its body.
func (f *frameReader) skip(n, limit int64) error {
	f.refuse(invalidRequest("body of %d bytes is over the limit of %d", n, limit))
	if n > absurdBody {
		return fmt.Errorf("peer announced a body of %d bytes", n)
	}
	_, err := io.CopyN(io.Discard, f.r, n)
	return err
}

// body reads n bytes; the memory grows with what arrives, not with what was
// announced.
func (f *frameReader) body(n int) ([]byte, error) {
	body := make([]byte, min(n, readAhead))
	if _, err := io.ReadFull(f.r, body); err != nil {
		return nil, err
	}
	for len(body) < n {
		have := len(body)
		grown := make([]byte, min(n, 4*have))
		copy(grown, body)
		body = grown
		if _, err := io.ReadFull(f.r, body[have:]); err != nil {
			return nil, err
		}
	}
	return body, nil
}

// header reads lines up to the empty one behind a Content-Length.
func (f *frameReader) header() (length int64, err error) {
	h := headerBlock{length: -1}
	for {
		line, err := f.r.ReadSlice('\n')
		h.size += len(line)
		if errors.Is(err, bufio.ErrBufferFull) || h.size > f.maxHeader {
			f.refuse(parseError("no Content-Length header within %d bytes: closing", f.maxHeader))
			return 0, errFraming
		}
		if err != nil {
			return 0, err
		}
		if h.add(bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))) {
			return h.length, nil
		}
		if h.bad != "" && !h.refused {
			h.refused = true
			f.refuse(parseError("%s: messages are framed as \"Content-Length: N\", an empty line, N bytes of JSON", h.bad))
		}
	}
}

// headerBlock collects the header lines of one frame.
type headerBlock struct {
	length  int64  // -1 until a valid Content-Length was seen
	lines   int    // header lines since the last empty line
	size    int    // bytes of all lines, garbage included
	bad     string // why lines are being skipped, "" while all is well
	refused bool   // the peer was told
}

// add takes one line without its end; done says that the body follows.
func (h *headerBlock) add(line []byte) (done bool) {
	line = bytes.TrimPrefix(line, utf8BOM)
	if len(line) == 0 {
		return h.end()
	}
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok || !isToken(name) {
		h.garbage(line)
		return false
	}
	h.lines++
	if bytes.EqualFold(name, contentLength) {
		h.setLength(value)
	}
	return false
}

// end handles an empty line. Empty lines between frames are harmless.
func (h *headerBlock) end() (done bool) {
	if h.length >= 0 {
		return true
	}
	if h.lines > 0 && h.bad == "" {
		h.bad = "header without Content-Length"
	}
	h.lines = 0
	return false
}

// garbage starts or continues skipping. The line may end in the header of the
// next frame, when a body was longer than announced.
func (h *headerBlock) garbage(line []byte) {
	h.bad, h.length = "no header line", -1
	n := len(contentLength)
	for i := len(line) - n; i >= 0; i-- {
		if !bytes.EqualFold(line[i:i+n], contentLength) {
			continue
		}
		if value, ok := bytes.CutPrefix(line[i+n:], []byte(":")); ok {
			h.setLength(value)
		}
		return
	}
}

func (h *headerBlock) setLength(value []byte) {
	n, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		n = math.MaxInt64
	case err != nil:
		h.bad, h.length = "Content-Length is not a number", -1
		return
	}
	length := int64(min(n, math.MaxInt64))
	if h.length >= 0 && h.length != length {
		h.bad, h.length = "two different Content-Length headers", -1
		return
	}
	h.length = length
}

// isToken reports whether name can be the name of a header (RFC 9110, token).
func isToken(name []byte) bool {
	for _, c := range name {
		switch {
		case isDigit(c), 'a' <= c|0x20 && c|0x20 <= 'z':
		case bytes.IndexByte([]byte("!#$%&'*+-.^_`|~"), c) >= 0:
		default:
			return false
		}
	}
	return len(name) > 0
}
