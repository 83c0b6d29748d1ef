package vt

import (
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNewClampsSize(t *testing.T) {
	for _, c := range []struct{ cols, rows, wantCols, wantRows int }{
		{80, 24, 80, 24}, {0, -5, 1, 1}, {5000, 1001, 1000, 1000},
	} {
		cols, rows := New(c.cols, c.rows).Size()
		if cols != c.wantCols || rows != c.wantRows {
			t.Errorf("New(%d, %d) is %dx%d, want %dx%d", c.cols, c.rows, cols, rows, c.wantCols, c.wantRows)
		}
	}
}

// TestIdleMemory keeps the promise that a thousand idle consoles cost next to nothing.
func TestIdleMemory(t *testing.T) {
	const n, limit = 1000, 2048
	screens := make([]*Screen, n)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range screens {
		screens[i] = New(80, 24)
	}
	runtime.ReadMemStats(&after)
	if per := (after.TotalAlloc - before.TotalAlloc) / n; per >= limit {
		t.Errorf("an idle screen costs %d bytes, limit %d", per, limit)
	}
	runtime.KeepAlive(screens)
}

// TestAltScreenMemory checks that the alternate screen goes when it is left.
func TestAltScreenMemory(t *testing.T) {
	s := feed(80, 24, "\x1b[?1049h\x1b#8")
	if !s.AltScreen() || s.main == nil {
		t.Fatal("the alternate screen is not shown")
	}
	s.Write([]byte("\x1b[?1049l"))
	if s.AltScreen() || s.main != nil || s.grid.rows[0] != nil {
		t.Error("the alternate screen is kept after it was left")
	}
}

func TestCursor(t *testing.T) {
	s := feed(5, 2, "abcde\x1b[?25l")
	if col, row, visible := s.Cursor(); col != 4 || row != 0 || visible {
		t.Errorf("cursor %d,%d visible %t, want 4,0 hidden: a pending wrap is in the last column", col, row, visible)
	}
}

func TestTitle(t *testing.T) {
	long := strings.Repeat("ü", 200)
	for _, c := range []struct{ name, stream, want string }{
		{"OSC 2 BEL", "\x1b]2;a title\x07", "a title"},
		{"OSC 0 ST", "\x1b]0;größer; 漢\x1b\\", "größer; 漢"},
		{"icon name only", "\x1b]1;icon\x07", ""},
		{"cancelled", "\x1b]2;one\x18\x1b]3;two\x07", ""},
		{"controls removed", "\x1b]2;a\tb\x7fc\u0085d\u202ee\u2028f\xffg\x07", "abcdefg"},
		{"bounded", "\x1b]2;" + long + "\x07", long[:256]},
		{"too long to be read", "\x1b]2;" + strings.Repeat("x", maxString) + "\x07", ""},
		{"longest that is read", "\x1b]2;" + strings.Repeat("x", maxString-2) + "\x07", strings.Repeat("x", 256)},
		{"pushed and popped", "\x1b]2;a\x07\x1b[22;0t\x1b]2;b\x07\x1b[22;2t\x1b]2;c\x07\x1b[23;0t\x1b[23;0t\x1b[23;0t", "a"},
		{"stack bounded", "\x1b]2;a\x07" + strings.Repeat("\x1b[22t", 9) + "\x1b]2;b\x07" + strings.Repeat("\x1b[22;0t", 99) + "\x1b[23;0t", "b"},
		{"kept over RIS", "\x1b]2;a\x07\x1bc", "a"},
	} {
		if got := feed(20, 3, c.stream).Title(); got != c.want {
			t.Errorf("%s: title %q, want %q", c.name, got, c.want)
		}
	}
}

func TestUnfinished(t *testing.T) {
	for stream, want := range map[string]int{
		"abc": 0, "abc\x1b": 1, "abc\x1b[1;3": 5, "abc\x1b[1;3m": 0, "\x1b]2;tit": 7, "a\xe6\xbc": 2, "a\xe6\xbcb": 0,
		"\x1b[1\x1b[": 2, "\x1bPq\x18": 0, "x\xf0": 1,
	} {
		if got := feed(20, 3, stream).Unfinished(); got != want {
			t.Errorf("%q: %d bytes unfinished, want %d", stream, got, want)
		}
	}
}

// TestUnfinishedResumes takes a snapshot in the midst of a sequence and goes on where Unfinished says.
func TestUnfinishedResumes(t *testing.T) {
	const stream = "plain \x1b[1;31mred\x1b]2;title\x07 größer \x1b(0q\x1b(B\x1b[3;3Hend"
	for at := range len(stream) {
		s := feed(30, 4, stream[:at])
		resumed := feed(30, 4, string(s.Snapshot()))
		resumed.Write([]byte(stream[at-s.Unfinished():]))
		checkSame(t, stream[:at], feed(30, 4, stream), resumed)
	}
}

// TestOverline has no golden, as capture-pane of tmux 3.3a writes overline as "5:3".
func TestOverline(t *testing.T) {
	s := feed(10, 1, "\x1b[53ma\x1b[55mb")
	if s.grid.rows[0].at(0).unpack().attr != attrOverline || s.grid.rows[0].at(1).unpack().attr != 0 {
		t.Error(rowCells(s.grid.rows[0], 10))
	}
}

func TestStylePacking(t *testing.T) {
	for _, p := range []pen{
		{}, {fg: rgb(1, 2, 3), bg: rgb(255, 255, 255), ul: colourPalette | 255, attr: 0x3ff}, {attr: attrUnderline | attrOverline},
	} {
		if got := p.pack().unpack(); got != p {
			t.Errorf("%+v becomes %+v", p, got)
		}
	}
}

// TestManyLines checks that the lines which scroll away at once leave the screen as if each had been seen.
func TestManyLines(t *testing.T) {
	plain := strings.Repeat("0123456789abcdef\r\n", 100)
	for name, stream := range map[string]string{
		"plain":             plain + "end",
		"blanks and tabs":   "\x1b[42m" + plain + "\t\b\bx" + plain,
		"wide":              strings.Repeat("漢字漢字漢字漢字\r\n", 50),
		"LF only":           "x" + strings.Repeat("ab\n", 60),
		"margins":           "\x1b[2;4r" + plain + "end",
		"shift":             "\x1b)0" + strings.Repeat("q\x0eq\r\n", 40) + plain,
		"insert":            "\x1b[4h" + plain,
		"split character":   plain + "\xe6\xbc" + plain + "\xa2",
		"alternate":         "main\x1b[?1049h" + plain,
		"CR far back":       "ab\r\n" + strings.Repeat("ab\n", 40),
		"ends in the midst": plain + "0123\r\n\r\n\r\n\r\n\r\n\r\nabc\x1b[1mx\r\n" + plain[:70],
	} {
		t.Run(name, func(t *testing.T) {
			s := feed(12, 5, stream)
			checkBytewise(t, s, []byte(stream))
			checkReplay(t, s)
		})
	}
}

func TestResize(t *testing.T) {
	for _, c := range []struct {
		name, stream string
		cols, rows   int
		want         []string
		col, row     int
	}{
		{"wider and taller", "abcde\r\nf", 8, 4, []string{"abcde", "f", "", ""}, 1, 1},
		{"narrower", "abcde\r\nf", 3, 3, []string{"abc", "f", ""}, 1, 1},
		{"narrower through a wide character", "ab漢\x1b[1;5H", 3, 3, []string{"ab", "", ""}, 2, 0},
		{"rows below the cursor go first", "a\r\nb\r\nc\x1b[1;1H", 5, 2, []string{"a", "b"}, 0, 0},
		{"then those above", "a\r\nb\r\nc", 5, 2, []string{"b", "c"}, 1, 1},
		{"pending wrap ends in a wider screen", "abcde", 6, 3, []string{"abcde", "", ""}, 5, 0},
		{"pending wrap stays over a change of rows", "abcde", 5, 2, []string{"abcde", ""}, 5, 0},
		{"main screen behind", "a\r\nb\r\nc\x1b[?1049hALT\x1b[H", 5, 2, []string{"", ""}, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := feed(5, 3, c.stream)
			s.Resize(c.cols, c.rows)
			if diff := cmp.Diff(c.want, s.Lines()); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
			if s.col != c.col || s.row != c.row {
				t.Errorf("cursor %d,%d, want %d,%d", s.col, s.row, c.col, c.row)
			}
			checkReplay(t, s)
		})
	}
}

func TestResizeMainBehindAlternate(t *testing.T) {
	s := feed(5, 3, "a\r\nb\r\nc\x1b[?1049hALT\x1b[H")
	s.Resize(7, 2)
	s.Write([]byte("\x1b[?1049l!"))
	if diff := cmp.Diff([]string{"b", "c!"}, s.Lines()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}

func TestResizeKeepsTabs(t *testing.T) {
	s := feed(20, 2, "\x1b[3g\x1b[4G\x1bH")
	s.Resize(40, 2)
	s.Write([]byte("\r\ta\tb"))
	if got, want := s.Lines()[0], "   a                    b"; got != want {
		t.Errorf("%q, want %q: stops as set, then the standard ones in the new columns", got, want)
	}
}

// TestLargest runs the costly sequences on the largest screen.
func TestLargest(t *testing.T) {
	s := New(maxSize, maxSize)
	for _, sequence := range []string{
		"\x1b#8", "\x1b[9999@", "\x1b[9999P", "\x1b[9999L", "\x1b[9999M", "\x1b[9999S", "\x1b[9999T", "x\x1b[9999b", "\x1b[9999I",
		"\x1b[9999Z", "\x1b[41m\x1b[2J", "\x1b[?" + strings.Repeat("3;", maxParams) + "h", "\x1b[?1049h", "\x1b[?1049l",
	} {
		s.Write([]byte(sequence))
		if wrong := checkInvariants(s); wrong != "" {
			t.Errorf("%q: %s", sequence, wrong)
		}
	}
	checkReplay(t, s)
}

func TestWidth(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "abc": 3, "漢字": 4, "e\u0301": 1, "größer": 6, "한글": 4, "\u1112\u1161\u11ab": 2, "👩\u200d🚀": 2, "🇩🇪": 2,
		"a\x1bb\u0085": 2, "\xff\xfe": 0, "\u200dx": 1, "─│": 2, "a\u200db": 2,
	} {
		if got := Width(text); got != want {
			t.Errorf("Width(%q) is %d, want %d", text, got, want)
		}
	}
	for _, g := range specialGraphics {
		if RuneWidth(g) != 1 {
			t.Errorf("line drawing %q is not one cell", g)
		}
	}
}

// FuzzWidth checks that Width is what a Screen does.
func FuzzWidth(f *testing.F) {
	for _, text := range []string{"plain", "漢字e\u0301", "👩\u200d🚀", "\u200d漢", "\xe6漢\xff", "🇩🇪", "\u00ad\ufeffx"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.Map(func(r rune) rune {
			if r < 0x20 {
				return -1
			}
			return r
		}, text)
		want := Width(text)
		if want >= maxSize {
			return
		}
		if s := feed(maxSize, 1, text); s.col != want {
			t.Errorf("Width(%q) is %d, the screen uses %d", text, want, s.col)
		}
	})
}
