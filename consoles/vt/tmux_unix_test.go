//go:build unix

package vt

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the goldens in testdata/vt from the tmux at hand")

// tmuxWait bounds how long tmux may take for one stream.
const tmuxWait = 30 * time.Second

// A tmux is a server of its own, with a session for each stream.
type tmux struct {
	dir string
	ctx context.Context
}

// tmuxConf makes a window as large as its session.
const tmuxConf = `set -g status off
set -g history-limit 100
set -s exit-empty off
`

// newTmux starts a server. Without tmux it returns nil, and fails if CONBROKER_REQUIRE_TMUX is set.
func newTmux(t *testing.T) *tmux {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		if os.Getenv("CONBROKER_REQUIRE_TMUX") == "1" {
			t.Fatal(err)
		}
		t.Log("no tmux on PATH: its answers are compared from the golden files only")
		return nil
	}
	// The path of a socket is short: os.MkdirTemp, not t.TempDir, whose names are long.
	dir, err := os.MkdirTemp("", "vt")
	if err != nil {
		t.Fatal(err)
	}
	x := &tmux{dir: dir, ctx: t.Context()}
	t.Cleanup(func() {
		x.ctx = context.Background()
		x.run(t, "kill-server")
		os.RemoveAll(dir)
	})
	x.write(t, "conf", tmuxConf)
	x.run(t, "start-server")
	return x
}

func (x *tmux) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(x.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (x *tmux) run(t *testing.T, args ...string) string {
	t.Helper()
	ctx, stop := context.WithTimeout(x.ctx, tmuxWait)
	defer stop()
	cmd := exec.CommandContext(ctx, "tmux", append([]string{"-u", "-f", filepath.Join(x.dir, "conf"), "-S", filepath.Join(x.dir, "socket")}, args...)...)
	cmd.Dir = x.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TMUX=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("tmux %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// show returns what tmux shows after it has read the stream. The ST ends a string that the stream may have begun, then
// a title says that all has been read.
func (x *tmux) show(t *testing.T, g golden, stream string) golden {
	t.Helper()
	const script = "stty raw -echo && cat stream && exec tail -f /dev/null"
	x.write(t, "stream", stream+"\x1b\\\x1b]2;all read\x07")
	x.run(t, "new-session", "-d", "-s", "vt", "-x", fmt.Sprint(g.Cols), "-y", fmt.Sprint(g.Rows), script)
	for deadline := time.Now().Add(tmuxWait); x.run(t, "display-message", "-p", "-t", "vt", "#{pane_title}") != "all read\n"; {
		if time.Now().After(deadline) {
			t.Fatalf("%s: tmux has not read the stream after %v", g.Name, tmuxWait)
		}
	}
	out := x.run(t, "display-message", "-p", "-t", "vt", tmuxFormat, ";",
		"capture-pane", "-p", "-e", "-N", "-t", "vt", ";", "kill-session", "-t", "vt")
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	g.State, g.Lines = lines[0], lines[1:]
	return g
}

// checkTmux replays the streams through tmux, compares, and with -update writes the goldens.
func checkTmux(t *testing.T, file string, wanted []golden, streams []string) {
	t.Helper()
	x := newTmux(t)
	if x == nil {
		return
	}
	for i, w := range wanted {
		wanted[i] = x.show(t, w, streams[i])
		t.Run(fmt.Sprintf("%s@%d", w.Name, w.At), func(t *testing.T) {
			compare(t, feed(w.Cols, w.Rows, streams[i]), wanted[i])
		})
	}
	if !*update {
		return
	}
	text, err := json.MarshalIndent(wanted, "", " ")
	if err == nil {
		err = os.WriteFile(filepath.Join(testdata, file), append(text, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestCapturesTmux(t *testing.T) {
	wanted, streams := captureGoldens(readCaptures(t))
	checkTmux(t, "captures.json", wanted, streams)
}

func TestStreamsTmux(t *testing.T) {
	wanted, streams := streamGoldens()
	checkTmux(t, "streams.json", wanted, streams)
}
