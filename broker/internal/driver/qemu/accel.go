package qemu

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

// Accelerators, as machine files and QEMU name them.
const (
	accelAuto = "auto"
	accelKVM  = "kvm"
	accelTCG  = "tcg"
)

const (
	// probeTime is how long the probe guest may take. Where KVM works it needs less than 0.2 s.
	probeTime = 1500 * time.Millisecond
	// probeWorks is QEMU's exit status when the probe guest came to its end (kvmprobe.S).
	probeWorks = 85
	// maxVerdicts bounds what is remembered on a host.
	maxVerdicts = 8
)

// probeGuest is kvmprobe.S, assembled.
//
//go:embed kvmprobe.bin
var probeGuest []byte

// verdict is what a probe found out.
type verdict struct {
	// Key names what the verdict holds for: boot of the host, version of QEMU, processor model.
	Key   string `json:"key"`
	Works bool   `json:"works"`
	// Reason says what happened.
	Reason string `json:"reason"`
}

func (v verdict) accelerator() string {
	if v.Works {
		return accelKVM
	}
	return accelTCG
}

func probeKey(env host.Environment, version, cpu string) string {
	return env.BootID + " " + version + " " + cpu
}

// accelerator decides for "auto". A /dev/kvm that opens proves nothing: in nested clouds a guest on it may hang. So a guest
// of 292 bytes must show, once per boot of the host and version of QEMU, that KVM brings it into long mode and gives it a
// timer interrupt; only then is KVM used. The person is told when the answer is found, not each time that it is recalled.
func (d *Driver) accelerator(ctx context.Context, h host.Host, env host.Environment, m *machineFile, found inspected, o driver.CreateOptions) (string, error) {
	if m.Accelerator != accelAuto {
		return m.Accelerator, nil
	}
	if m.Arch != archOf(env.Machine) || found.kvm == kvmMissing {
		return accelTCG, nil
	}
	if found.kvm == kvmForbidden {
		sayForbidden(ctx, h, env, o)
		return accelTCG, nil
	}
	p, key := places(env), probeKey(env, found.version, m.CPU)
	if v, ok := recall(ctx, h, p, key); ok {
		return v.accelerator(), nil
	}
	v := verdict{Key: key}
	o.Progress("try whether KVM works")
	if err := probe(ctx, h, p, found, m.CPU, &v); err != nil {
		return "", err
	}
	if !v.Works {
		o.Notice("KVM does not work on " + h.Name() + ", so QEMU runs guests by translation (TCG), which is slower; remembered until the host reboots. " +
			"The trial said: " + v.Reason)
	}
	remember(ctx, h, p, v)
	return v.accelerator(), nil
}

// sayForbidden says once per boot of the host that KVM is there for others only.
func sayForbidden(ctx context.Context, h host.Host, env host.Environment, o driver.CreateOptions) {
	v := verdict{Key: env.BootID + " forbidden to " + env.User, Reason: "permission denied"}
	if _, said := recall(ctx, h, places(env), v.Key); said {
		return
	}
	o.Notice("/dev/kvm is there, but " + env.User + " may not use it, so QEMU runs guests by translation (TCG), which is slower. " +
		"To change that: sudo adduser " + env.User + " kvm, and log in again")
	if makeDir(ctx, h, places(env).save) == nil {
		remember(ctx, h, places(env), v)
	}
}

// probe boots the probe guest under KVM.
func probe(ctx context.Context, h host.Host, p paths, found inspected, cpu string, v *verdict) error {
	if err := makeDir(ctx, h, p.save); err != nil {
		return err
	}
	file := path.Join(p.save, "kvmprobe.bin")
	if err := host.WriteFile(ctx, h, file, probeGuest, 0o600); err != nil {
		return fmt.Errorf("prepare the test of KVM: %w", err)
	}
	bounded, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	result, err := h.Run(bounded, host.Command{Limit: 4 << 10, Argv: []string{
		// A QEMU that fails an assertion must not leave its memory in somebody's directory.
		"sh", "-c", `ulimit -c 0; exec "$@"`, "sh", found.exec, "-accel", accelKVM, "-M", "pc", "-cpu", cpu, "-m", "16", "-nodefaults", "-no-user-config", "-display", "none",
		"-no-reboot", "-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-kernel", file,
	}})
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("test of KVM: %w", context.Cause(ctx))
	case errors.Is(bounded.Err(), context.DeadlineExceeded):
		v.Reason = fmt.Sprintf("a test guest did not come to its end within %v", probeTime)
	case err != nil:
		return fmt.Errorf("test of KVM: %w", err)
	case result.ExitCode == probeWorks:
		v.Works, v.Reason = true, "a test guest ran"
	default:
		v.Reason = fmt.Sprintf("QEMU failed with exit status %d", result.ExitCode)
		if line := lastLine(result.Stderr); line != "" {
			v.Reason += ": " + strings.TrimRight(line, ".")
		}
	}
	return nil
}

func verdictFile(p paths) string { return path.Join(p.save, "kvm.json") }

// verdicts reads what was found out before; what cannot be read is not known.
func verdicts(ctx context.Context, h host.Host, p paths) []verdict {
	var all []verdict
	data, err := host.ReadFile(ctx, h, verdictFile(p), maxFile)
	if err != nil || json.Unmarshal(data, &all) != nil {
		return nil
	}
	return all
}

func recall(ctx context.Context, h host.Host, p paths, key string) (verdict, bool) {
	for _, v := range verdicts(ctx, h, p) {
		if v.Key == key {
			return v, true
		}
	}
	return verdict{}, false
}

// remember keeps a verdict, and drops the oldest beyond maxVerdicts. Failing costs no more than the next probe.
func remember(ctx context.Context, h host.Host, p paths, v verdict) {
	all := append(verdicts(ctx, h, p), v)
	if len(all) > maxVerdicts {
		all = all[len(all)-maxVerdicts:]
	}
	data, err := json.Marshal(all)
	if err == nil {
		_ = host.WriteFile(ctx, h, verdictFile(p), data, 0o600)
	}
}

// makeDir makes a directory of our own below one that the host guards.
func makeDir(ctx context.Context, h host.Host, dir string) error {
	c := host.Command{Argv: []string{"mkdir", "-p", "-m", "700", dir}}
	r, err := h.Run(ctx, c)
	if err != nil {
		return err
	}
	return host.Check(h, c, r)
}
