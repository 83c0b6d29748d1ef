package vt

import (
	"bytes"
	"testing"
	"unicode/utf8"
)

// seeds are streams that touch every function, for the fuzzer to vary. The captures of real programs are added.
func seeds(f *testing.F) {
	for _, c := range streams {
		f.Add([]byte(c.stream), uint8(c.cols), uint8(c.rows), uint16(len(c.stream)/2))
	}
	for _, capture := range readCaptures(f) {
		f.Add(capture.stream[:min(len(capture.stream), 2000)], uint8(80), uint8(24), uint16(500))
	}
	f.Add(bytes.Repeat([]byte("a line\r\n"), 200), uint8(20), uint8(5), uint16(700))
	f.Add([]byte("e\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309x\u200dy\u200d\u4f60\u200d\u597d"), uint8(9), uint8(2), uint16(3))
	f.Add([]byte("\x1b[99999999b\x1b[9999L\x1b[9999S\x1b[1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18;19;20;21;22;23;24;25;26;27;28;29;30;31;32;33;34m"), uint8(80), uint8(24), uint16(9))
	f.Add([]byte("\x1b]2;title\x07\x1bPq#0\x1b\\\x1b_x\x18y\x1b]52;c;aGk=\x07\x1b[c\x1b[6n"), uint8(80), uint8(24), uint16(7))
	f.Add([]byte("\xc3\xa9\xe4\xbd\xf0\x9f\x98\x80\xed\xa0\x80\xff\xc2\x9b31m"), uint8(80), uint8(24), uint16(4))
}

// fuzzSize makes a screen size from two bytes: mostly small ones, where the edges are.
func fuzzSize(cols, rows uint8) (int, int) { return int(cols%90) + 1, int(rows%30) + 1 }

// FuzzScreen checks that no stream breaks the invariants, that a split changes nothing, and that the snapshot rebuilds
// the screen.
func FuzzScreen(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, stream []byte, c, r uint8, at uint16) {
		cols, rows := fuzzSize(c, r)
		whole, split := New(cols, rows), New(cols, rows)
		whole.Write(stream)
		if wrong := checkInvariants(whole); wrong != "" {
			t.Fatal(wrong)
		}
		cut := int(at) % (len(stream) + 1)
		split.Write(stream[:cut])
		checkReplay(t, split)
		split.Write(stream[cut:])
		checkSame(t, "split", whole, split)
		if whole.Title() != split.Title() || !utf8.ValidString(whole.Title()) {
			t.Fatalf("title %q, after a split %q", whole.Title(), split.Title())
		}
		checkReplay(t, whole)
		checkBytewise(t, whole, stream)
	})
}

// checkBytewise feeds the stream byte by byte, which no fast path sees.
func checkBytewise(t *testing.T, whole *Screen, stream []byte) {
	t.Helper()
	slow := New(whole.Size())
	for i := range stream {
		slow.Write(stream[i : i+1])
	}
	checkSame(t, "byte by byte", whole, slow)
}

func checkSame(t *testing.T, how string, want, got *Screen) {
	t.Helper()
	if a, b := dump(want), dump(got); a != b {
		t.Fatalf("%s:\n%s\nwant:\n%s", how, b, a)
	}
}

// checkReplay feeds the snapshot to a fresh screen.
func checkReplay(t *testing.T, s *Screen) {
	t.Helper()
	replayed := New(s.Size())
	snapshot := s.Snapshot()
	if wrong := checkSilent(snapshot); wrong != "" {
		t.Fatal(wrong)
	}
	replayed.Write(snapshot)
	if a, b := dump(s), dump(replayed); a != b {
		t.Fatalf("snapshot %.3000q gives\n%s\nwant:\n%s", snapshot, b, a)
	}
}

// FuzzResize checks the invariants, the snapshot and the line of the cursor over a change of size in mid-stream.
func FuzzResize(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, stream []byte, c, r uint8, at uint16) {
		s := New(fuzzSize(c, r))
		cut := int(at) % (len(stream) + 1)
		s.Write(stream[:cut])
		for _, size := range [][2]uint8{{r, c}, {c / 2, r / 2}, {c + 7, r + 7}} {
			_, row, _ := s.Cursor()
			before := s.Lines()[row]
			cols, rows := fuzzSize(size[0], size[1])
			s.Resize(cols, rows)
			if wrong := checkInvariants(s); wrong != "" {
				t.Fatal(wrong)
			}
			checkReplay(t, s)
			_, row, _ = s.Cursor()
			if after := s.Lines()[row]; cols >= Width(before) && after != before {
				t.Fatalf("the line of the cursor was %q, is %q", before, after)
			}
		}
		s.Write(stream[cut:])
		if wrong := checkInvariants(s); wrong != "" {
			t.Fatal(wrong)
		}
	})
}

// FuzzStripper checks that a split changes nothing and that only text comes out.
func FuzzStripper(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, stream []byte, _, _ uint8, at uint16) {
		var whole, split, bytewise Stripper
		want := whole.Append(nil, stream)
		cut := int(at) % (len(stream) + 1)
		if got := split.Append(split.Append(nil, stream[:cut]), stream[cut:]); !bytes.Equal(got, want) {
			t.Fatalf("split at %d: %q, want %q", cut, got, want)
		}
		var got []byte
		for i := range stream {
			got = bytewise.Append(got, stream[i:i+1])
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("byte by byte: %q, want %q", got, want)
		}
		if !utf8.Valid(want) || bytes.ContainsFunc(want, func(r rune) bool { return RuneWidth(r) == 0 && r < 0xa0 && r != '\n' && r != '\t' }) {
			t.Fatalf("not text: %q", want)
		}
	})
}
