package broker

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// HostShow implements protocol.Server.
func (s *session) HostShow(ctx context.Context, params *protocol.HostReportParams) (*protocol.HostReportResult, error) {
	return s.report(ctx, params, "Show", func(ctx context.Context, p place) (protocol.HostReport, []protocol.HostError) {
		facts, errs := gather(p, func(r driver.Reporter) ([]driver.Fact, error) { return r.Show(ctx, p.Host) })
		sessions, listErrs := s.broker.listHost(ctx, p.Name(), params.Types)
		count := map[string]int{}
		for _, session := range sessions {
			count[session.Type]++
		}
		return protocol.HostReport{Host: p.Name(), Facts: facts, Sessions: count}, append(errs, listErrs...)
	})
}

// HostInfo implements protocol.Server.
func (s *session) HostInfo(ctx context.Context, params *protocol.HostReportParams) (*protocol.HostReportResult, error) {
	return s.report(ctx, params, "Info", func(ctx context.Context, p place) (protocol.HostReport, []protocol.HostError) {
		facts, errs := gather(p, func(r driver.Reporter) ([]driver.Fact, error) { return r.Info(ctx, p.Host) })
		report := protocol.HostReport{Host: p.Name(), Facts: facts, Drivers: []protocol.DriverInfo{}}
		for _, probed := range probeAll(ctx, p) {
			if probed.err != nil {
				errs = append(errs, hostFailed(p.Name(), probed.info.Type, probed.err)...)
				continue
			}
			report.Drivers = append(report.Drivers, protocol.DriverInfo{
				Type: probed.info.Type, State: protocol.DriverState(probed.info.State), Version: probed.info.Version,
				Accelerator: probed.info.Accelerator, Reason: probed.info.Reason, Advice: probed.info.Advice,
			})
		}
		return report, errs
	})
}

// report asks hosts for a report each.
func (s *session) report(ctx context.Context, params *protocol.HostReportParams, title string, ask func(context.Context, place) (protocol.HostReport, []protocol.HostError)) (*protocol.HostReportResult, error) {
	progress := s.begin(params.WorkDone, title)
	defer progress.end()
	names := params.Hosts
	if len(names) == 0 {
		names = []string{host.LocalName}
	}
	names, err := s.broker.hostNames(names)
	if err != nil {
		return nil, err
	}
	if err := s.broker.checkTypes(params.Types); err != nil {
		return nil, err
	}
	perHost, errs := overHosts(names, func(name string) (*protocol.HostReport, []protocol.HostError) {
		defer progress.step(name)
		p, err := s.broker.place(ctx, name, params.Types)
		if err != nil {
			return nil, hostFailed(name, "", err)
		}
		report, failures := ask(ctx, p)
		return &report, failures
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	result := &protocol.HostReportResult{Reports: []protocol.HostReport{}, Errors: errs}
	for _, r := range perHost {
		if r != nil {
			result.Reports = append(result.Reports, *r)
		}
	}
	return result, nil
}

// gather collects the facts of the drivers that report, the host's own first.
func gather(p place, ask func(driver.Reporter) ([]driver.Fact, error)) ([]protocol.Fact, []protocol.HostError) {
	facts := []protocol.Fact{}
	var errs []protocol.HostError
	ordered := slices.Clone(p.drivers)
	slices.SortStableFunc(ordered, func(a, b driver.Driver) int { return cmp.Compare(rank(a), rank(b)) })
	for _, d := range ordered {
		reporter, ok := d.(driver.Reporter)
		if !ok {
			continue
		}
		found, err := ask(reporter)
		if err != nil && !p.absent(err) {
			errs = append(errs, hostFailed(p.Name(), d.Type(), err)...)
		}
		for _, f := range found {
			facts = append(facts, protocol.Fact{Group: f.Group, Name: f.Name, Value: f.Value})
		}
	}
	return facts, errs
}

// rank puts the host itself before the machines on it.
func rank(d driver.Driver) int {
	if d.Type() == driver.TypePM {
		return 0
	}
	return 1
}

// probed is what one driver's probe brought.
type probed struct {
	info driver.Info
	err  error
}

// probeAll asks all drivers at once whether they can be used on a host.
func probeAll(ctx context.Context, p place) []probed {
	results := make([]probed, len(p.drivers))
	var wg sync.WaitGroup
	for i, d := range p.drivers {
		wg.Go(func() {
			info, err := d.Probe(ctx, p.Host)
			info.Type = d.Type()
			results[i] = probed{info: info, err: err}
		})
	}
	wg.Wait()
	return results
}

// compareSessions orders sessions by host, type, label and key.
func compareSessions(a, b protocol.Session) int {
	return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Label, b.Label), cmp.Compare(a.Key, b.Key))
}

// containsFold tells whether words has a word, whatever its case.
func containsFold(words []string, word string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, word) })
}
