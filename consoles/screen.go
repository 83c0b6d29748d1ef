package consoles

import (
	"strings"

	"github.com/conbroker/conbroker/consoles/vt"
)

const (
	// feedBatch is how many bytes may wait for the screen model before a
	// goroutine feeds them: large, so that a burst costs few switches and a
	// quiet console costs none.
	feedBatch = 128 << 10
	// feedSlice is how much is fed without giving others a chance at the screen.
	feedSlice = 64 << 10
)

// Snapshot is the screen of a console at one moment.
type Snapshot struct {
	Lines         []string // the rows as text, without trailing blanks
	Text          string   // the rows joined by newlines, without trailing empty rows
	Col, Row      int      // cursor, from 0
	CursorVisible bool
	Size          Size
	Title         string // as set by the guest; hostile text
	AltScreen     bool   // a full-screen program is showing
	Offset        int64  // the screen shows the stream up to here
	Bytes         []byte // what repaints this screen on any terminal of the same size
}

// Snapshot returns the screen as it is now.
func (c *Console) Snapshot() Snapshot {
	c.screenMu.Lock()
	defer c.screenMu.Unlock()
	c.feedAll()
	s := Snapshot{Title: c.screen.Title(), AltScreen: c.screen.AltScreen(), Offset: c.shown(), Bytes: append([]byte(repaintReset), c.screen.Snapshot()...)}
	s.Size.Cols, s.Size.Rows = c.screen.Size()
	s.Col, s.Row, s.CursorVisible = c.screen.Cursor()
	s.Lines = c.screen.Lines()
	s.Text = strings.TrimRight(strings.Join(s.Lines, "\n"), "\n")
	return s
}

// feed is the goroutine that brings the screen up to date with the stream.
func (c *Console) feed() {
	for {
		c.mu.Lock()
		behind := c.ring.total - c.fed.Load()
		if behind < feedSlice {
			c.feeding = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		c.screenMu.Lock()
		c.feedTo(c.fed.Load() + feedSlice)
		c.screenMu.Unlock()
	}
}

// feedAll feeds everything received until now. screenMu is held.
func (c *Console) feedAll() {
	c.mu.Lock()
	end := c.ring.total
	c.mu.Unlock()
	c.feedTo(end)
}

// feedTo feeds the stream to the screen up to offset end, or to what has been
// received. screenMu is held, and that keeps the bytes in the ring: whoever
// takes a chunk out feeds it first.
func (c *Console) feedTo(end int64) {
	if c.screen == nil {
		c.mu.Lock()
		size := c.size
		c.mu.Unlock()
		c.screen = vt.New(size.Cols, size.Rows)
	}
	for c.fed.Load() < end {
		c.mu.Lock()
		b := c.ring.view(c.fed.Load(), int(min(end-c.fed.Load(), feedSlice)))
		c.mu.Unlock()
		if len(b) == 0 {
			return
		}
		_, _ = c.screen.Write(b) // it never fails
		c.fed.Add(int64(len(b)))
	}
}
