package terminal

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// through returns what a new filter makes of in.
func through(d Dialect, in string) string {
	return string(NewFilter(d).Append(nil, []byte(in)))
}

func TestXtermFilter(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"text":                {"grün 漢字 e\u0301 😀\r\n\t\b\a", "grün 漢字 e\u0301 😀\r\n\t\b\a"},
		"latin-1 text":        {"gr\xfcn", "gr\xfcn"},
		"colours":             {"\x1b[1;38;5;7mX\x1b[38:2:1:2:3mY\x1b[m", "\x1b[1;38;5;7mX\x1b[38:2:1:2:3mY\x1b[m"},
		"full-screen program": {"\x1b[?1049h\x1b[22;0;0t\x1b[1;24r\x1b[?25l\x1b[H\x1b[2J", "\x1b[?1049h\x1b[1;24r\x1b[?25l\x1b[H\x1b[2J"},
		"line drawing":        {"\x1b(0lqk\x1b(B", "\x1b(0lqk\x1b(B"},
		"title":               {"\x1b]0;root@tst100\a", pushTitle + "\x1b]0;root@tst100\a"},
		"title, UTF-8, ST":    {"\x1b]2;ü✜\x1b\\", pushTitle + "\x1b]2;ü✜\x1b\\"},
		"title with controls": {"\x1b]0;a\u009bb\a", ""},
		"colour query":        {"\x1b]11;?\x1b\\", "\x1b]11;?\x1b\\"},
		"clipboard":           {"a\x1b]52;c;ZXZpbA==\ab", "ab"},
		"clipboard, C1":       {"a\u009d52;c;eA==\u009cb", "a52;c;eA==b"},
		"clipboard, 8 bit":    {"a\x9d52;c;eA==\x9cb", "a52;c;eA==b"},
		"directory":           {"\x1b]7;file://evil/tmp\a", ""},
		"link":                {"\x1b]8;;file:///x\atext\x1b]8;;\a", "text"},
		"iTerm file":          {"\x1b]1337;File=inline=1:AAAA\a", ""},
		"title report":        {"\x1b[21t\x1b[11t\x1b[8;1;1t", ""},
		"print":               {"\x1b[5i\x1b[?4i", ""},
		"answerback":          {"a\x05b", "ab"},
		"string with bell":    {"\x1bP$q\ax\x1b\\y", "y"},
		"tmux passthrough":    {"\x1bPtmux;\x1b\x1b]52;c;x\a\x1b\\y", "y"},
		"APC, PM, SOS, k":     {"\x1b_a\x1b\\\x1b^b\x1b\\\x1bXc\x1b\\\x1bkd\x1b\\e", "e"},
		"string, cancelled":   {"\x1bPabc\x18x", "x"},
		"string, broken off":  {"\x1bPabc\x1b[1mx", "\x1b[1mx"},
		"OSC broken off":      {"\x1b]52;c;\x1b[1mx", "\x1b[1mx"},
		"keyboard lock":       {"\x1b[2h\x1b[12l\x1b[4h", "\x1b[4h"},
		"mixed modes":         {"\x1b[?1;9001;2004h", "\x1b[?1;2004h"},
		"keyboard protocol":   {"\x1b[>4;2m\x1b[>1u\x1b[=1u", ""},
		"saved modes":         {"\x1b[?1000s\x1b[?1000r", ""},
		"checksum":            {"\x1b[1;1;1;1;1;1*y\x1b[1$w", ""},
		"leave UTF-8":         {"\x1b%@x", "x"},
		"highlight tracking":  {"\x1b[1;1;1;1;1T\x1b[3T", "\x1b[3T"},
		"huge number":         {"\x1b[1000000000b", "\x1b[9999b"},
		"place of the cursor": {"\x1b[6n\x1b[5n\x1b[c", "\x1b[6n\x1b[5n\x1b[c"},
		"control inside":      {"\x1b[1\r\n0m", "\r\n\x1b[10m"},
		"text breaks it off":  {"\x1b[1ü", "ü"},
		"endless sequence":    {"\x1b[" + strings.Repeat("1", 1000) + "mx", "x"},
		"malformed":           {"\x1b[1?2hx\x1b[1 2mx", "xx"},
		"broken character":    {"\xc2\x1b[m\xe2\x9c\n", "\xc2\x1b[m\xe2\x9c\n"},
		"overlong ESC":        {"\xc0\x9b5i\xe0\x82\x9b5i", "\xc0" + "5i\xe0" + "5i"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, through(DialectXterm, tc.in)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestEtermFilter(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"text":           {"höhe über 漢\r\n", "höhe über 漢\r\n"},
		"colours":        {"\x1b[1;31mx\x1b[m", "\x1b[1;31mx\x1b[m"},
		"with parts":     {"\x1b[1;38:2:1:2:3;4m\x1b[38:5:1m", "\x1b[1;4m"},
		"title":          {"\x1b]0;root@tst100\a$ ", "$ "},
		"directory":      {"\x1bAnSiTh evil.example\n\x1bAnSiTc /tmp\r\nx", "x"},
		"not AnSiT":      {"\x1bAnSx", "nSx"},
		"not AnSiT, ESC": {"\x1bAn\x1b[mx", "n\x1b[mx"},
		"^Z line":        {"\x1a/dir\nx", "/dir\nx"},
		"keypad":         {"\x1b=\x1b>x", "x"},
		"private modes":  {"\x1b[?1049h\x1b[?25l\x1b[?1hx", "x"},
		"insert mode":    {"\x1b[4h\x1b[4l", "\x1b[4h\x1b[4l"},
		"other keys":     {"\x1b[>4;2mx", "x"},
		"line drawing":   {"\x1b(0lqk\x1b(Bq", "┌─┐q"},
		"shifted":        {"\x1b)0\x0eqx\x0fq", "─│q"},
		"HVP, SCP, NEL":  {"\x1b[2;3f\x1b[s\x1b[u\x1bE", "\x1b[2;3H\x1b7\x1b8\r\n"},
		"reports":        {"\x1b[6n\x1b[5n\x1b[?6n\x1b[n", "\x1b[6n"},
		"huge number":    {"\x1b[1000000000@", "\x1b[9999@"},
		"DCS":            {"\x1bP1$r\x1b\\x", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, through(DialectEterm, tc.in)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestLongAnsitLineDoesNotHideWhatFollows(t *testing.T) {
	got := through(DialectEterm, "\x1bAnSiT"+strings.Repeat("x", 3*maxAnsit)+"$ ")
	if !strings.HasSuffix(got, "x$ ") || len(got) > 2*maxAnsit+2 {
		t.Errorf("%d bytes are shown", len(got))
	}
}

func TestNoneChangesNothing(t *testing.T) {
	in := "\x1b]52;c;eA==\a\x05\x00\xff"
	if got := through(DialectNone, in); got != in {
		t.Errorf("got %q", got)
	}
}

func TestLeave(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"nothing":      {"plain \x1b[1mbold\x1b[m\r\n", ""},
		"undone":       {"\x1b[?1049h\x1b[?25l\x1b[?25h\x1b[?1049l", ""},
		"vi":           {"\x1b[?1049h\x1b[?1h\x1b=\x1b[?2004h\x1b[1m", "\x1b[?1049l\x1b[?1l\x1b[?2004l\x1b>\x1b[m"},
		"mouse":        {"\x1b[?1000;1006h", "\x1b[?1000l\x1b[?1006l"},
		"hidden":       {"\x1b[?25l\x1b[?7l", "\x1b[?7h\x1b[?25h"},
		"region":       {"\x1b[2;5r", "\x1b7\x1b[r\x1b8"},
		"black":        {"\x1b[38;5;0m", "\x1b[m"},
		"black, parts": {"\x1b[38:5:0m", "\x1b[m"},
		"charset":      {"\x1b(0", "\x0f\x1b(B"},
		"shifted":      {"\x1b)0\x0e", "\x0f\x1b(B"},
		"ASCII again":  {"\x1b(0\x0e\x1b(B\x0f\x1b)0", ""},
		"cursor":       {"\x1b[4 q", "\x1b[0 q"},
		"title":        {"\x1b]0;a\a\x1b]0;b\a", popTitle},
		"colour":       {"\x1b]11;#fff\a\x1b]10;#fff\a\x1b]110\a", "\x1b]111\a"},
		"reset":        {"\x1b[?1049h\x1b[1m\x1bc", ""},
		"cursor saved": {"\x1b[?1048h", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := NewFilter(DialectXterm)
			f.Append(nil, []byte(tc.in))
			if diff := cmp.Diff(tc.want, string(f.Leave())); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if again := f.Leave(); len(again) != 0 {
				t.Errorf("a second time: %q", again)
			}
		})
	}
}

func TestParseDialect(t *testing.T) {
	for _, tc := range []struct {
		word, emacs string
		tty         bool
		want        Dialect
	}{
		{"auto", "", true, DialectXterm},
		{"", "28.2,term:0.96", true, DialectEterm},
		{"auto", "vterm", true, DialectXterm},
		{"auto", "30.1,eat", true, DialectXterm},
		{"auto", "28.2,term:0.96", false, DialectNone},
		{"eterm", "", false, DialectEterm},
		{"none", "28.2,term:0.96", true, DialectNone},
	} {
		got, err := ParseDialect(tc.word, tc.emacs, tc.tty)
		if err != nil || got != tc.want {
			t.Errorf("%+v: %q, %v", tc, got, err)
		}
	}
	if _, err := ParseDialect("vt52", "", true); err == nil {
		t.Error("vt52 was taken")
	}
}

// forbidden matches, in an independent way, what must never reach a terminal.
var forbidden = map[Dialect]*regexp.Regexp{
	DialectXterm: regexp.MustCompile(`\x05` + // answerback
		`|\x1b[PX^_k%]` + // strings, character sets
		`|\x1b\](?:[^01247]|[0-9]{3,}|1[3-689]|[27][0-9]|4[0-9])[;\x07]` + // other commands
		`|\x1b\[[0-9;:?>=<]*[ -/]*[iy]` + // print, checksum
		`|\x1b\[[>=<][0-9;:]*[muhl]` + // keyboard protocols
		`|\x1b\[(?:2[0-14-9]|[013-9][0-9]*)[0-9;]*t`), // window operations but for the title stack
	DialectEterm: regexp.MustCompile(`\x05|\x1a|\x0e|\x0f|\x1b[^78DMc\[]|\x1b$|\x1b\[[0-9;]*[^0-9;@ABCDGHJKLMPhlmnr]`),
}

func FuzzFilter(f *testing.F) {
	for _, seed := range []string{
		"text\x1b[1m", "\x1b]52;c;x\a", "\x1bP\x1b\\", "\x1b\x1b]0;t\x1b\\", "\xc2\x9b5i", "\x1bAnSiTc /\n", "\x1a/x\n",
		"\x1b(0q\x0e", "\x1b[?1049;9001h", "\x1b[21t", "\xe2\x9c\x93", "\x1b]\x1b[5i", "\x1b[\x1b]7;x\a", "\x1b A\x1b#8",
	} {
		f.Add([]byte(seed), uint(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, cut uint) {
		for _, d := range []Dialect{DialectXterm, DialectEterm} {
			whole := NewFilter(d)
			out := whole.Append(nil, in)
			if m := forbidden[d].Find(out); m != nil {
				t.Errorf("%s: %q comes out of %q", d, m, in)
			}
			if bytes.Contains(out, []byte("AnSiT")) && d == DialectEterm && bytes.Contains(out, []byte("\x1bA")) {
				t.Errorf("%s: %q comes out of %q", d, out, in)
			}
			split := NewFilter(d)
			at := int(cut % uint(len(in)+1))
			got := split.Append(split.Append(nil, in[:at]), in[at:])
			if !bytes.Equal(out, got) {
				t.Errorf("%s: cut at %d of %q: %q instead of %q", d, at, in, got, out)
			}
			// A last 0xc2 is held back, as it may be half of a control.
			if again := through(d, string(out)); d == DialectEterm && again != string(out) && again+"\xc2" != string(out) {
				t.Errorf("%s: filtered twice %q becomes %q", d, out, again)
			}
			if m := forbidden[d].Find(whole.Leave()); m != nil && !bytes.HasPrefix(m, []byte("\x1b>")) {
				t.Errorf("%s: leaving after %q sends %q", d, in, m)
			}
		}
	})
}

func BenchmarkFilter(b *testing.B) {
	for name, text := range map[string]string{
		"log":    strings.Repeat(strings.Repeat("x", 78)+"\r\n", 800),
		"colour": strings.Repeat("\x1b[1;32mgrün\x1b[0m text ", 2000),
	} {
		b.Run(name, func(b *testing.B) {
			f, in := NewFilter(DialectXterm), []byte(text)
			out := make([]byte, 0, 2*len(in))
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				out = f.Append(out[:0], in)
			}
		})
	}
}
