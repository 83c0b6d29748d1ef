package native

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"github.com/conbroker/conbroker/broker/internal/host"
)

// knownHosts checks the key of one hop.
type knownHosts struct {
	handshake *handshake
	db        *knownhosts.HostKeyDB
	// address is host:port as known_hosts has it; algorithms are those of the keys known for it.
	address    string
	algorithms []string
	// file is where an accepted key goes.
	file string
}

// knownHosts reads the files of known keys.
func (h *handshake) knownHosts() (*knownHosts, error) {
	k := &knownHosts{handshake: h, address: net.JoinHostPort(h.settings.Get("hostname"), h.settings.Get("port"))}
	if alias := h.settings.Get("hostkeyalias"); alias != "" {
		k.address = net.JoinHostPort(alias, "22")
	}
	var files []string
	for _, file := range append(h.settings.Fields("userknownhostsfile"), h.settings.Fields("globalknownhostsfile")...) {
		file = h.path(file)
		if k.file == "" {
			k.file = file
		}
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			files = append(files, file)
		}
	}
	db, err := knownhosts.NewDB(files...)
	if err != nil {
		h.reason = fmt.Errorf("%w: read the known host keys: %w", host.ErrAuthentication, err)
		return nil, h.reason
	}
	k.db, k.algorithms = db, db.HostKeyAlgorithms(k.address)
	return k, nil
}

// check is the library's callback for the host's key.
func (k *knownHosts) check(address string, remote net.Addr, key ssh.PublicKey) error {
	k.handshake.greeted = true
	err := k.db.HostKeyCallback()(address, remote, key)
	var changed *xknownhosts.KeyError
	switch {
	case err == nil:
		return nil
	case knownhosts.IsHostUnknown(err):
		err = k.introduce(key)
	case errors.As(err, &changed):
		err = k.changed(changed, key)
	default:
		err = fmt.Errorf("%w: the host's key: %w", host.ErrAuthentication, err)
	}
	if err != nil && k.handshake.reason == nil {
		k.handshake.reason = err
	}
	return err
}

// changed names the fingerprint that was seen and the lines that do not fit.
func (k *knownHosts) changed(e *xknownhosts.KeyError, key ssh.PublicKey) error {
	var lines []string
	for _, want := range e.Want {
		lines = append(lines, fmt.Sprintf("%s:%d", want.Filename, want.Line))
	}
	return &host.Error{
		Host: k.handshake.connector.options.Name, Action: "connect",
		Err: fmt.Errorf("%w: the host shows another key than the one that is known for it", host.ErrAuthentication),
		Advice: fmt.Sprintf("its fingerprint is %s; if the host really got a new key, remove the old one from %s, else somebody is in between",
			ssh.FingerprintSHA256(key), strings.Join(lines, " and ")),
	}
}

// introduce deals with a host whose key nobody knows, as StrictHostKeyChecking says, and remembers what was accepted.
func (k *knownHosts) introduce(key ssh.PublicKey) error {
	fingerprint := ssh.FingerprintSHA256(key)
	name := knownhosts.Normalize(k.address)
	switch k.handshake.settings.Get("stricthostkeychecking") {
	case "yes", "true":
		return fmt.Errorf("%w: the key of %s, %s, is not in the known_hosts, and StrictHostKeyChecking is on", host.ErrAuthentication, name, fingerprint)
	case "accept-new", "no", "off", "false":
		return k.remember(name, key)
	}
	kind := strings.ToUpper(strings.TrimPrefix(key.Type(), "ssh-"))
	text := fmt.Sprintf("The authenticity of host '%s' can't be established.\n%s key fingerprint is %s.\n"+
		"Are you sure you want to continue connecting (yes/no/[fingerprint])?", name, kind, fingerprint)
	for range tries {
		answer, err := k.handshake.ask(text, false)
		if err != nil {
			return err
		}
		switch answer = strings.TrimSpace(answer); {
		case strings.EqualFold(answer, "yes"), answer == fingerprint:
			return k.remember(name, key)
		case strings.EqualFold(answer, "no"):
			return fmt.Errorf("%w: the key of %s, %s, was not accepted", host.ErrAuthentication, name, fingerprint)
		}
	}
	return fmt.Errorf("%w: the key of %s, %s, was neither accepted nor refused", host.ErrAuthentication, name, fingerprint)
}

// remember appends an accepted key to the user's file, which begins a new line if the last one is not whole.
func (k *knownHosts) remember(name string, key ssh.PublicKey) error {
	if h := k.handshake.settings.Get("hashknownhosts"); h == "yes" || h == "true" {
		name = xknownhosts.HashHostname(name)
	}
	line := fmt.Sprintf("%s %s", name, ssh.MarshalAuthorizedKey(key))
	if err := appendLine(k.file, line); err != nil {
		return fmt.Errorf("%w: remember the host's key: %w", host.ErrAuthentication, err)
	}
	return nil
}

// appendLine appends a line to a file, which need not exist.
func appendLine(path, line string) (err error) {
	if path == "" || path == os.DevNull {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	before, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if len(before) > 0 && !bytes.HasSuffix(before, []byte("\n")) {
		line = "\n" + line
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = f.WriteString(line)
	return err
}
