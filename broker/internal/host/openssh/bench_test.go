//go:build unix

package openssh

import (
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/host/hosttest"
)

// flood prints 64 MiB of 80-byte lines.
const flood = `stty raw -echo 2>/dev/null; yes 0123456789012345678901234567890123456789012345678901234567890123456789012345678 | head -c 67108864`

// BenchmarkTerminal moves the output of a remote terminal; compare with BenchmarkPlainSSH.
func BenchmarkTerminal(b *testing.B) {
	server := hosttest.NewSshd(b)
	h := open(b, options(b, server.Config(b)))
	_, err := h.Run(b.Context(), hosttest.Shell("true"))
	must(b, err)
	b.SetBytes(64 << 20)
	for b.Loop() {
		s, err := h.Start(b.Context(), hosttest.Shell(flood), host.Terminal{})
		must(b, err)
		if n, err := io.Copy(io.Discard, struct{ io.Reader }{s}); err != nil || n != 64<<20 {
			b.Fatalf("%d bytes, %v", n, err)
		}
		must(b, s.Close())
	}
}

// BenchmarkPlainSSH moves the same by "ssh -tt".
func BenchmarkPlainSSH(b *testing.B) {
	server := hosttest.NewSshd(b)
	config := server.Config(b)
	b.SetBytes(64 << 20)
	for b.Loop() {
		cmd := exec.Command("ssh", "-F", config, "-tt", "lab00", flood)
		null, err := os.Open(os.DevNull)
		must(b, err)
		cmd.Stdin = null
		out, err := cmd.StdoutPipe()
		must(b, err)
		must(b, cmd.Start())
		if n, err := io.Copy(io.Discard, out); err != nil || n != 64<<20 {
			b.Fatalf("%d bytes, %v", n, err)
		}
		must(b, cmd.Wait())
		must(b, null.Close())
	}
}

// BenchmarkRun is one command on a warm connection; compare with BenchmarkPlainMux.
func BenchmarkRun(b *testing.B) {
	server := hosttest.NewSshd(b)
	h := open(b, options(b, server.Config(b)))
	for b.Loop() {
		_, err := h.Run(b.Context(), hosttest.Shell("true"))
		must(b, err)
	}
}

// BenchmarkPlainRun is the same by "ssh HOST true".
func BenchmarkPlainRun(b *testing.B) {
	server := hosttest.NewSshd(b)
	config := server.Config(b)
	for b.Loop() {
		must(b, exec.Command("ssh", "-F", config, "lab00", "true").Run())
	}
}

// echo types a key at a time and waits for it to come back.
func echo(b *testing.B, rw io.ReadWriter) {
	b.Helper()
	buf := make([]byte, 1)
	for b.Loop() {
		if _, err := rw.Write([]byte("k")); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(rw, buf); err != nil || buf[0] != 'k' {
			b.Fatalf("%q, %v", buf, err)
		}
	}
}

// raw is a program that gives each key back.
const raw = `stty raw -echo; echo ready; exec cat`

// BenchmarkEcho is one keystroke there and back; compare with BenchmarkPlainEcho.
func BenchmarkEcho(b *testing.B) {
	server := hosttest.NewSshd(b)
	h := open(b, options(b, server.Config(b)))
	s, err := h.Start(b.Context(), hosttest.Shell(raw), host.Terminal{})
	must(b, err)
	hosttest.Expect(b, s, "ready\n")
	echo(b, s)
	must(b, s.Close())
}

// BenchmarkPlainEcho is the same by "ssh -tt".
func BenchmarkPlainEcho(b *testing.B) {
	server := hosttest.NewSshd(b)
	cmd := exec.Command("ssh", "-F", server.Config(b), "-tt", "lab00", raw)
	in, err := cmd.StdinPipe()
	must(b, err)
	out, err := cmd.StdoutPipe()
	must(b, err)
	must(b, cmd.Start())
	rw := struct {
		io.Reader
		io.Writer
	}{out, in}
	hosttest.Expect(b, rw, "ready\n")
	echo(b, rw)
	must(b, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
}
