// Package qemu is the driver for virtual machines that QEMU runs as ordinary processes of the user: no root, no libvirt.
// A machine is a TOML file (see [Driver.Enumerate]); what runs is found in the host's runtime directory, so any broker of
// the user sees and serves machines that another one started.
//
// Below the runtime directory of [host.Environment], "qemu/KEY.pid" is the pid file of the machine whose file has the key
// KEY, and "qemu/KEY-NONCE/" belongs to one run of it:
//
//	machine.json   what was started: file, label, uuid, owner, accelerator
//	qmp.sock       QMP for commands; each takes a connection of its own and gives it back at once
//	events-N.sock  QMP for those who wait for events
//	serial.sock    the guest's serial port; serial.lock names who is connected
//	qemu.log       what QEMU said
//
// QEMU keeps its pid file locked for as long as it lives (QEMU 7.2, util/oslib-posix.c qemu_write_pidfile). That lock
// alone decides which of two starts at once wins, and it needs no cleaning after a crash. A directory of a run whose
// process is gone, or whose process number now belongs to another program, is removed by whoever notices. The pid file
// itself stays: it cannot be removed without a race, and the next start takes it over.
package qemu

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

// Type is the session type of this driver.
const Type = "QEMU"

// Driver runs QEMU machines. It keeps no state and may be used from several goroutines.
type Driver struct {
	// owner names this broker to others that find a console taken.
	owner string
}

var (
	_ driver.Driver    = (*Driver)(nil)
	_ driver.Creator   = (*Driver)(nil)
	_ driver.Powerer   = (*Driver)(nil)
	_ driver.Initer    = (*Driver)(nil)
	_ driver.Pauser    = (*Driver)(nil)
	_ driver.Suspender = (*Driver)(nil)
	_ driver.Consoler  = (*Driver)(nil)
	_ driver.Watcher   = (*Driver)(nil)
)

// New returns the driver for a broker that calls itself owner, such as "conbroker, process 4711, user anna". An empty
// owner becomes "conbroker" with the number of this process.
func New(owner string) *Driver {
	if owner == "" {
		owner = fmt.Sprintf("conbroker, process %d", os.Getpid())
	}
	return &Driver{owner: strings.Join(strings.Fields(owner), " ")}
}

// Type returns "QEMU".
func (d *Driver) Type() string { return Type }

// Probe looks for the QEMU of the host's own architecture.
func (d *Driver) Probe(ctx context.Context, h host.Host) (driver.Info, error) {
	info := driver.Info{Type: Type, State: driver.ProbeDisabled}
	env, err := host.ReadEnvironment(ctx, h)
	if err != nil {
		return info, fmt.Errorf("probe %s: %w", Type, err)
	}
	binary := binaryFor(archOf(env.Machine))
	found, err := inspect(ctx, h, places(env), inspection{binary: binary})
	if err != nil {
		return info, fmt.Errorf("probe %s: %w", Type, err)
	}
	if found.exec == "" {
		info.Reason = binary + " is not in the PATH"
		info.Advice = installAdvice(binary)
		return info, nil
	}
	info.State, info.Version = driver.ProbeEnabled, found.version
	verdict, known := recall(ctx, h, places(env), probeKey(env, found.version, defaultCPU))
	switch {
	case found.kvm != kvmUsable:
		info.Accelerator = accelTCG
	case known:
		info.Accelerator = verdict.accelerator()
	}
	return info, nil
}

// archOf turns what uname -m prints into QEMU's name of the architecture.
func archOf(machine string) string {
	switch machine {
	case "arm64":
		return "aarch64"
	case "amd64", "":
		return "x86_64"
	}
	return machine
}

func binaryFor(arch string) string { return "qemu-system-" + arch }

// installAdvice is the command that installs a missing QEMU on Debian.
func installAdvice(binary string) string {
	pkg := "qemu-system"
	switch strings.TrimPrefix(binary, "qemu-system-") {
	case "x86_64", "i386":
		pkg = "qemu-system-x86"
	case "aarch64", "arm":
		pkg = "qemu-system-arm"
	}
	return "install it: sudo apt-get install --no-install-recommends " + pkg
}

// notInstalled is the error for a QEMU that is not there.
func notInstalled(h host.Host, binary string) error {
	return &host.Error{Host: h.Name(), Action: "run " + binary, Err: host.ErrNotInstalled, Advice: installAdvice(binary)}
}

// paths are where this driver keeps things on one host.
type paths struct {
	// run holds what lives as long as the machines, save what outlives a boot.
	run, save string
	home      string
}

func places(env host.Environment) paths {
	return paths{run: path.Join(env.RuntimeDir, "qemu"), save: path.Join(env.StateDir, "qemu"), home: env.Home}
}

// keyOf is the short name of a machine in file names, made from the path of its file.
func keyOf(file string) string {
	sum := sha256.Sum256([]byte(file))
	return hex.EncodeToString(sum[:5])
}

func (p paths) pidFile(key string) string { return path.Join(p.run, key+".pid") }

// savedFile is the record of a suspended machine, stateFile the driver's own place for its state.
func (p paths) savedFile(key string) string { return path.Join(p.save, key+".saved") }
func (p paths) stateFile(key string) string { return path.Join(p.save, key+".state") }

// absolute resolves a path that a person gave against the home directory.
func (p paths) absolute(file string) (string, error) {
	if strings.ContainsFunc(file, isControl) {
		return "", errors.New("the state file's name holds control characters")
	}
	if rest, ok := strings.CutPrefix(file, "~/"); ok {
		file = rest
	}
	if !path.IsAbs(file) {
		file = path.Join(p.home, file)
	}
	return path.Clean(file), nil
}

// failed wraps err as a *driver.Error about a session, unless it is nil or already one.
func failed(action, label string, err error) error {
	var already *driver.Error
	if err == nil || errors.As(err, &already) {
		return err
	}
	return &driver.Error{Action: action, Type: Type, Label: label, Err: err}
}
