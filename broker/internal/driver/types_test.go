package driver

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/conbroker/conbroker/broker/internal/host"
)

// named is a driver that has nothing but its type.
type named string

func (n named) Type() string { return string(n) }

func (named) Probe(context.Context, host.Host) (Info, error) { return Info{}, nil }

func (named) List(context.Context, host.Host) ([]Session, error) { return nil, nil }

func (named) Enumerate(context.Context, host.Host, []string) ([]Machine, []host.Problem, error) {
	return nil, nil, nil
}

func TestRegistry(t *testing.T) {
	r := Registry{named("QEMU"), named("PM")}
	if d, ok := r.Get("qemu"); !ok || d.Type() != "QEMU" {
		t.Errorf("got %v, %v", d, ok)
	}
	if _, ok := r.Get("QEM"); ok {
		t.Error("a part of a type was taken for it")
	}
	if got := r.Types(); !slices.Equal(got, []string{"QEMU", "PM"}) {
		t.Errorf("types %v", got)
	}
}

func TestErrors(t *testing.T) {
	for want, err := range map[string]error{
		"reboot QEMU tst100: timed out (ask again)": &Error{Action: "reboot", Type: "QEMU", Label: "tst100", Err: ErrTimeout, Advice: "ask again"},
		"console of tst100 is in use":               &BusyError{Resource: "console of tst100"},
		"console of tst100 is in use by anna":       &BusyError{Resource: "console of tst100", Holder: "anna"},
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
	if err := error(&Error{Err: ErrTimeout}); !errors.Is(err, ErrTimeout) {
		t.Error("the reason is lost")
	}
	if err := error(&MachineError{Label: "tst100", Err: ErrUnsupported}); !errors.Is(err, ErrUnsupported) {
		t.Error("the mistake is lost")
	}
}
