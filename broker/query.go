package broker

import (
	"context"
	"os"
	"time"

	"github.com/conbroker/conbroker/broker/internal/inventory"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// MachineQuery implements protocol.Server.
func (s *session) MachineQuery(_ context.Context, params *protocol.MachineQueryParams) (*protocol.MachineEnumerateResult, error) {
	filter := inventory.Filter{Types: params.Types}
	if len(params.Hosts) > 0 {
		names, err := s.broker.hostNames(params.Hosts)
		if err != nil {
			return nil, err
		}
		filter.Hosts = names
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, err
	}
	if filter.Address, err = addressOf(params.Address).Normalize(home); err != nil {
		return nil, wireError(err, "")
	}
	return &protocol.MachineEnumerateResult{
		Machines: s.broker.query(filter), Errors: []protocol.HostError{}, Problems: []protocol.FileProblem{},
	}, nil
}

// remembered returns what the inventory holds of a host.
func (b *Broker) remembered(hostName string, types []string) []protocol.Machine {
	return b.query(inventory.Filter{Hosts: []string{hostName}, Types: types})
}

// query asks the inventory. The states of machines are not known there.
func (b *Broker) query(filter inventory.Filter) []protocol.Machine {
	machines := []protocol.Machine{}
	for _, f := range b.options.Inventory.Query(filter) {
		m := wireMachine(f.Host, f.Machine, protocol.StateUnknown)
		m.Scanned = f.Scanned.UTC().Format(time.RFC3339)
		machines = append(machines, m)
	}
	return machines
}
