// Package endpoint is where the per-user daemon is reached: its socket, its locks, how it is started when it is absent, who
// may connect, which versions fit, and when an idle one ends.
//
// The socket belongs to whoever holds the lock file for life; only the holder removes a stale socket and binds a new one,
// so two daemons that start at once, or one that ends while another starts, never take the socket from each other.
package endpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"

	"github.com/conbroker/conbroker/broker/internal/host/local"
)

// Place is the directory of the daemon's files and their absolute paths. It is made by [Find].
type Place struct {
	// Dir is the user's own directory, mode 0700.
	Dir string
	// Socket is where the daemon speaks JSON-RPC after the handshake.
	Socket string
	// Attach is where it carries the bytes of consoles.
	Attach string
	// Lock is held by the daemon as long as it lives; StartLock by the client that starts one. Neither is ever removed.
	Lock, StartLock string
	// Log is where a daemon that a client started writes stdout and stderr.
	Log string
}

// Find returns the place for a configuration and makes its directory. env looks up the environment. configPath is the value
// of --config; empty, or the path of the default configuration, means the daemon that all frontends share. Every other
// configuration has a daemon of its own. A directory that exists and is not safe is an error that says whose it is and
// what to do; it wraps [github.com/conbroker/conbroker/broker/internal/host.ErrPermission].
func Find(env func(string) string, configPath string) (Place, error) {
	dir, err := local.RuntimeDir(env)
	if err != nil {
		return Place{}, fmt.Errorf("find the daemon's directory: %w", err)
	}
	name, err := daemonName(env, configPath)
	if err != nil {
		return Place{}, err
	}
	p := placeIn(dir, name)
	if len(p.Attach) > maxSocketPath {
		return Place{}, fmt.Errorf("the socket path %s has %d bytes, the system allows %d: set CONBROKER_RUNTIME_DIR to a shorter directory",
			p.Attach, len(p.Attach), maxSocketPath)
	}
	if err := local.PrivateDir(dir); err != nil {
		return Place{}, fmt.Errorf("the daemon's directory: %w", err)
	}
	return p, nil
}

// placeIn names the files of the daemon called name.
func placeIn(dir, name string) Place {
	base := filepath.Join(dir, name)
	return Place{
		Dir: dir, Socket: base + ".sock", Attach: base + ".attach.sock",
		Lock: base + ".lock", StartLock: base + ".start.lock", Log: base + ".log",
	}
}

// daemonName tells daemons of different configurations apart.
func daemonName(env func(string) string, configPath string) (string, error) {
	const shared = "daemon"
	if configPath == "" {
		return shared, nil
	}
	path, err := realPath(configPath)
	if err != nil {
		return "", fmt.Errorf("find the daemon for configuration %s: %w", configPath, err)
	}
	if usual, err := realPath(defaultConfig(env)); err == nil && usual == path {
		return shared, nil
	}
	sum := sha256.Sum256([]byte(path))
	return shared + "-" + hex.EncodeToString(sum[:4]), nil
}

// realPath makes a path absolute and, if the file exists, free of symbolic links.
func realPath(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real, nil
	}
	return path, nil
}

// defaultConfig is the configuration that is read without --config.
func defaultConfig(env func(string) string) string {
	if xdg := env("XDG_CONFIG_HOME"); filepath.IsAbs(xdg) {
		return filepath.Join(xdg, "conbroker", "config.toml")
	}
	return filepath.Join(env("HOME"), ".config", "conbroker", "config.toml")
}
