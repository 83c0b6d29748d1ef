package inventory

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

// TypeScan is what the driver of one session type found on a host.
type TypeScan struct {
	TypeEntry
	// Err is set if the driver could not look at all; Machines is then not complete and must not replace what is remembered.
	Err error
}

// Scan asks the drivers for the machines below roots, all at once, and returns when all have answered: one result per driver, in
// the order of drivers. The failure of one does not touch the others.
func Scan(ctx context.Context, h host.Host, drivers []driver.Driver, roots []string) []TypeScan {
	results := make([]TypeScan, len(drivers))
	var wait sync.WaitGroup
	for i, d := range drivers {
		wait.Go(func() {
			now := time.Now()
			machines, problems, err := d.Enumerate(ctx, h, roots)
			if err != nil {
				err = fmt.Errorf("enumerate %s machines on %s: %w", d.Type(), h.Name(), err)
			}
			results[i] = TypeScan{TypeEntry{Type: d.Type(), Scanned: now, Machines: machines, Problems: problems}, err}
		})
	}
	wait.Wait()
	return results
}
