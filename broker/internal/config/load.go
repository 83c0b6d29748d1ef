package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxFile is the largest configuration file that is read.
const maxFile = 1 << 20

// DefaultPath is the configuration file that is read when none is named: $XDG_CONFIG_HOME/conbroker/config.toml, and without that
// variable (or with a relative one, which the XDG Base Directory Specification 0.8 says to ignore) ~/.config/conbroker/config.toml.
func DefaultPath() (string, error) {
	dir, err := directory()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "config.toml"), nil
}

// directory is where this project's configuration lives on this computer.
func directory() (string, error) {
	base := os.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(base) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("find the configuration directory: %w", err)
		}
		base = filepath.Join(home, ".config")
	}
	return filepath.Join(base, "conbroker"), nil
}

// Load reads and checks a configuration file. An empty path means [DefaultPath], which need not exist; a path that is given
// must. Mistakes in the file are *[Error].
func Load(path string) (*Config, error) {
	path, data, err := read(path)
	if err != nil {
		return nil, err
	}
	return parse(data, path)
}

// parse reads and checks the content of a configuration file.
func parse(data []byte, path string) (*Config, error) {
	c := &Config{}
	lines, err := decode(data, path, c)
	if err != nil {
		return nil, err
	}
	if err := c.check(path, lines); err != nil {
		return nil, err
	}
	return c, nil
}

// read returns the content of the file at path, and for an empty path that of the default one, if it exists.
func read(path string) (string, []byte, error) {
	optional := path == ""
	if optional {
		var err error
		if path, err = DefaultPath(); err != nil {
			return "", nil, err
		}
	}
	data, err := readFile(path)
	if optional && errors.Is(err, fs.ErrNotExist) {
		return path, nil, nil
	}
	return path, data, err
}

// readFile reads a file of at most maxFile bytes.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	if len(data) > maxFile {
		return nil, &Error{File: path, Text: fmt.Sprintf("it is larger than %s; expected a configuration in TOML", ByteSize(maxFile))}
	}
	return data, nil
}
