package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/conbroker/conbroker/broker/internal/table"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// versions is what version prints as JSON.
type versions struct {
	Version         string `json:"version"`
	Build           string `json:"build"`
	ProtocolVersion string `json:"protocolVersion"`
	Go              string `json:"go"`
	Platform        string `json:"platform"`
}

func (a *app) versionCommand() *cobra.Command {
	format := newChoice(formatTable, formatJSON)
	cmd := &cobra.Command{
		Use:   "version",
		Short: "The version of this program and of its protocol",
		Long:  `version prints what this program is. "conbroker call broker/status" tells the same of the running daemon.`,
		Example: `  conbroker version
  conbroker version --format=json`,
		Args: none,
		RunE: func(*cobra.Command, []string) error {
			v := versions{a.version, a.build, protocol.Version, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			if format.value == formatJSON {
				return table.JSON(a.out, v, isTerminal(a.out))
			}
			_, err := fmt.Fprintf(a.out, "conbroker %s (build %s, protocol %s, %s, %s)\n", v.Version, v.Build, v.ProtocolVersion, v.Go, v.Platform)
			return err
		},
	}
	format.flag(cmd, "format", "how to print: table for people, json for programs")
	return cmd
}
