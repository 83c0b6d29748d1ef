package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/conbroker/conbroker/broker/internal/config"
	"github.com/conbroker/conbroker/broker/internal/endpoint"
	"github.com/conbroker/conbroker/broker/internal/inventory"
)

// examineHere looks at what conbroker needs on this computer.
func (a *app) examineHere(ctx context.Context) []finding {
	findings := []finding{a.examineConfig()}
	place, err := endpoint.Find(a.env, a.config)
	if err != nil {
		findings = append(findings, failed("sockets", err, "export CONBROKER_RUNTIME_DIR=a directory of your own, mode 0700"))
	} else {
		findings = append(findings, fine("sockets", place.Dir), a.examineDaemon(ctx, place))
	}
	return append(findings, a.examineState(), a.examineSSH())
}

func fine(check, detail string) finding {
	return finding{State: stateOK, Host: config.LocalName, Check: check, Detail: detail}
}

func failed(check string, err error, mend string) finding {
	return finding{State: stateFail, Host: config.LocalName, Check: check, Detail: plain(err.Error()), Mend: mend}
}

// examineConfig reads the configuration file.
func (a *app) examineConfig() finding {
	path := a.config
	if path == "" {
		var err error
		if path, err = config.DefaultPath(); err != nil {
			return failed("configuration", err, "export HOME=your home directory")
		}
	}
	if _, err := config.Load(a.config); err != nil {
		return failed("configuration", err, "edit "+path)
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return fine("configuration", "there is none, so the defaults hold; it would be "+path)
	}
	return fine("configuration", path)
}

// examineDaemon asks the daemon what it is.
func (a *app) examineDaemon(ctx context.Context, place endpoint.Place) finding {
	peer, err := endpoint.Probe(ctx, place)
	switch {
	case errors.Is(err, endpoint.ErrAbsent):
		return fine("daemon", "it does not run; it starts when it is needed")
	case err != nil:
		return failed("daemon", err, "look into "+place.Log)
	}
	f := fine("daemon", fmt.Sprintf("process %d, version %s (build %s), %d clients, %d consoles", peer.PID, peer.Version, peer.Build, peer.Clients, peer.Consoles))
	if own := a.hello(); own != peer.Hello {
		f.State = stateWarn
		f.Detail += fmt.Sprintf("; this program is version %s (build %s)", own.Version, own.Build)
		f.Mend = "conbroker daemon --replace, when it holds no consoles"
	}
	return f
}

// examineState looks at the directory for what is remembered, and reads the inventory in it.
func (a *app) examineState() finding {
	dir, err := a.stateDir()
	if err != nil {
		return failed("memory", err, "export HOME=your home directory")
	}
	if err := writable(dir); err != nil {
		return failed("memory", err, "make it yours: sudo chown \"$USER\" "+quote(dir))
	}
	var faults bytes.Buffer
	path := filepath.Join(dir, "inventory")
	store := inventory.Open(path)
	store.Logger = slog.New(slog.NewTextHandler(&faults, nil))
	machines := len(store.Query(inventory.Filter{}))
	if faults.Len() > 0 {
		first, _, _ := strings.Cut(faults.String(), "\n")
		return finding{stateWarn, config.LocalName, "memory", plain(first), "rm -r " + quote(path) + " && conbroker enumerate"}
	}
	return fine("memory", fmt.Sprintf("%s, %d machines are remembered", dir, machines))
}

// writable makes dir if need be and writes into it.
func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".doctor-")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// examineSSH looks for ssh, which hosts that are not this computer need.
func (a *app) examineSSH() finding {
	path, err := exec.LookPath("ssh")
	if err == nil {
		return fine("ssh", path)
	}
	f := finding{stateWarn, config.LocalName, "ssh", "not installed; hosts other than this one cannot be reached", "sudo apt-get install openssh-client"}
	settings, err := config.Load(a.config)
	if err != nil {
		return f
	}
	for _, name := range settings.HostNames() {
		if settings.Host(name).Transport == "openssh" {
			f.State, f.Detail = stateFail, "not installed, and host "+name+" needs it"
		}
	}
	return f
}

// quote writes a path so that a shell takes it as one word.
func quote(path string) string { return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'" }
