package vt

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const testdata = "../../testdata/vt"

// cuts is the number of places at which a capture is looked at: its end, and in the middle of the session.
const cuts = 12

// A golden is what tmux shows for a stream.
type golden struct {
	Name       string
	Cols, Rows int
	At         int      // bytes of the stream that were read
	State      string   // tmuxFormat
	Lines      []string // of capture-pane -e -N: text with SGR, line drawing between SO and SI
}

// tmuxFormat asks tmux for cursor, modes, margins and tab stops; tmuxState says the same of a Screen.
const tmuxFormat = "cursor #{cursor_x},#{cursor_y} shown #{cursor_flag} alt #{alternate_on} margins #{scroll_region_upper}-#{scroll_region_lower}" +
	" insert #{insert_flag} origin #{origin_flag} wrap #{wrap_flag} keypad #{keypad_flag} keys #{keypad_cursor_flag}" +
	" mouse #{mouse_standard_flag}#{mouse_button_flag}#{mouse_all_flag}#{mouse_utf8_flag}#{mouse_sgr_flag} tabs #{pane_tabs}"

func tmuxState(s *Screen) string {
	flag := func(m mode) int {
		if s.modes&m != 0 {
			return 1
		}
		return 0
	}
	alt := 0
	if s.AltScreen() {
		alt = 1
	}
	var tabs []string
	for col := range s.cols {
		if s.tabs.at(col) {
			tabs = append(tabs, fmt.Sprint(col))
		}
	}
	return fmt.Sprintf("cursor %d,%d shown %d alt %d margins %d-%d insert %d origin %d wrap %d keypad %d keys %d mouse %d%d%d%d%d tabs %s",
		s.col, s.row, flag(modeCursorVisible), alt, s.top, s.bottom,
		flag(modeInsert), flag(modeOrigin), flag(modeWrap), flag(modeKeypad), flag(modeCursorKeys),
		flag(modeMouseClick), flag(modeMouseDrag), flag(modeMouseMove), flag(modeMouseUTF8), flag(modeMouseSGR),
		strings.Join(tabs, ","))
}

// compare checks a screen against a golden. tmux ends a row at its last used cell: beyond, its erased cells have a
// colour that capture-pane does not tell, so only the text is compared there.
func compare(t *testing.T, s *Screen, want golden) {
	t.Helper()
	if diff := cmp.Diff(want.State, tmuxState(s)); diff != "" {
		t.Errorf("state (-tmux +ours):\n%s", diff)
	}
	if len(want.Lines) != s.rows {
		t.Fatalf("golden of %d lines for %d rows", len(want.Lines), s.rows)
	}
	shown := feed(s.cols, s.rows, "\x1b)0"+strings.Join(want.Lines, "\r\n"))
	if diff := cmp.Diff(shown.Lines(), s.Lines()); diff != "" {
		t.Errorf("text (-tmux +ours):\n%s", diff)
	}
	for y, r := range shown.grid.rows {
		used := 0
		if r != nil {
			used = len(r.cells)
		}
		if a, b := rowCells(r, used), rowCells(s.grid.rows[y], used); a != b {
			t.Errorf("row %d:\ntmux %s\nours %s", y, a, b)
		}
	}
}

// A capture is the output of a real program, see testdata/vt/record.sh.
type capture struct {
	name   string
	stream []byte
}

func readCaptures(t testing.TB) []capture {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(testdata, "*.capture"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures in %s: %v", testdata, err)
	}
	var captures []capture
	for _, file := range files {
		stream, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		captures = append(captures, capture{strings.TrimSuffix(filepath.Base(file), ".capture"), stream})
	}
	return captures
}

// captureGoldens lists what is to be compared for the captures: each at several places.
func captureGoldens(captures []capture) (wanted []golden, streams []string) {
	for _, c := range captures {
		for i := 1; i <= cuts; i++ {
			at := len(c.stream) * i / cuts
			wanted = append(wanted, golden{Name: c.name, Cols: 80, Rows: 24, At: at})
			streams = append(streams, string(c.stream[:at]))
		}
	}
	return wanted, streams
}

// streamGoldens lists the synthetic streams that tmux and we agree on.
func streamGoldens() (wanted []golden, texts []string) {
	for _, c := range streams {
		if c.artefact == "" {
			wanted = append(wanted, golden{Name: c.name, Cols: c.cols, Rows: c.rows, At: len(c.stream)})
			texts = append(texts, c.stream)
		}
	}
	return wanted, texts
}

func readGoldens(t *testing.T, file string) []golden {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testdata, file))
	if err != nil {
		t.Fatal(err)
	}
	var goldens []golden
	if err := json.Unmarshal(text, &goldens); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return goldens
}

// checkGoldens compares each stream with the golden of the same name and place.
func checkGoldens(t *testing.T, file string, wanted []golden, streams []string) {
	t.Helper()
	goldens := readGoldens(t, file)
	for i, w := range wanted {
		t.Run(fmt.Sprintf("%s@%d", w.Name, w.At), func(t *testing.T) {
			found := slices.IndexFunc(goldens, func(g golden) bool { return g.Name == w.Name && g.At == w.At })
			if found < 0 {
				t.Fatalf("no golden in %s: run testdata/vt/record.sh", file)
			}
			compare(t, feed(w.Cols, w.Rows, streams[i]), goldens[found])
		})
	}
}

func TestCapturesGolden(t *testing.T) {
	wanted, streams := captureGoldens(readCaptures(t))
	checkGoldens(t, "captures.json", wanted, streams)
}

func TestStreamsGolden(t *testing.T) {
	wanted, streams := streamGoldens()
	checkGoldens(t, "streams.json", wanted, streams)
}

// TestStreamsBeyondTmux checks the streams for which tmux is no reference.
func TestStreamsBeyondTmux(t *testing.T) {
	for _, c := range streams {
		if c.artefact == "" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			s := feed(c.cols, c.rows, c.stream)
			want := append(slices.Clone(c.lines), make([]string, c.rows-len(c.lines))...)
			if diff := cmp.Diff(want, s.Lines()); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
			if s.col != c.col || s.row != c.row {
				t.Errorf("cursor %d,%d, want %d,%d", s.col, s.row, c.col, c.row)
			}
		})
	}
}

// TestSnapshotOfCaptures rebuilds the screen of the real programs at each place, also on a terminal that has been in use
// and was reset.
func TestSnapshotOfCaptures(t *testing.T) {
	wanted, texts := captureGoldens(readCaptures(t))
	for i, w := range wanted {
		s := feed(w.Cols, w.Rows, texts[i])
		checkReplay(t, s)
		used := feed(w.Cols, w.Rows, texts[len(texts)-1-i]+"\x1b\\\x1bc")
		used.Write(s.Snapshot())
		checkSame(t, "after RIS", s, used)
	}
}
