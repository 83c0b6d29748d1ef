package table

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/conbroker/conbroker/consoles/vt"
	"github.com/google/go-cmp/cmp"
)

func TestFit(t *testing.T) {
	for _, c := range []struct {
		name, value string
		width       int
		keep        Keep
		mark        bool
		want        []string
	}{
		{"short", "abc", 5, KeepLeft, true, []string{"abc"}},
		{"exact", "abcde", 5, KeepRight, true, []string{"abcde"}},
		{"left marked", "abcdef", 5, KeepLeft, true, []string{"abcd…"}},
		{"left bare", "abcdef", 5, KeepLeft, false, []string{"abcde"}},
		{"right marked", "/a/bcdef", 5, KeepRight, true, []string{"…cdef"}},
		{"right bare", "/a/bcdef", 5, KeepRight, false, []string{"bcdef"}},
		{"one cell", "abc", 1, KeepLeft, true, []string{"a"}},
		{"wide not split", "仮想仮", 5, KeepLeft, false, []string{"仮想"}},
		{"mark stays", "e\u0301e\u0301e\u0301", 2, KeepLeft, false, []string{"e\u0301e\u0301"}},
		{"mark stays right", "ae\u0301", 1, KeepRight, false, []string{"e\u0301"}},
		{"joined stays", "👩\u200d💻x", 2, KeepLeft, false, []string{"👩\u200d💻"}},
		{"wrap", "abcdefg", 3, Wrap, true, []string{"abc", "def", "g"}},
		{"wrap wide", "仮想仮", 3, Wrap, true, []string{"仮", "想", "仮"}},
	} {
		if diff := cmp.Diff(c.want, fit(c.value, c.width, c.keep, c.mark)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	if got := len(fit(strings.Repeat("x", 1000), 2, Wrap, false)); got != maxLines {
		t.Errorf("a long value wraps to %d lines, want %d", got, maxLines)
	}
}

func TestCompareNatural(t *testing.T) {
	order := []string{"", "192.168.1.9", "192.168.1.10", "192.168.1.100", "a", "tst9", "tst10", "tst010", "tst10a", "tst99999999999999999998", "tst99999999999999999999"}
	for i, a := range order {
		for j, b := range order {
			got, want := compareNatural(a, b), 0
			switch {
			case i < j:
				want = -1
			case i > j:
				want = 1
			}
			if a == "tst10" && b == "tst010" || a == "tst010" && b == "tst10" {
				want = -want // equal numbers: the text decides
			}
			if got != want {
				t.Errorf("compareNatural(%q, %q) = %d, want %d", a, b, got, want)
			}
		}
	}
}

func FuzzCell(f *testing.F) {
	for _, s := range []string{"tst100", "\x1b[31m", "仮想", "e\u0301", "\u0301", "👩\u200d💻", "\xff\u202e", "\u200d\u200d", "🇩🇪🇫🇷"} {
		f.Add(s, 5, 0)
	}
	f.Fuzz(func(t *testing.T, s string, width, keep int) {
		width, keep = 1+(width&0x3f), keep&3
		text := visible(s)
		if !utf8.ValidString(text) || strings.ContainsFunc(text, obeyed) || strings.ContainsAny(text, "\n\x1b") {
			t.Fatalf("visible(%q) = %q", s, text)
		}
		for _, mark := range []bool{false, true} {
			for _, line := range fit(text, width, Keep(keep), mark) {
				if got := vt.Width(line); got > width {
					t.Errorf("fit(%q, %d, %d, %v) has a line of %d cells: %q", text, width, keep, mark, got, line)
				}
				if got := vt.Width(pad(line, width)); got != width {
					t.Errorf("pad(%q, %d) has %d cells", line, width, got)
				}
			}
		}
	})
}

func FuzzCompareNatural(f *testing.F) {
	f.Add("tst9", "tst10", "tst010")
	f.Add("1.10", "1.9", "1.")
	f.Add("01x5", "1x", "1x3")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if compareNatural(a, b) != -compareNatural(b, a) {
			t.Errorf("%q and %q are compared differently in the two directions", a, b)
		}
		if (compareNatural(a, b) == 0) != (a == b) {
			t.Errorf("%q and %q: equal must mean the same text", a, b)
		}
		if compareNatural(a, b) <= 0 && compareNatural(b, c) <= 0 && compareNatural(a, c) > 0 {
			t.Errorf("%q <= %q <= %q, but not the first and the last", a, b, c)
		}
	})
}
