package native

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/conbroker/conbroker/broker/internal/host"
)

// tries is how often the person is asked for the same secret.
const tries = 3

// isAuthentication recognizes the library's errors for a user that was not let in, which have no type. The second is that of a
// server that offers keyboard-interactive and then has no question, as sshd does without PAM (x/crypto v0.58, client_auth.go).
func isAuthentication(err error) bool {
	return strings.Contains(err.Error(), "unable to authenticate") || strings.Contains(err.Error(), "unexpected message type 51 (expected 60)")
}

// methods are the ways to authenticate, in the order of OpenSSH. done gives the agent back.
func (h *handshake) methods() (methods []ssh.AuthMethod, done func()) {
	done = func() {}
	if h.allowed("pubkeyauthentication") {
		keys, source := h.agent()
		if source != nil {
			done = func() { _ = source.Close() } // it was only asked
		}
		methods = append(methods, ssh.PublicKeysCallback(func() ([]ssh.Signer, error) { return h.signers(keys), nil }))
	}
	if h.settings.Get("batchmode") == "yes" {
		return methods, done
	}
	if h.allowed("kbdinteractiveauthentication") && h.allowed("challengeresponseauthentication") {
		methods = append(methods, ssh.RetryableAuthMethod(ssh.KeyboardInteractive(h.challenge), tries))
	}
	if h.allowed("passwordauthentication") {
		methods = append(methods, ssh.RetryableAuthMethod(ssh.PasswordCallback(h.password), tries))
	}
	return methods, done
}

// allowed reports whether the configuration leaves a method in.
func (h *handshake) allowed(keyword string) bool {
	value := h.settings.Get(keyword)
	return value != "no" && value != "false"
}

// challenge answers the questions of the server.
func (h *handshake) challenge(name, instruction string, questions []string, echos []bool) ([]string, error) {
	answers := make([]string, len(questions))
	for i, question := range questions {
		text := strings.TrimSpace(strings.Join([]string{name, instruction, question}, "\n"))
		answer, err := h.ask(text, !echos[i])
		if err != nil {
			return nil, err
		}
		answers[i] = answer
	}
	return answers, nil
}

// password asks for the account's password.
func (h *handshake) password() (string, error) {
	return h.ask(fmt.Sprintf("%s@%s's password:", h.settings.Get("user"), h.settings.Get("hostname")), true)
}

// agent connects to the user's agent; nil if there is none.
func (h *handshake) agent() (agent.ExtendedAgent, io.Closer) {
	path := cmp.Or(h.settings.Get("identityagent"), "SSH_AUTH_SOCK")
	if len(h.settings["identityagent"]) > 0 && h.settings["identityagent"][0] == "none" {
		return nil, nil
	}
	if path == "SSH_AUTH_SOCK" {
		path = cmp.Or(h.connector.options.Env("SSH_AUTH_SOCK"), defaultAgent)
	} else if name, ok := strings.CutPrefix(path, "$"); ok {
		path = h.connector.options.Env(name)
	}
	if path == "" {
		return nil, nil
	}
	source, err := dialAgent(h.ctx, h.path(path))
	if err != nil {
		return nil, nil // an agent that is gone is no agent
	}
	return agent.NewClient(source), source
}

// signers are the keys to offer: those of the agent, then the files that are not among them. With IdentitiesOnly the agent's
// are only those that have a file.
func (h *handshake) signers(keys agent.ExtendedAgent) []ssh.Signer {
	var fromAgent, fromFiles []ssh.Signer
	if keys != nil {
		fromAgent, _ = keys.Signers() // an agent that is locked has no keys
	}
	for _, file := range h.settings["identityfile"] {
		if s := h.readKey(h.path(file)); s != nil {
			fromFiles = append(fromFiles, s...)
		}
	}
	if h.settings.Get("identitiesonly") == "yes" {
		fromAgent = slices.DeleteFunc(fromAgent, func(s ssh.Signer) bool { return !holds(fromFiles, s) })
	}
	fromFiles = slices.DeleteFunc(fromFiles, func(s ssh.Signer) bool { return holds(fromAgent, s) })
	return append(fromAgent, fromFiles...)
}

// holds reports whether a key is in the list.
func holds(list []ssh.Signer, s ssh.Signer) bool {
	return slices.ContainsFunc(list, func(other ssh.Signer) bool {
		return string(other.PublicKey().Marshal()) == string(s.PublicKey().Marshal())
	})
}

// readKey reads a private key, and the certificate beside it if there is one; nil if it cannot be used.
func (h *handshake) readKey(path string) []ssh.Signer {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	signer, err := ssh.ParsePrivateKey(data)
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) {
		if public := cmp.Or(locked.PublicKey, readPublic(path+".pub")); public != nil {
			signer, err = &lockedKey{handshake: h, path: path, data: data, public: public}, nil
		}
	}
	if err != nil {
		return nil
	}
	if certificate, ok := readPublic(path + "-cert.pub").(*ssh.Certificate); ok {
		if certified, err := ssh.NewCertSigner(certificate, signer); err == nil {
			return []ssh.Signer{certified, signer}
		}
	}
	return []ssh.Signer{signer}
}

// readPublic reads a public key; nil if there is none.
func readPublic(path string) ssh.PublicKey {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(data)
	if err != nil {
		return nil
	}
	return key
}

// path expands what ssh_config(5) allows in file names: a tilde, and the tokens for the home directory, the host and the users.
func (h *handshake) path(path string) string {
	home := h.connector.home()
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		path = filepath.Join(home, rest)
	}
	return strings.NewReplacer("%%", "%", "%d", home, "%h", h.settings.Get("hostname"), "%n", h.connector.options.Address,
		"%p", h.settings.Get("port"), "%r", h.settings.Get("user"), "%u", h.connector.options.Env("USER")).Replace(path)
}

// lockedKey is a private key with a passphrase, for which the person is asked only when the server would take the key.
type lockedKey struct {
	handshake *handshake
	path      string
	data      []byte
	public    ssh.PublicKey
	open      ssh.Signer
}

// PublicKey returns the public half.
func (k *lockedKey) PublicKey() ssh.PublicKey { return k.public }

// Sign signs with the algorithm of the key's format.
func (k *lockedKey) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	return k.SignWithAlgorithm(rand, data, "")
}

// Algorithms are the signature algorithms of the key; SHA-1 is not among them.
func (k *lockedKey) Algorithms() []string {
	if k.public.Type() == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{k.public.Type()}
}

// SignWithAlgorithm opens the key if it is still locked, and signs.
func (k *lockedKey) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	if k.open == nil {
		if err := k.unlock(); err != nil {
			return nil, err
		}
	}
	if s, ok := k.open.(ssh.AlgorithmSigner); ok {
		return s.SignWithAlgorithm(rand, data, algorithm)
	}
	return k.open.Sign(rand, data)
}

// unlock asks for the passphrase.
func (k *lockedKey) unlock() error {
	text := fmt.Sprintf("Enter passphrase for key '%s':", k.path)
	for range tries {
		passphrase, err := k.handshake.ask(text, true)
		if err != nil {
			return err
		}
		secret := []byte(passphrase)
		k.open, err = ssh.ParsePrivateKeyWithPassphrase(k.data, secret)
		clear(secret)
		if err == nil {
			return nil
		}
	}
	k.handshake.reason = fmt.Errorf("%w: the passphrase for key %s was wrong %d times", host.ErrAuthentication, k.path, tries)
	return k.handshake.reason
}
