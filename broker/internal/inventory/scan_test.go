package inventory

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/google/go-cmp/cmp"
)

// fakeDriver enumerates what it is told, after all drivers of the test have been asked.
type fakeDriver struct {
	driver.Driver
	name     string
	machines []driver.Machine
	problems []host.Problem
	err      error
	asked    chan<- []string
	all      <-chan struct{}
}

func (d fakeDriver) Type() string { return d.name }

func (d fakeDriver) Enumerate(ctx context.Context, _ host.Host, roots []string) ([]driver.Machine, []host.Problem, error) {
	d.asked <- roots
	select {
	case <-d.all:
		return d.machines, d.problems, d.err
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

// namedHost is a host of which only the name is asked.
type namedHost struct{ host.Host }

func (namedHost) Name() string { return "lab00" }

func TestScanAsksAllDriversAtOnce(t *testing.T) {
	asked, all := make(chan []string), make(chan struct{})
	broken := errors.New("xl does not answer")
	drivers := []driver.Driver{
		fakeDriver{name: "XEN", err: broken, asked: asked, all: all},
		fakeDriver{name: "QEMU", machines: []driver.Machine{testMachine("QEMU", "a")}, asked: asked, all: all},
		fakeDriver{name: "PM", problems: []host.Problem{{Path: "/x", Err: broken}}, asked: asked, all: all},
	}
	go func() {
		for range drivers {
			if diff := cmp.Diff([]string{"xen"}, <-asked); diff != "" {
				t.Errorf("roots (-want +got):\n%s", diff)
			}
		}
		close(all) // only reached if all are asked before the first has answered
	}()
	got := Scan(t.Context(), namedHost{}, drivers, []string{"xen"})
	if len(got) != 3 || got[0].Type != "XEN" || got[1].Type != "QEMU" || got[2].Type != "PM" {
		t.Fatalf("got %+v, want one result per driver in their order", got)
	}
	if !errors.Is(got[0].Err, broken) || !strings.Contains(got[0].Err.Error(), "XEN machines on lab00") {
		t.Errorf("XEN: got %v", got[0].Err)
	}
	if got[1].Err != nil || len(got[1].Machines) != 1 || got[1].Scanned.IsZero() {
		t.Errorf("QEMU: got %+v", got[1])
	}
	if got[2].Err != nil || len(got[2].Problems) != 1 {
		t.Errorf("PM: got %+v", got[2])
	}
}

func TestScanEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan []string)
	go func() {
		<-asked
		cancel()
	}()
	got := Scan(ctx, namedHost{}, []driver.Driver{fakeDriver{name: "XEN", asked: asked}}, nil)
	if !errors.Is(got[0].Err, context.Canceled) {
		t.Errorf("got %v, want that the context was cancelled", got[0].Err)
	}
}
