package cast

import (
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Writer encodes a recording. It buffers: nothing reaches the file before
// Flush, and what a failing file did not take is kept, so that a later Flush
// goes on where it stopped, even within a line. It is for one goroutine.
type Writer struct {
	w       io.Writer
	start   time.Time
	buf     []byte
	partial []byte // begin of a character whose rest has not come yet
	size    int64  // bytes written to w
	whole   int64  // bytes of w up to the end of its last whole line
	lines   []line // of output, not yet wholly in w
}

// line is one line of output in the buffer.
type line struct {
	end  int64 // place in w just after it
	data int   // bytes of output that it holds
}

// NewWriter begins a recording at time start; the header's Version and
// Timestamp are filled in.
func NewWriter(w io.Writer, h Header, start time.Time) (*Writer, error) {
	h.Version = Version
	h.Timestamp = start.Unix()
	line, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("encode the header of a recording: %w", err)
	}
	return &Writer{w: w, start: start, buf: append(line, '\n')}, nil
}

// Output adds bytes that the terminal printed at time at.
func (w *Writer) Output(at time.Time, p []byte) {
	if len(p) == 0 {
		return
	}
	text := p
	if len(w.partial) > 0 {
		text = append(w.partial, p...)
	}
	whole := wholeRunes(text)
	if whole > 0 {
		w.event(at, CodeOutput, text[:whole])
	}
	w.partial = append([]byte(nil), text[whole:]...)
}

// Resize adds a change of the terminal's size.
func (w *Writer) Resize(at time.Time, cols, rows int) {
	w.event(at, CodeResize, fmt.Appendf(nil, "%dx%d", cols, rows))
}

// Marker adds a label. A character that was held back is written before it,
// as U+FFFD: its rest will not come.
func (w *Writer) Marker(at time.Time, label string) {
	w.finishRune(at)
	w.event(at, CodeMarker, []byte(label))
}

// Buffered returns the bytes that Flush has still to write.
func (w *Writer) Buffered() int { return len(w.buf) }

// Missing returns the bytes of output whose lines are not wholly in the file.
func (w *Writer) Missing() int64 {
	n := len(w.partial)
	for _, l := range w.lines {
		n += l.data
	}
	return int64(n)
}

// Flush writes what is buffered. After an error it may be called again.
func (w *Writer) Flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	n, err := w.w.Write(w.buf)
	w.wrote(n)
	if err != nil {
		return fmt.Errorf("write recording: %w", err)
	}
	return nil
}

// Finish writes a held character and flushes. It does not close the file.
func (w *Writer) Finish(at time.Time) error {
	w.finishRune(at)
	return w.Flush()
}

// Whole returns the length of the file up to its last whole line: the length
// to truncate it to if Flush failed for good.
func (w *Writer) Whole() int64 { return w.whole }

// wrote notes that the file took n bytes of the buffer.
func (w *Writer) wrote(n int) {
	for i := n - 1; i >= 0; i-- {
		if w.buf[i] == '\n' {
			w.whole = w.size + int64(i) + 1
			break
		}
	}
	w.size += int64(n)
	w.buf = w.buf[:copy(w.buf, w.buf[n:])]
	done := 0
	for done < len(w.lines) && w.lines[done].end <= w.size {
		done++
	}
	w.lines = append(w.lines[:0], w.lines[done:]...)
}

// finishRune writes a held character as it is.
func (w *Writer) finishRune(at time.Time) {
	if len(w.partial) > 0 {
		w.event(at, CodeOutput, w.partial)
		w.partial = nil
	}
}

// event appends one line.
func (w *Writer) event(at time.Time, code string, data []byte) {
	w.buf = append(w.buf, '[')
	w.buf = appendSeconds(w.buf, max(0, at.Sub(w.start)))
	w.buf = append(w.buf, `, "`...)
	w.buf = append(w.buf, code...)
	w.buf = append(w.buf, `", "`...)
	w.buf = appendEscaped(w.buf, data)
	w.buf = append(w.buf, "\"]\n"...)
	if code == CodeOutput {
		w.lines = append(w.lines, line{end: w.size + int64(len(w.buf)), data: len(data)})
	}
}
