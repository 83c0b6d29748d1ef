package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shape is a struct with each kind of key that Decode must follow.
type shape struct {
	Name  string           `toml:"name"`
	Count int              `toml:"count"`
	On    bool             `toml:"on"`
	Words []string         `toml:"words"`
	Sub   inner            `toml:"sub"`
	NICs  []inner          `toml:"nics"`
	Map   map[string]inner `toml:"map"`
}

type inner struct {
	MAC  string   `toml:"mac"`
	Deep []inner  `toml:"deep"`
	Args []string `toml:"args"`
}

func TestDecodeNamesTheLineOfAMistake(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		line int
		says string
	}{
		"top level":        {"name = 'x'\nbogus = 1\n", 2, `"bogus"`},
		"same name before": {"[sub]\nmac = 'x'\n[map.a]\nmac = 'x'\nname = 'y'\n", 5, `"map.a.name"`},
		"table":            {"name = 'x'\n\n[bogus]\n", 3, `"bogus"`},
		"below a table":    {"[sub]\nmac = 'x'\nbogus = 2\n", 3, `"sub.bogus"`},
		"dotted":           {"name = 'x'\nsub.bogus = 2\n", 2, `"sub.bogus"`},
		"dotted blanks":    {"name = 'x'\nsub . \"bogus\" = 2\n", 2, `"sub.bogus"`},
		"inline":           {"sub = { mac = 'a', bogus = 'b' }\n", 1, `"sub.bogus"`},
		"inline in array":  {"nics = [\n  { mac = 'a' },\n  # bogus = 1\n  { mac = 'b',\tbogus = 1 },\n]\n", 4, `"nics.bogus"`},
		"array of tables":  {"[[nics]]\nmac = 'a'\n[[nics]]\nmac = 'b'\nbogus = 1\n", 5, `"nics.bogus"`},
		"nested arrays":    {"[[nics]]\n[[nics.deep]]\nmac = 'a'\n[[nics.deep]]\nbogus = 1\n", 5, `"nics.deep.bogus"`},
		"quoted":           {"[map.\"a.b\"]\nmac = 'x'\n\"bo gus\" = 1\n", 3, `bo gus`},
		"quoted escape":    {"name = 'x'\n\"b\\u006fgus\" = 1\n", 2, `"bogus"`},
		"literal quotes":   {"name = 'x'\n'bo\\gus' = 1\n", 2, `bo\\gus`},
		"after multi-line": {"name = \"\"\"\nbogus = 1\n[bogus]\n\\\"\"\"\"\"\"\nbogus = 2\n", 5, `"bogus"`},
		"after literal":    {"name = '''\nbogus = 1\n'''\nbogus = 2\n", 4, `"bogus"`},
		"in a string":      {"name = 'bogus = 1 # [bogus]'\nbogus = 2\n", 2, `"bogus"`},
		"in a comment":     {"# bogus = 1\nbogus = 2 # x\n", 2, `"bogus"`},
		"line continued":   {"name = \"\"\"a \\\n  b\"\"\"\nbogus = 2\n", 3, `"bogus"`},
		"crlf":             {"name = 'x'\r\nbogus = 1\r\n", 2, `"bogus"`},
		"wrong type":       {"name = 'x'\ncount = 'many'\n", 2, "expected a whole number, found a text in quotes"},
		"text wanted":      {"\nname = 5\n", 2, `key "name": expected a text in quotes, found a whole number`},
		"table wanted":     {"on = true\nsub = 5\n", 2, "expected a table, found a whole number"},
		"syntax":           {"name = 'x'\ncount = \n", 2, "expected value"},
		"unended string":   {"name = \"x\n", 1, "string"},
		"given twice":      {"name = 'x'\n\nname = 'y'\n", 3, "already been defined"},
		"not utf-8":        {"name = 'x'\n# \xff\n", 2, "UTF-8"},
	} {
		var into shape
		err := Decode([]byte(c.text), "m.toml", &into)
		var mistake *Error
		if !errors.As(err, &mistake) {
			t.Errorf("%s: got %v, want an *Error", name, err)
			continue
		}
		if mistake.File != "m.toml" || mistake.Line != c.line || !strings.Contains(mistake.Text, c.says) {
			t.Errorf("%s: got %q, want line %d and %q", name, err, c.line, c.says)
		}
	}
}

func TestDecodeReadsAllKindsOfKeys(t *testing.T) {
	text := "\ufeffname = 'x'\nsub.mac = \"a\"\nnics = [{mac = 'b', deep = [{args = ['[', '{']}]}] # ]\n[map.'a.b']\nmac = '''\nc'''\n"
	want := shape{Name: "x", Sub: inner{MAC: "a"}, NICs: []inner{{MAC: "b", Deep: []inner{{Args: []string{"[", "{"}}}}}, Map: map[string]inner{"a.b": {MAC: "c"}}}
	var got shape
	if err := Decode([]byte(text), "m.toml", &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDecodeRefusesShapesThatCostTooMuch(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"arrays":        {"name = 'x'\nwords = " + strings.Repeat("[", 1<<18), "nested"},
		"inline tables": {"name = 'x'\nsub = " + strings.Repeat("{sub=", 1<<16), "nested"},
		"dotted key":    {"name = 'x'\n" + strings.Repeat("a.", 1<<16) + "a = 1", "parts"},
		"header":        {"name = 'x'\n[" + strings.Repeat("a.", 1<<16) + "a]", "parts"},
	} {
		var into shape
		var mistake *Error
		if err := Decode([]byte(c.text), "m.toml", &into); !errors.As(err, &mistake) || mistake.Line != 2 || !strings.Contains(mistake.Text, c.says) {
			t.Errorf("%s: got %v, want line 2 and %q", name, err, c.says)
		}
	}
}

func TestDecodeDoesNotCountBracketsInStringsAndComments(t *testing.T) {
	many := strings.Repeat("[{ a.b ", 100)
	text := "# " + many + "\nname = '" + many + "'\nwords = [\"" + many + "\", '''" + many + "''', \"\"\"" + many + "\"\"\"]\n"
	var into shape
	if err := Decode([]byte(text), "m.toml", &into); err != nil {
		t.Error(err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"name = 'x'", "[[nics]]\nmac = 'b'", "sub = {mac = 'a'}", "a.b.'c' = \"\"\"\n\\\"\"\"\"\n", "[map.\"a.b\"]\nbogus = [1, {x=2}]",
		"\ufeff# x\r\n", "\"\\u00e9\" = 1979-05-27T07:32:00Z", "count = 1_000\non = true\nwords = ['a',\n'b',\n]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var into shape
		err := Decode(data, "m.toml", &into)
		if err == nil {
			return
		}
		var mistake *Error
		if !errors.As(err, &mistake) {
			t.Fatalf("got %T: %v", err, err)
		}
		if lines := 1 + strings.Count(string(data), "\n"); mistake.Line < 0 || mistake.Line > lines {
			t.Errorf("line %d of %d: %v", mistake.Line, lines, err)
		}
		if strings.HasPrefix(mistake.Text, "unknown key") && mistake.Line == 0 {
			t.Errorf("%q: an unknown key without a line: %v", data, err)
		}
	})
}
