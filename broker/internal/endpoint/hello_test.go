package endpoint

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLinesComeBackAsTheyWere(t *testing.T) {
	hello := Hello{Protocol: 3, Version: "1.0 beta&x=y", Build: "a%b;c=~"}
	r := request{Hello: hello, Verb: verbRetire}
	a := answer{PeerHello: PeerHello{Hello: hello, PID: 42, Clients: 1, Consoles: 2}, Refused: refusedBusy}
	gotR, err := parseRequest(r.line())
	if diff := cmp.Diff(r, gotR); diff != "" || err != nil {
		t.Errorf("request: %v %s", err, diff)
	}
	gotA, err := parseAnswer(a.line())
	if diff := cmp.Diff(a, gotA); diff != "" || err != nil {
		t.Errorf("answer: %v %s", err, diff)
	}
	if strings.Count(r.line()+a.line(), "\n") != 2 {
		t.Error("a line is not one line")
	}
}

func TestLinesThatAreRefused(t *testing.T) {
	for _, line := range []string{
		"", "\n", "Content-Length: 5\r\n", "GET / HTTP/1.1\r\n", "conbroker", "conbroker \n", "conbroker protocol=x\n",
		"conbroker protocol=-1\n", "conbroker protocol=1;x\n", "conbroker protocol=1&version=%1b[31m\n", "conbroker protocol=1&build=%zz\n",
		"conbroker protocol=99999999999999999999\n",
	} {
		if r, err := parseRequest(line); !errors.Is(err, errLine) {
			t.Errorf("%q was read as %+v, %v", line, r, err)
		}
		if a, err := parseAnswer(line); !errors.Is(err, errLine) {
			t.Errorf("%q was read as %+v, %v", line, a, err)
		}
	}
	if r, err := parseRequest("conbroker protocol=1&verb=probe&later=key\n"); err != nil || r.Verb != verbProbe {
		t.Errorf("a key of a later version: %+v, %v", r, err)
	}
}

func TestReadLineTakesNoByteMore(t *testing.T) {
	r := strings.NewReader("one\nContent-Length: 2\r\n\r\n{}")
	line, err := readLine(r)
	rest, restErr := io.ReadAll(r)
	if line != "one\n" || err != nil || restErr != nil || !strings.HasPrefix(string(rest), "Content") {
		t.Errorf("%q, %v, then %q", line, err, rest)
	}
	if _, err := readLine(strings.NewReader(strings.Repeat("x", 5000))); !errors.Is(err, errLine) {
		t.Errorf("an endless line: %v", err)
	}
	if _, err := readLine(strings.NewReader("cut")); !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		t.Errorf("a cut line: %v", err)
	}
}

func FuzzHandshakeLine(f *testing.F) {
	f.Add(request{Hello: Hello{1, "v", "b"}, Verb: verbConnect}.line())
	f.Add(answer{PeerHello: PeerHello{Hello{1, "v", "b"}, 1, 2, 3}}.line())
	f.Add("conbroker protocol=1&version=%00")
	f.Fuzz(func(t *testing.T, line string) {
		if r, err := parseRequest(line); err == nil {
			if again, err := parseRequest(r.line()); err != nil || again != r {
				t.Errorf("%+v became %+v, %v", r, again, err)
			}
		}
		if a, err := parseAnswer(line); err == nil {
			if again, err := parseAnswer(a.line()); err != nil || again != a {
				t.Errorf("%+v became %+v, %v", a, again, err)
			}
			if strings.ContainsAny(a.Version+a.Build, "\n\x1b") {
				t.Errorf("hostile text passed: %+v", a)
			}
		}
	})
}
