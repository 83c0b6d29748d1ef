package rpc

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestTranscripts plays the connections of testdata/rpc; its README has the format.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("../testdata/rpc/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, p := startFiles(t, testOptions)
			for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
				t.Logf("%s:%d: %s", file, i+1, line)
				p.play(line)
			}
			if err := c.Wait(); err != nil {
				t.Errorf("the connection ended with %v", err)
			}
		})
	}
}

// play does what one line of a transcript says.
func (p *rawPeer) play(line string) {
	p.t.Helper()
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "#":
	case ">":
		p.send(rest)
	case "raw":
		text, err := strconv.Unquote(rest)
		if err != nil {
			p.t.Fatal(err)
		}
		if _, err := p.w.Write([]byte(text)); err != nil {
			p.t.Fatal(err)
		}
	case "<":
		p.want(rest)
	case "error":
		id, code, _ := strings.Cut(rest, " ")
		n, err := strconv.ParseInt(code, 10, 64)
		if err != nil {
			p.t.Fatal(err)
		}
		p.wantError(id, n)
	case "eof":
		p.w.Close()
	case "end":
		p.wantEnd()
	default:
		p.t.Fatalf("unknown line %q", line)
	}
}
