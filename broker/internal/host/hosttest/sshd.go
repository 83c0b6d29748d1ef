//go:build unix

package hosttest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Deadline is how long a test waits for what must happen.
const Deadline = 30 * time.Second

// Sshd is a real OpenSSH server on a loopback port, with a key of its own, which lets this user in by Key. The user's home
// directory is an empty one there, so that no start-up file of a shell has a part in a test.
type Sshd struct {
	// Port is where it listens, on all loopback addresses.
	Port int
	// Dir holds its files: the private key Key of the user, HostKey.pub of the server, KnownHosts.
	Dir, Key, HostKey, KnownHosts string
	// User is the account to log in to.
	User string

	t      testing.TB
	config string
	mu     sync.Mutex
	cmd    *exec.Cmd
	log    bytes.Buffer
	ended  chan struct{}
}

// NewSshd starts a server with further lines of sshd_config(5), whose SetEnv add to the environment. It is stopped at the end of the test.
func NewSshd(t testing.TB, config ...string) *Sshd {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "sshd")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	account, err := user.Current()
	must(t, err)
	s := &Sshd{
		Dir: dir, Key: dir + "/key", HostKey: dir + "/host", KnownHosts: dir + "/known_hosts", User: account.Username,
		Port: freePort(t), t: t, config: dir + "/sshd_config",
	}
	Keygen(t, s.Key, "")
	Keygen(t, s.HostKey, "")
	Copy(t, s.Key+".pub", dir+"/authorized_keys")
	s.Know(t)
	environment := "SetEnv HOME=" + dir + "/home" // sshd takes only the first such line
	var lines []string
	for _, line := range config {
		if more, ok := strings.CutPrefix(line, "SetEnv "); ok {
			environment += " " + more
			continue
		}
		lines = append(lines, line)
	}
	lines = append(lines, environment, fmt.Sprintf("Port %d", s.Port), "ListenAddress 0.0.0.0", "HostKey "+s.HostKey, "UsePAM no",
		"PidFile none", "StrictModes no", "AuthorizedKeysFile "+dir+"/authorized_keys", "PasswordAuthentication no",
		"PermitRootLogin prohibit-password", "PrintMotd no", "PrintLastLog no", "LogLevel VERBOSE", "X11Forwarding no",
		"AcceptEnv NOTHING")
	must(t, os.Mkdir(dir+"/home", 0o700))
	must(t, os.WriteFile(s.config, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	s.Run()
	t.Cleanup(s.Kill)
	return s
}

// Keygen makes an ed25519 key with a passphrase, which may be empty.
func Keygen(t testing.TB, path, passphrase string) {
	t.Helper()
	out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-a", "1", "-N", passphrase, "-C", "test", "-f", path).CombinedOutput()
	if err != nil {
		t.Fatalf("ssh-keygen: %v: %s", err, out)
	}
}

// Copy copies a file.
func Copy(t testing.TB, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	must(t, err)
	must(t, os.WriteFile(to, data, 0o600))
}

// Know writes known_hosts with the server's key for every loopback address.
func (s *Sshd) Know(t testing.TB) {
	t.Helper()
	key, err := os.ReadFile(s.HostKey + ".pub")
	must(t, err)
	must(t, os.WriteFile(s.KnownHosts, fmt.Appendf(nil, "[127.*]:%d %s", s.Port, key), 0o600))
}

// Config writes an ssh_config(5) for the server and returns its path. The host names "lab*" lead to 127.0.0.1, and
// addresses lead to themselves; lines come first.
func (s *Sshd) Config(t testing.TB, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ssh_config")
	text := strings.Join(lines, "\n") + fmt.Sprintf(`
Host lab*
  HostName 127.0.0.1
Host *
  Port %d
  User %s
  IdentityFile %s
  IdentitiesOnly yes
  UserKnownHostsFile %s
  GlobalKnownHostsFile /dev/null
  KexAlgorithms curve25519-sha256
`, s.Port, s.User, s.Key, s.KnownHosts)
	must(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// Run starts the server, which must not be running.
func (s *Sshd) Run() {
	s.t.Helper()
	path, err := exec.LookPath("sshd")
	if err != nil {
		path = "/usr/sbin/sshd"
	}
	if os.Geteuid() == 0 {
		must(s.t, os.MkdirAll("/run/sshd", 0o755)) // OpenSSH of Debian wants it for its separated process
	}
	s.mu.Lock()
	s.cmd = exec.Command(path, "-D", "-e", "-f", s.config)
	s.cmd.Stderr = lockedWriter{s}
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.ended = make(chan struct{})
	cmd, ended := s.cmd, s.ended
	s.mu.Unlock()
	must(s.t, cmd.Start())
	go func() {
		_ = cmd.Wait() // it is killed by the test
		close(ended)
	}()
	Eventually(s.t, "sshd to listen", func() bool {
		c, err := net.DialTimeout("tcp", s.Address(), time.Second)
		if err != nil {
			return false
		}
		_ = c.Close() // it only shows that somebody listens
		return true
	})
}

// lockedWriter collects the server's log.
type lockedWriter struct{ s *Sshd }

// Write never fails.
func (w lockedWriter) Write(p []byte) (int, error) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	return w.s.log.Write(p)
}

// Log is what the server logged so far.
func (s *Sshd) Log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// Address is host:port on 127.0.0.1.
func (s *Sshd) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)) }

// Pids are the processes of the server and of its connections.
func (s *Sshd) Pids() []int {
	s.mu.Lock()
	pid := s.cmd.Process.Pid
	s.mu.Unlock()
	return descendants(s.t, pid, true)
}

// descendants lists pid and what it started; only the sshd processes if only is set.
func descendants(t testing.TB, pid int, only bool) []int {
	t.Helper()
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=,comm=").Output()
	must(t, err)
	children := make(map[int][]int)
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 3 || only && !strings.HasPrefix(f[2], "sshd") {
			continue
		}
		child, err1 := strconv.Atoi(f[0])
		parent, err2 := strconv.Atoi(f[1])
		if err1 == nil && err2 == nil {
			children[parent] = append(children[parent], child)
		}
	}
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// Signal sends a signal to the server and its connections.
func (s *Sshd) Signal(sig syscall.Signal) {
	for _, pid := range s.Pids() {
		_ = syscall.Kill(pid, sig) // a connection may have ended
	}
}

// Kill ends the server and all that runs behind it at once.
func (s *Sshd) Kill() {
	s.mu.Lock()
	pid, ended := s.cmd.Process.Pid, s.ended
	s.mu.Unlock()
	select {
	case <-ended:
		return
	default:
	}
	for _, each := range descendants(s.t, pid, false) {
		_ = syscall.Kill(each, syscall.SIGKILL) // it may have ended
	}
	<-ended
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// Eventually waits until a condition holds.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(Deadline)
	for !holds() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
