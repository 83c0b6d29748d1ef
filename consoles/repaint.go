package consoles

// repaintReset comes before a snapshot, which supposes a fresh terminal. The
// hard reset (ESC c) is not used: on many terminals it also clears the user's
// own scrollback, and it flickers. In order: end what may be unfinished (CAN);
// leave the alternate screen; soft reset (DECSTR: margins, origin, attributes,
// charsets, saved cursor); the modes that DECSTR does not cover; default tab
// stops; clear the screen.
const repaintReset = "\x18" +
	"\x1b[?1049l\x1b[?47l" +
	"\x1b[!p" +
	"\x1b[?1l\x1b[?5l\x1b[?7h\x1b[20l\x1b>" +
	"\x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?2004l" +
	"\x1b[>4m\x1b[0 q" +
	"\x1b[?25h\x1b[r\x1b[m\x1b(B\x1b)B\x0f" +
	"\x1b[?5W" +
	"\x1b[H\x1b[2J"

// repaint returns the bytes that repaint the screen on any terminal of the
// console's size, and the offset up to which it shows the stream.
func (c *Console) repaint() ([]byte, int64) {
	c.screenMu.Lock()
	defer c.screenMu.Unlock()
	c.feedAll()
	return append([]byte(repaintReset), c.screen.Snapshot()...), c.shown()
}

// shown returns the offset up to which the screen shows the stream: bytes of a
// sequence that is not complete come again after a repaint. screenMu is held.
func (c *Console) shown() int64 { return c.fed.Load() - int64(c.screen.Unfinished()) }
