//go:build unix

package openssh

import (
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

//go:embed script/master.sh
var masterScript string

const (
	// stopGrace is how long a master may take to end before it is killed.
	stopGrace = 2 * time.Second
	// maxSaid bounds what is kept of the words of ssh.
	maxSaid = 8 << 10
)

// master is an ssh that runs as control master: one connection. A shell beside it waits for the end of this program, which
// nothing else would tell ssh, and then ends it.
type master struct {
	socket string
	cmd    *exec.Cmd
	// leash is the input of that shell: a line says that ssh has ended, the end of the file that this program has.
	leash io.WriteCloser
	words *tail
	// conn is the client of the control socket; release is called once at the end. Both are set before the master is used.
	conn    *ssh.Client
	release func()

	// ended is closed when ssh has ended; exit is then its error.
	ended chan struct{}
	exit  error

	stopping sync.Once
	waiting  sync.Once
	err      error
}

// startMaster starts ssh in a session of its own, so that it has no terminal to ask on and gets no signal from one.
func startMaster(path string, args, env []string, socket string) (*master, error) {
	m := &master{socket: socket, words: &tail{}, ended: make(chan struct{})}
	m.cmd = exec.Command("/bin/sh", append([]string{"-c", masterScript, "sh", path}, args...)...)
	m.cmd.Env = env
	m.cmd.Stderr = m.words
	m.cmd.WaitDelay = time.Second
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	leash, input, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	m.cmd.Stdin = leash
	m.leash = input
	if err := m.cmd.Start(); err != nil {
		closeQuietly(leash)
		closeQuietly(input)
		return nil, err
	}
	closeQuietly(leash)
	go m.reap()
	return m, nil
}

// reap waits for the end of ssh. Who stops a master or waits for it, waits for this as well.
func (m *master) reap() {
	err := m.cmd.Wait()
	if err == nil {
		err = fmt.Errorf("ssh ended")
	}
	_, _ = io.WriteString(m.leash, "\n") // the shell may have been killed
	closeQuietly(m.leash)
	_ = os.Remove(m.socket) // ssh removes it unless it was killed
	m.exit = err
	close(m.ended)
}

// said are the last words of ssh.
func (m *master) said() string { return m.words.String() }

// stop ends ssh and waits for its end.
func (m *master) stop() {
	m.stopping.Do(func() {
		_ = m.cmd.Process.Signal(syscall.SIGTERM) // it may be gone
		t := time.NewTimer(stopGrace)
		defer t.Stop()
		select {
		case <-m.ended:
			return
		case <-t.C:
		}
		_ = syscall.Kill(-m.cmd.Process.Pid, syscall.SIGKILL) // likewise
	})
	<-m.ended
}

// OpenChannel opens a channel on the connection.
func (m *master) OpenChannel(name string, data []byte) (ssh.Channel, <-chan *ssh.Request, error) {
	return m.conn.OpenChannel(name, data)
}

// Close ends the connection.
func (m *master) Close() error {
	closeQuietly(m.conn)
	m.stop()
	return nil
}

// Wait waits for the end of the connection and returns what ssh said about it.
func (m *master) Wait() error {
	m.waiting.Do(func() {
		_ = m.conn.Wait() // it says no more than that the socket was closed
		m.stop()
		m.release()
		m.err = lastWords(m.said())
	})
	return m.err
}

// lastWords is the end of a connection in the words of ssh.
func lastWords(said string) error {
	said = strings.TrimSpace(said)
	if said == "" {
		return fmt.Errorf("ssh ended")
	}
	return fmt.Errorf("ssh: %s", said[strings.LastIndexByte(said, '\n')+1:])
}

// tail keeps the last maxSaid bytes written to it.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	if extra := len(t.kept) - maxSaid; extra > 0 {
		t.kept = append(t.kept[:0], t.kept[extra:]...)
	}
	return len(p), nil
}

// String returns what was kept, as plain text.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.ToValidUTF8(strings.ReplaceAll(string(t.kept), "\r", ""), "\uFFFD")
}
