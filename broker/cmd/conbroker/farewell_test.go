package main

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// frames joins messages as a client sends them.
func frames(bodies ...string) string {
	var b strings.Builder
	for _, body := range bodies {
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	}
	return b.String()
}

func TestFarewell(t *testing.T) {
	const request, shutdown, exit = `{"jsonrpc":"2.0","id":1,"method":"session/list"}`, `{"jsonrpc":"2.0","id":2,"method":"shutdown"}`, `{"jsonrpc":"2.0","method":"exit"}`
	large := `{"jsonrpc":"2.0","id":1,"method":"console/input","params":{"data":"` + strings.Repeat("exit ", 100_000) + `"}}`
	for name, c := range map[string]struct {
		sent    string
		unclean bool
	}{
		"nothing":               {"", false},
		"shutdown and exit":     {frames(request, shutdown, exit), false},
		"exit alone":            {frames(exit), true},
		"exit behind the rest":  {frames(request, large, exit), true},
		"gone without a word":   {frames(request, large), false},
		"cut in the middle":     {frames(request, exit)[:60], false},
		"something else":        {"hello\n\n" + frames(exit), false},
		"lines without an end":  {strings.Repeat("x", 1<<20), false},
		"a header of LF alone":  {"content-length:" + fmt.Sprint(len(exit)) + "\n\n" + exit, true},
		"shutdown not first":    {frames(shutdown, request, exit), false},
		"a length that is none": {"Content-Length: -5\r\n\r\n" + exit, false},
	} {
		f := newFarewell(strings.NewReader(c.sent))
		got, err := io.ReadAll(f)
		if err != nil || string(got) != c.sent {
			t.Errorf("%s: what was read along is not what came through: %v", name, err)
		}
		if f.unclean() != c.unclean {
			t.Errorf("%s: unclean is %v", name, !c.unclean)
		}
	}
}
