package broker

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/conbroker/conbroker/broker/internal/config"
	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// enumeration is what one host brought.
type enumeration struct {
	machines []protocol.Machine
	problems []protocol.FileProblem
}

// MachineEnumerate implements protocol.Server.
func (s *session) MachineEnumerate(ctx context.Context, params *protocol.MachineEnumerateParams) (*protocol.MachineEnumerateResult, error) {
	if params.Cache == protocol.CacheOnly {
		return s.MachineQuery(ctx, &protocol.MachineQueryParams{Hosts: params.Hosts, Types: params.Types})
	}
	report := s.begin(params.WorkDone, "Enumerate machines")
	defer report.end()
	names, err := s.broker.hostNames(params.Hosts)
	if err != nil {
		return nil, err
	}
	if err := s.broker.checkTypes(params.Types); err != nil {
		return nil, err
	}
	perHost, errs := overHosts(names, func(name string) (enumeration, []protocol.HostError) {
		defer report.step(name)
		return s.broker.enumerateHost(ctx, name, params)
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	result := &protocol.MachineEnumerateResult{Machines: []protocol.Machine{}, Problems: []protocol.FileProblem{}, Errors: errs}
	for _, e := range perHost {
		result.Machines = append(result.Machines, e.machines...)
		result.Problems = append(result.Problems, e.problems...)
	}
	return result, nil
}

// enumerateHost asks one host, and the inventory for it if it cannot be asked and the request allows that.
func (b *Broker) enumerateHost(ctx context.Context, name string, params *protocol.MachineEnumerateParams) (enumeration, []protocol.HostError) {
	p, err := b.place(ctx, name, params.Types)
	if err != nil {
		errs := hostFailed(name, "", err)
		if params.Cache == protocol.CacheOff {
			return enumeration{}, errs
		}
		return enumeration{machines: b.remembered(name, params.Types)}, errs
	}
	roots := params.BasePaths
	if len(roots) == 0 {
		roots = p.basePaths
	}
	perDriver := make([]enumeration, len(p.drivers))
	failures := make([][]protocol.HostError, len(p.drivers))
	var wg sync.WaitGroup
	for i, d := range p.drivers {
		wg.Go(func() {
			targets, problems, err := driverTargets(ctx, p, d, roots)
			if err != nil {
				failures[i] = hostFailed(name, d.Type(), err)
				return
			}
			perDriver[i] = enumerated(name, d, targets, problems)
			if len(params.BasePaths) == 0 {
				b.remember(name, d, targets, problems)
			}
		})
	}
	wg.Wait()
	var all enumeration
	for _, e := range perDriver {
		all.machines = append(all.machines, e.machines...)
		all.problems = append(all.problems, e.problems...)
	}
	return all, slices.Concat(failures...)
}

// enumerated converts what a driver found. Sessions without a configuration are no machines.
func enumerated(hostName string, d driver.Driver, targets []target, problems []host.Problem) enumeration {
	var e enumeration
	for _, t := range targets {
		if t.machine == nil {
			continue
		}
		state := protocol.StateOff
		if t.session != nil {
			state = protocol.SessionState(t.session.session.State)
		}
		e.machines = append(e.machines, wireMachine(hostName, *t.machine, state))
	}
	for _, p := range problems {
		e.problems = append(e.problems, wireProblem(hostName, d.Type(), p))
	}
	return e
}

// wireProblem converts a file's mistake.
func wireProblem(hostName, sessionType string, p host.Problem) protocol.FileProblem {
	out := protocol.FileProblem{Host: hostName, Type: sessionType, File: p.Path, Message: p.Err.Error()}
	if mistake, ok := errors.AsType[*config.Error](p.Err); ok {
		out.Line, out.Message = mistake.Line, mistake.Text
	}
	return out
}

// remember puts an enumeration of the configured directories into the inventory. Failing to is not the request's failure.
func (b *Broker) remember(hostName string, d driver.Driver, targets []target, problems []host.Problem) {
	var machines []driver.Machine
	for _, t := range targets {
		if t.machine != nil {
			machines = append(machines, *t.machine)
		}
	}
	if err := b.options.Inventory.Put(hostName, d.Type(), machines, problems, time.Now()); err != nil {
		b.log.Warn("the inventory could not be written", "host", hostName, "error", err)
	}
}
