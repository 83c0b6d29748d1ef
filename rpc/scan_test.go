package rpc

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

var scanSeeds = []string{
	``, ` `, `0`, `-0`, `01`, `-`, `1.`, `.5`, `1.5e+10`, `1e`, `1E-`, `-1.0E5`, `+1`, `1 2`,
	`true`, `tru`, `nulll`, `null`, `False`, `"`, `""`, `"a\n"`, `"\u00e9"`, `"\u00g9"`, `"\u12"`, `"\x"`, "\"\n\"", "\"\x7f\"", `"\"`, `"\\"`,
	`[]`, `[ ]`, `[1,]`, `[,1]`, `[1 2]`, `[[],{}]`, `[}`, `{]`, `{}`, `{ }`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{"a":1 "b":2}`,
	`{"a":[{"b":null}, -2 ]}`, `{a:1}`, `{"a" : 1 , "b" : 2}`, "{\"a\":1}\t\r\n", "\v1", `{"a":1}}`, `[[[`, `{"a":{"a":`,
	`{"jsonrpc":"2.0","id":1,"method":"ping","params":{"z":[1,2,{"y":"\\"}]}}`,
}

// scanWhole scans data as one value: an object member by member, as messages are.
func scanWhole(data []byte) (s scanner, err error) {
	s = scanner{data: data}
	if err := s.validUTF8(); err != nil {
		return s, err
	}
	first := s.space(0)
	var end int
	if first < len(data) && data[first] == '{' {
		end, err = s.object(first, func(name, value []byte) {
			if !json.Valid(name) || !json.Valid(value) {
				panic("member handed out that is not valid")
			}
		})
	} else {
		end, err = s.value(first)
	}
	if err == nil && s.space(end) != len(data) {
		err = syntaxError(end, "the end")
	}
	return s, err
}

func checkScan(t *testing.T, data []byte) {
	t.Helper()
	want := json.Valid(data) && utf8.Valid(data)
	s, err := scanWhole(data)
	if (err == nil) != want && s.deepest < 9000 { // encoding/json gives up at 10000
		t.Errorf("%q: valid is %v, the scanner says %v", data, want, err)
	}
}

func TestScan(t *testing.T) {
	for _, text := range scanSeeds {
		checkScan(t, []byte(text))
		checkScan(t, []byte("  "+text+" "))
		checkScan(t, []byte(`{"m":`+text+`}`))
		checkScan(t, []byte(`[`+text+`,`+text+`]`))
		for i := range len(text) {
			checkScan(t, []byte(text[:i]))
		}
	}
	for _, text := range []string{"\"\xff\"", "\"\xc3\"", "\"\xed\xa0\x80\"", "\xff"} {
		checkScan(t, []byte(text))
	}
}

func TestScanDepth(t *testing.T) {
	for depth, text := range map[int]string{
		0: `1`, 1: `[]`, 2: `[1,[2],3]`, 3: `[[],[[]],1]`, 4: `[{"a":[[]]}]`,
	} {
		s := scanner{data: []byte(text)}
		if _, err := s.value(0); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if s.deepest != depth {
			t.Errorf("%s: depth %d, want %d", text, s.deepest, depth)
		}
	}
	deep := scanner{data: []byte(strings.Repeat("[", 1<<20) + strings.Repeat("]", 1<<20))}
	if end, err := deep.value(0); err != nil || end != 1<<21 || deep.deepest != 1<<20 {
		t.Errorf("a million levels: %d, %v, %d", end, err, deep.deepest)
	}
}

// FuzzScan compares the scanner with encoding/json.
func FuzzScan(f *testing.F) {
	for _, text := range scanSeeds {
		f.Add([]byte(text))
	}
	f.Fuzz(checkScan)
}

func BenchmarkParseMessage(b *testing.B) {
	body := []byte(`{"jsonrpc":"2.0","method":"console/output","params":{"attachment":1,"offset":123456,"data":"` +
		strings.Repeat("QUJD", 2731) + `"}}`)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, refused := parseMessage(body); refused != nil {
			b.Fatal(refused.error)
		}
	}
}
