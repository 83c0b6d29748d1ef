package vt

import (
	"bytes"
	"testing"
)

// logLines returns n lines of 80 bytes with CR LF.
func logLines(n int) []byte {
	line := bytes.Repeat([]byte("0123456789 abcdef"), 5)[:78]
	return bytes.Repeat(append(line, cr, lf), n)
}

func benchmarkWrite(b *testing.B, text []byte, chunk int) {
	s := New(80, 24)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		for rest := text; len(rest) > 0; {
			n := min(chunk, len(rest))
			s.Write(rest[:n])
			rest = rest[n:]
		}
	}
}

// BenchmarkPlainLog writes a log in the chunks that a console reads.
func BenchmarkPlainLog(b *testing.B) { benchmarkWrite(b, logLines(1000), 32<<10) }

// BenchmarkPlainLogSmall writes it in chunks too small for lines to be skipped.
func BenchmarkPlainLogSmall(b *testing.B) { benchmarkWrite(b, logLines(1000), 1000) }

// BenchmarkColourLog has an escape sequence in every line, so that no line is skipped.
func BenchmarkColourLog(b *testing.B) {
	line := append([]byte("\x1b[32m[    1.234567]\x1b[m "), logLines(1)[22:]...)
	benchmarkWrite(b, bytes.Repeat(line, 1000), 32<<10)
}

// BenchmarkUTF8Log has text beyond ASCII in every line.
func BenchmarkUTF8Log(b *testing.B) {
	benchmarkWrite(b, bytes.Repeat([]byte("größer als 漢字 und weiter im Text, bis die Zeile voll ist\x1b[m\r\n"), 1000), 32<<10)
}

func benchmarkCapture(b *testing.B, name string) {
	for _, c := range readCaptures(b) {
		if c.name == name {
			benchmarkWrite(b, c.stream, 4<<10)
		}
	}
}

// BenchmarkVim and BenchmarkHtop write recorded sessions.
func BenchmarkVim(b *testing.B)  { benchmarkCapture(b, "vim") }
func BenchmarkHtop(b *testing.B) { benchmarkCapture(b, "htop") }

func BenchmarkStripper(b *testing.B) {
	text := logLines(1000)
	var s Stripper
	var dst []byte
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		dst = s.Append(dst[:0], text)
	}
}

func BenchmarkSnapshot(b *testing.B) {
	s := New(80, 24)
	s.Write(logLines(30))
	b.ReportAllocs()
	for b.Loop() {
		s.Snapshot()
	}
}
