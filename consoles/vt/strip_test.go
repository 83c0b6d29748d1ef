package vt

import "testing"

func TestStripper(t *testing.T) {
	for _, c := range []struct{ name, stream, want string }{
		{"plain", "login: ", "login: "},
		{"CR LF", "a\r\nb\r\n", "a\nb\n"},
		{"CR CR LF", "a\r\r\nb", "a\nb"},
		{"LF CR", "a\n\rb", "a\nb"},
		{"progress", "10%\r20%\r100%\r\n", "10%\n20%\n100%\n"},
		{"CR before a prompt", "out\r\n\x1b[?2004l\r$ \r", "out\n$ "},
		{"CR within a line then erase", "abc\r\x1b[Kdef", "abc\ndef"},
		{"SGR", "\x1b[1;31mred\x1b[0m green", "red green"},
		{"movement leaves no mark", "a\x1b[2;1Hb", "ab"},
		{"title", "\x1b]0;user@host: ~\x07$ ", "$ "},
		{"title with ST", "\x1b]2;x\x1b\\$ ", "$ "},
		{"strings", "\x1bPq#0\x1b\\a\x1b_b\x1b\\c\x1b^d\x1b\\e\x1bXf\x1b\\g", "aceg"},
		{"charsets", "\x1b(0lqk\x1b(B\x0ex\x0f", "lqkx"},
		{"tabs, bells, backspace, DEL, NUL", "a\tb\x07c\bd\x7fe\x00", "a\tbcde"},
		{"form feed and vertical tab", "a\fb\vc", "a\nb\nc"},
		{"LF inside a sequence", "a\x1b[1\n;2mb", "a\nb"},
		{"UTF-8", "größer 漢字 e\u0301", "größer 漢字 e\u0301"},
		{"not UTF-8", "a\xffb\xe9c\xc2\x9bd\xe2\x82", "abcd"},
		{"cancelled", "a\x1b[3\x18b\x1b]0;t\x1ac", "abc"},
		{"sequence broken off by another", "a\x1b[3\x1b[1mb", "ab"},
	} {
		var s Stripper
		if got := string(s.Append(nil, []byte(c.stream))); got != c.want {
			t.Errorf("%s: %q becomes %q, want %q", c.name, c.stream, got, c.want)
		}
	}
}

func TestStripperAppends(t *testing.T) {
	var s Stripper
	dst := []byte("kept ")
	for _, part := range []string{"a\r", "\nb\r", "c\x1b[", "1md\xc3", "\xa9"} {
		dst = s.Append(dst, []byte(part))
	}
	if want := "kept a\nb\ncdé"; string(dst) != want {
		t.Errorf("%q, want %q", dst, want)
	}
}
