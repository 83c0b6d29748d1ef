//go:build unix

package remote_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/host/hosttest"
	"github.com/conbroker/conbroker/broker/internal/host/native"
	"github.com/conbroker/conbroker/broker/internal/host/remote"
	"github.com/conbroker/conbroker/broker/internal/host/sshconfig"
	"github.com/conbroker/conbroker/broker/internal/prompt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tools stand in for id, sudo, ksu, klist and kinit on the host. They speak as the real ones do (sudo 1.9, MIT Kerberos 1.20),
// keep a log, and do as the files "mode", "password" and "ticket" in their directory say.
var tools = map[string]string{
	"id": `if [ "$1" = -u ]; then echo 1000; else exec /usr/bin/id "$@"; fi`,
	"sudo": `
n= S= p= v=
while [ $# -gt 0 ]; do
	case $1 in -n) n=1 ;; -S) S=1 ;; -k) ;; -v) v=1 ;; -p) p=$2; shift ;; --) shift; break ;; *) break ;; esac
	shift
done
echo "sudo $n$S$v $*" >>"$FAKE/log"
run() { if [ "$v" ]; then exit 0; fi; RAISED=sudo exec "$@"; }
case $(cat "$FAKE/mode") in
free) run "$@" ;;
refused)
	if [ "$n" ] && [ -z "$v" ]; then echo "sudo: a password is required" >&2; exit 1; fi
	if [ -t 0 ]; then printf %s "$p" >/dev/tty; read -r x </dev/tty; fi
	echo "Sorry, user anna may not run sudo on lab00." >&2; exit 1 ;;
broken) echo "sudo: /usr/bin/sudo must be owned by uid 0 and have the setuid bit set" >&2; exit 1 ;;
esac
if [ "$n" ]; then echo "sudo: a password is required" >&2; exit 1; fi
for try in 1 2 3; do
	if [ "$S" ]; then
		printf %s "$p" >&2
		if ! IFS= read -r word; then
			printf '\nsudo: no password was provided\nsudo: 1 incorrect password attempt\n' >&2
			exit 1
		fi
	else
		stty -echo </dev/tty; printf %s "$p" >/dev/tty; IFS= read -r word </dev/tty; stty echo </dev/tty; echo >/dev/tty
	fi
	if [ "$word" = "$(cat "$FAKE/password")" ]; then run "$@"; fi
	echo "Sorry, try again." >&2
done
echo "sudo: 3 incorrect password attempts" >&2
exit 1`,
	"klist": `[ "$1" = -s ] && [ -e "$FAKE/ticket" ]`,
	"kinit": `
IFS= read -r word
echo kinit >>"$FAKE/log"
if [ "$word" = "$(cat "$FAKE/password")" ]; then : >"$FAKE/ticket"; exit 0; fi
echo "kinit: Password incorrect while getting initial credentials" >&2
exit 1`,
	"ksu": `
if [ "$1 $2" != "-q -e" ]; then echo "usage" >&2; exit 2; fi
shift 2
case $1 in /*) ;; *) echo "ksu: $1 is no absolute path" >&2; exit 2 ;; esac
if [ ! -e "$FAKE/ticket" ]; then
	printf 'WARNING: Your password may be exposed\nKerberos password for anna@LAB.TEST: : ' >&2
	exit 1
fi
if [ "$(cat "$FAKE/mode")" = refused ]; then echo "account root: authorization failed" >&2; exit 1; fi
echo "ksu $*" >>"$FAKE/log"
RAISED=ksu exec "$@"`,
}

// lab is a host with these tools, and a person.
type lab struct {
	*remote.Host
	t       *testing.T
	dir     string
	options native.Options
	server  *hosttest.Sshd
}

func newLab(t *testing.T, how host.Escalation, mode string) *lab {
	t.Helper()
	return newLabWith(t, how, mode, ":/usr/bin:/bin")
}

// newLabWith makes a lab whose PATH ends as given.
func newLabWith(t *testing.T, how host.Escalation, mode, path string) *lab {
	t.Helper()
	dir := t.TempDir()
	for name, script := range tools {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	}
	l := &lab{t: t, dir: dir}
	l.set("mode", mode)
	l.set("password", "tiger")
	l.server = hosttest.NewSshd(t, "SetEnv FAKE="+dir+" PATH="+dir+path, "MaxSessions 40")
	l.options = native.Options{
		Name: "lab00", Config: &sshconfig.Reader{File: l.server.Config(t)}, Prompts: prompt.NewRegistry(), Gate: remote.NewGate(), Escalation: how,
	}
	l.Host = native.New(l.options)
	t.Cleanup(func() { must(t, l.Close()) })
	return l
}

func (l *lab) set(file, text string) {
	must(l.t, os.WriteFile(filepath.Join(l.dir, file), []byte(text), 0o600))
}

// log is what was raised, line by line.
func (l *lab) log() string {
	data, err := os.ReadFile(filepath.Join(l.dir, "log"))
	if err != nil && !os.IsNotExist(err) {
		l.t.Fatal(err)
	}
	return strings.TrimSpace(string(data))
}

func (l *lab) person(answers ...hosttest.Answer) *hosttest.Person {
	return &hosttest.Person{Registry: l.options.Prompts, Answers: answers}
}

// raised is a shell command with raised rights.
func raised(script string, args ...string) host.Command {
	c := hosttest.Shell(script, args...)
	c.Raised = true
	return c
}
