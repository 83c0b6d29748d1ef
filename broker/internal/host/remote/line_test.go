//go:build unix

package remote

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/conbroker/conbroker/broker/internal/host"
)

// FuzzLine gives any argument to a command through the line, as a login shell would.
func FuzzLine(f *testing.F) {
	f.Add("a b", "it's")
	f.Add("\\0101\n\r!$(id)`", "\xff\x01'\\''")
	f.Fuzz(func(t *testing.T, arg, value string) {
		if strings.ContainsRune(arg+value, 0) {
			return
		}
		o := order{Command: host.Command{
			Argv: []string{"sh", "-c", `printf '%s\0%s\0' "$1" "$A"`, "sh", arg}, Env: []string{"A=" + value},
		}, mark: "MARK"}
		line := o.line()
		if strings.ContainsAny(line, "\n\r!") || strings.Contains(line, `\\`) || strings.Contains(line, `\'`) {
			t.Errorf("a shell other than sh would read %q in another way", line)
		}
		var stdout, stderr bytes.Buffer
		cmd := exec.Command("sh", "-c", line)
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v: %s", err, stderr.String())
		}
		out := newOutput("MARK", 0, nil)
		_, _ = out.Write(stdout.Bytes())
		if diff := cmp.Diff(arg+"\x00"+value+"\x00", out.kept.String()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// FuzzOutput splits a stream at any place; noise, word and output must come out alike.
func FuzzOutput(f *testing.F) {
	f.Add([]byte("Welcome!\nMARK ok 12\nhello"), 9)
	f.Add([]byte("MARK missing\r\n"), 3)
	f.Add([]byte("MARK MARK MARK"), 1)
	f.Fuzz(func(t *testing.T, stream []byte, at int) {
		read := func(parts ...[]byte) (word, kept string) {
			o := newOutput("MARK", 100, func(w string) { word += "<" + w + ">" })
			for _, p := range parts {
				if n, err := o.Write(p); n != len(p) || err != nil {
					t.Fatalf("Write returned %d, %v", n, err)
				}
			}
			if len(o.noise) > maxNoise+len(stream) || o.kept.Len() > 100 {
				t.Errorf("kept %d bytes and %d of noise", o.kept.Len(), len(o.noise))
			}
			return word, o.kept.String()
		}
		at = max(0, min(at, len(stream)))
		word1, kept1 := read(stream)
		word2, kept2 := read(stream[:at], stream[at:])
		if len(stream) < maxNoise && (word1 != word2 || kept1 != kept2) {
			t.Errorf("whole: %q, %q; in two: %q, %q", word1, kept1, word2, kept2)
		}
	})
}

func TestNoiseIsBounded(t *testing.T) {
	o := newOutput("MARK", 0, nil)
	for range 1000 {
		_, _ = o.Write(bytes.Repeat([]byte("noise "), 1000))
	}
	if len(o.noise) > maxNoise {
		t.Errorf("%d bytes of noise kept", len(o.noise))
	}
	_, _ = o.Write([]byte("xMA"))
	_, _ = o.Write([]byte("RK ok\nrest"))
	if o.kept.String() != "rest" {
		t.Errorf("kept %q", o.kept.String())
	}
}

type inputs struct {
	bytes.Buffer
	closed bool
}

func (i *inputs) CloseWrite() error { i.closed = true; return nil }

func TestDialogueAnswersPrompts(t *testing.T) {
	const stream = "some words\nPROMPTmore PROM PROMPTlast PRO"
	for size := 1; size <= len(stream); size++ {
		var stdin inputs
		var rest bytes.Buffer
		d := newDialogue("PROMPT", func(n int) ([]byte, bool) { return []byte("tiger\n"), n == 0 })
		w := d.watch(&rest, &stdin)
		for part := []byte(stream); len(part) > 0; part = part[min(size, len(part)):] {
			if _, err := w.Write(part[:min(size, len(part))]); err != nil {
				t.Fatal(err)
			}
		}
		d.flush()
		if rest.String() != "some words\nmore PROM last PRO" || stdin.String() != "tiger\n" || !stdin.closed || d.asked != 2 {
			t.Errorf("in parts of %d: %q, stdin %q, closed %v, asked %d", size, rest.String(), stdin.String(), stdin.closed, d.asked)
		}
		if !d.ready(nil) {
			t.Error("the input is still held back")
		}
	}
	d := newDialogue("PROMPT", nil)
	ended := make(chan struct{})
	close(ended)
	if d.ready(ended) {
		t.Error("the input of a command that has ended would be written")
	}
}

func TestSudoWords(t *testing.T) {
	for line, want := range map[string]error{
		"sudo: a password is required": errPassword,
		"sudo: a terminal is required to read the password; either use the -S option":      errPassword,
		"sudo: no password was provided":                                                   errPassword,
		"sudo: 3 incorrect password attempts":                                              errWrong,
		"Sorry, user anna may not run sudo on lab00.":                                      host.ErrPermission,
		"Sorry, user anna is not allowed to execute '/usr/sbin/xl list' as root on lab00.": host.ErrPermission,
		"anna is not in the sudoers file.":                                                 host.ErrPermission,
		"sudo: /usr/bin/sudo must be owned by uid 0 and have the setuid bit set":           host.ErrPermission,
		"sudo: xl: command not found":                                                      host.ErrNotInstalled,
		"xl: a password is required":                                                       nil,
		"":                                                                                 nil,
	} {
		err := sudoWords(line)
		if want == nil && err != nil || want != nil && !isReason(err, want) {
			t.Errorf("%q: %v, want %v", line, err, want)
		}
	}
}
