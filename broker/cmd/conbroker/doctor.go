package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/conbroker/conbroker/broker/internal/config"
	"github.com/conbroker/conbroker/broker/internal/table"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// finding is one line of doctor.
type finding struct {
	// State is ok, warn or fail.
	State string `json:"state"`
	Host  string `json:"host"`
	Check string `json:"check"`
	// Detail says how it is, Mend what to do about it.
	Detail string `json:"detail"`
	Mend   string `json:"mend,omitempty"`
}

// The states of findings.
const (
	stateOK   = "ok"
	stateWarn = "warn"
	stateFail = "fail"
)

func (a *app) doctorCommand() *cobra.Command {
	format := newChoice(formatTable, formatJSON)
	var timeout patience
	cmd := &cobra.Command{
		Use:   "doctor [HOST...]",
		Short: "What is missing here and on hosts, and the command that mends it",
		Long: `doctor looks at what conbroker needs: the configuration, its directories, the daemon and ssh here, and on each host the tools
of each session type. It changes nothing. Without a HOST it looks at all hosts of the configuration.

Each line is ok, warn (something cannot be used, and need not) or fail. The exit code is 1 if a line is fail.`,
		Example: `  conbroker doctor
  conbroker doctor lab00
  conbroker doctor --format=json | jq '.[] | select(.state == "fail")'`,
		ValidArgsFunction: a.completeHosts,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := timeout.bound(cmd.Context())
			defer cancel()
			findings := append(a.examineHere(ctx), a.examineHosts(ctx, args)...)
			return errors.Join(a.printFindings(format, findings), verdict(findings))
		},
	}
	format.flag(cmd, "format", "how to print: table for people, json for programs")
	timeout.flag(cmd, "give up after this time")
	return cmd
}

// verdict is the error for the exit code.
func verdict(findings []finding) error {
	for _, f := range findings {
		if f.State == stateFail {
			return exitCode(exitFailed)
		}
	}
	return nil
}

func (a *app) printFindings(format *choice, findings []finding) error {
	if format.value == formatJSON {
		return table.JSON(a.out, findings, isTerminal(a.out))
	}
	return table.Table[finding]{
		Columns: []table.Column[finding]{
			{Title: "state", Min: 5, State: true, Value: func(f finding) string { return f.State }},
			{Title: "host", Min: 9, Value: func(f finding) string { return f.Host }},
			{Title: "check", Min: 13, Value: func(f finding) string { return f.Check }},
			{Title: "detail", Min: 24, Keep: table.Wrap, Value: func(f finding) string { return f.Detail }},
			{Title: "what mends it", Min: 20, Keep: table.Wrap, Value: func(f finding) string { return f.Mend }},
		},
		Rows: findings, Empty: "-",
	}.Render(a.out, a.tableOptions(nil))
}

// examineHosts asks the broker about hosts.
func (a *app) examineHosts(ctx context.Context, hosts []string) []finding {
	if len(hosts) == 0 {
		settings, err := config.Load(a.config)
		if err != nil {
			return nil // the configuration has its own line
		}
		hosts = settings.HostNames()
	}
	l, err := a.connect(ctx, nil)
	if err != nil {
		return []finding{{stateFail, config.LocalName, "broker", plain(a.cause(ctx, err).Error()), "conbroker daemon shows in the foreground why"}}
	}
	result, err := l.HostInfo(ctx, &protocol.HostReportParams{Hosts: hosts})
	if err = errors.Join(err, l.Close()); err != nil {
		return []finding{{stateFail, strings.Join(hosts, " "), "host", plain(a.cause(ctx, err).Error()), ""}}
	}
	var findings []finding
	for _, report := range result.Reports {
		for _, d := range report.Drivers {
			findings = append(findings, examineDriver(report.Host, d))
		}
	}
	for _, e := range result.Errors {
		check := "host"
		if e.Type != "" {
			check = e.Type
		}
		findings = append(findings, finding{stateFail, e.Host, check, e.Error.Message, ""})
	}
	return findings
}

// examineDriver says whether a session type can be used.
func examineDriver(host string, d protocol.DriverInfo) finding {
	f := finding{State: stateOK, Host: host, Check: d.Type, Detail: d.Version, Mend: d.Advice}
	if d.Accelerator != "" {
		f.Detail = strings.TrimPrefix(fmt.Sprintf("%s, machines run on %s", d.Version, d.Accelerator), ", ")
	}
	switch {
	case d.State == protocol.DriverDisabled:
		f.State, f.Detail = stateWarn, d.Reason
	case d.Reason != "":
		f.State, f.Detail = stateWarn, strings.TrimPrefix(f.Detail+": "+d.Reason, ": ")
	case f.Detail == "":
		f.Detail = "can be used"
	}
	return f
}
