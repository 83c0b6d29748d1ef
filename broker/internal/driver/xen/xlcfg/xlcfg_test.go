package xlcfg

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAnnotations(t *testing.T) {
	text := "#@#MAGICID-XEN\n  #@#label = \"tst 100\" # remark\n#@#IP0='10.0.0.1'\n#@#SERNO=20080427\n#@#\n# @#NO=1\n#@#OPEN=\"x\n" +
		"name = \"a\" #@#NOT=\"on a line of its own\"\n#@#CR = \"y\"\r\n"
	want := []Annotation{
		{"MAGICID-XEN", "", 1}, {"LABEL", "tst 100", 2}, {"IP0", "10.0.0.1", 3}, {"SERNO", "20080427", 4}, {"OPEN", "x", 7},
		{"CR", "y", 9},
	}
	if diff := cmp.Diff(want, Annotations([]byte(text))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	f, err := Parse([]byte("#@#LABEL = \"\"\n#@#LABEL = \"b\"\n#@#LABEL = \"c\"\n"), "f")
	if err != nil || f.Annotation("LABEL") != "b" || f.Annotation("UUID") != "" {
		t.Errorf("%q, %q, %v", f.Annotation("LABEL"), f.Annotation("UUID"), err)
	}
}

func TestMistakesSayLineAndReason(t *testing.T) {
	tests := []struct{ text, want string }{
		{"name = \"a\"\nmemory = lots\n", `f:2: found "lots", want a value: a string in quotes, a number or a list in brackets`},
		{"memory = int(64)\n", `f:1: found "int", want a value: a string in quotes, a number or a list in brackets; it looks like Python`},
		{"import os\n", `f:1: found "os", want "=" or "+=" behind import; it looks like Python code as xm ran it`},
		{"x = 1\n# end", `f:2: the comment at the end of the file has no newline behind it`},
		{"x = 1\r\n", `f:1: a carriage return`},
		{"x = [ 1,\n 2\n y", `f:3: found "y", want "," or "]" in the list that begins in line 1`},
		{"x = \"a\nb = 1\n", `f:1: a string that does not end on its line`},
		{"x = \"a\"\nx += [ 1 ]\n", `f:2: += cannot add a list to a string`},
		{"x = \"\\x41\"\n", `f:1: \x in a string: xl refuses it`},
		{"x = \"\\", `f:1: a string that does not end on its line`},
		{"x = 1 y = 2", `f:1: found "y", want the end of the line or ";"`},
		{"x = " + strings.Repeat("[", 40) + strings.Repeat("]", 40), `f:1: lists nested deeper than 32`},
		{"x = [\n", `f:2: found the end of the file`},
		{"Name = 1", `f:1: "N" may stand only in a string`},
	}
	for _, tt := range tests {
		_, err := Parse([]byte(tt.text), "f")
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %s", tt.text, err, tt.want)
		}
	}
}

// TestMistakeKeepsTheRest shows that the owner of a broken configuration is still known.
func TestMistakeKeepsTheRest(t *testing.T) {
	f, err := Parse([]byte("x = [\n1 2\nname = \"a\"\nmemory = (\nuuid = \"u\"\n"), "f")
	name, _ := f.String("name")
	uuid, _ := f.String("uuid")
	if err == nil || name != "a" || uuid != "u" {
		t.Errorf("name %q, uuid %q, error %v", name, uuid, err)
	}
	if line, ok := f.Has("uuid"); line != 5 || !ok {
		t.Errorf("uuid in line %d, %v", line, ok)
	}
}

// FuzzParse looks for texts that break the parser, and checks what must hold for every text.
func FuzzParse(f *testing.F) {
	for _, text := range corpus() {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse(data, "f")
		if file == nil {
			t.Fatal("no file")
		}
		lines := strings.Count(string(data), "\n") + 1
		for name, s := range file.settings {
			if !isLower(name[0]) || s.line < 1 || s.line > lines {
				t.Errorf("setting %q in line %d of %d", name, s.line, lines)
			}
		}
		for _, a := range file.Annotations {
			if a.Key == "" || a.Line < 1 || a.Line > lines {
				t.Errorf("annotation %+v of %d lines", a, lines)
			}
		}
		if err != nil {
			return
		}
		// What is good stays good with a newline behind it, and says the same twice.
		if _, err := Parse(append(data[:len(data):len(data)], '\n'), "f"); err != nil {
			t.Errorf("refused with a newline at its end: %v", err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	text := []byte(corpus()["vnuma"] + "#@#LABEL = \"g\"\nvif = [ 'mac=00:16:3e:00:00:01,bridge=br0' ]\n")
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Parse(text, "f"); err != nil {
			b.Fatal(err)
		}
	}
}
