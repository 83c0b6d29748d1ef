package vt

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// TestSnapshotOfStreams rebuilds every small screen, and again after its own snapshot.
func TestSnapshotOfStreams(t *testing.T) {
	for _, c := range streams {
		t.Run(c.name, func(t *testing.T) {
			s := feed(c.cols, c.rows, c.stream)
			checkReplay(t, s)
			if again := feed(c.cols, c.rows, string(s.Snapshot())); !bytes.Equal(again.Snapshot(), s.Snapshot()) {
				t.Errorf("snapshot %q, of the replayed screen %q", s.Snapshot(), again.Snapshot())
			}
		})
	}
}

// TestSnapshotCarriesOn checks the states that show only in what comes next.
func TestSnapshotCarriesOn(t *testing.T) {
	for _, c := range []struct{ name, before, after string }{
		{"pending wrap", "abcdefghij", "k"},
		{"pending wrap after a wide character", "abcdefgh漢", "k"},
		{"pending wrap in a colour", "\x1b[44mabcdefghi\x1b[31mj\x1b[m", "k"},
		{"charset", "\x1b)0\x0e", "q\x0fq"},
		{"saved cursor", "\x1b[3;3H\x1b[1;35m\x1b(0\x1b7\x1b[H\x1b[m\x1b(B", "a\x1b8q"},
		{"saved cursor in origin mode", "\x1b[2;3r\x1b[?6h\x1b[2;2H\x1b7\x1b[?6l\x1b[H", "a\x1b8b"},
		{"main screen behind", "\x1b[31mmain\x1b[?1049h\x1b[32malt", "\x1b[?1049lx"},
		{"main screen behind, mode 47", "main\x1b[?47halt", "\x1b[?47lx"},
		{"margins", "a\r\nb\r\nc\x1b[2;3r\x1b[3;1H", "\n\nx"},
		{"origin", "\x1b[2;3r\x1b[?6h\x1b[2;4H", "x\x1b[9;1Hy"},
		{"tabs", "\x1b[3g\x1b[4G\x1bH\r", "\tx"},
		{"insert", "abc\r\x1b[4h", "xy"},
		{"no autowrap", "\x1b[?7labcdefghijklm", "xyz"},
		{"joiner", "👩\u200d", "🚀x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := feed(10, 4, c.before)
			replayed := feed(10, 4, string(s.Snapshot()))
			s.Write([]byte(c.after))
			replayed.Write([]byte(c.after))
			checkSame(t, c.name, s, replayed)
		})
	}
}

// TestSnapshotIsSilent checks that what a hostile guest wrote does not come back as something a terminal answers.
func TestSnapshotIsSilent(t *testing.T) {
	s := feed(80, 24, "\x1b[c\x1b[6n\x1b[>q\x1bP$qm\x1b\\\x1b]52;c;?\x07\x1b]10;?\x07\x05\x1b]2;title\x07\x1b[21t\x1b[?6nx")
	if wrong := checkSilent(s.Snapshot()); wrong != "" {
		t.Error(wrong)
	}
	if bytes.Contains(s.Snapshot(), []byte("title")) {
		t.Errorf("the title is in the snapshot %q", s.Snapshot())
	}
}

// checkSilent returns what in a snapshot is none of the functions that only set state.
func checkSilent(snapshot []byte) string {
	var p parser
	for i, b := range snapshot {
		if p.state == stateGround {
			switch {
			case b == esc:
				p.enterEscape()
			case b < 0x20 && b != so && b != si || b == 0x7f:
				return fmt.Sprintf("control %q at %d of %.500q", b, i, snapshot)
			}
			continue
		}
		silent := true
		switch p.step(b) {
		case signalCSI:
			function := strings.ReplaceAll(string([]byte{p.marker, p.inter, p.final}), "\x00", "")
			silent = strings.Contains(" H m r g h ?h ?l >m \x20q ", " "+function+" ")
		case signalEscape:
			silent = strings.IndexByte("78H=B0", p.final) >= 0
		case signalExecute, signalOSC:
			silent = false
		}
		if !silent || p.state >= stateOSC {
			return fmt.Sprintf("not a plain setting at %d of %.500q", i, snapshot)
		}
	}
	if p.state != stateGround {
		return fmt.Sprintf("unfinished: %q", snapshot)
	}
	return ""
}
