package main

import (
	"errors"
	"fmt"

	"github.com/conbroker/conbroker/broker/internal/table"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// fail tells the person what went wrong and returns the exit code for it.
func (a *app) fail(err error) int {
	a.complain("", err)
	var usage usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

// complain prints an error: about is the host or machine concerned, if the message may not say it.
func (a *app) complain(about string, err error) {
	text := plain(err.Error())
	var refused *protocol.Error
	if errors.As(err, &refused) {
		text = plain(refused.Message)
	}
	if about != "" {
		text = plain(about) + ": " + text
	}
	fmt.Fprintln(a.errs, "conbroker: "+text)
	if refused != nil && refused.Data != nil && len(refused.Data.Candidates) > 0 {
		a.candidates(refused.Data.Candidates)
	}
}

// candidates prints what an ambiguous address fits, so that the person can say which one is meant.
func (a *app) candidates(list []protocol.Candidate) {
	// Standard error is the last place to tell anything; if it fails there is none left.
	_ = table.Candidates(list).Render(a.errs, a.tableOn(a.errs, nil))
	fmt.Fprintln(a.errs, "name one of them by its path or UUID, such as pathname:"+plain(firstPath(list)))
}

// firstPath is an example for an address that is not ambiguous.
func firstPath(list []protocol.Candidate) string {
	if list[0].Path != "" {
		return list[0].Path
	}
	return list[0].ID
}

// hostErrors prints the failures of single hosts and returns the error for the exit code.
func (a *app) hostErrors(list []protocol.HostError) error {
	for _, e := range list {
		about := e.Host
		if e.Type != "" {
			about += " (" + e.Type + ")"
		}
		a.complain(about, e.Error)
	}
	if len(list) > 0 {
		return exitCode(exitPartial)
	}
	return nil
}

// tally is the end of a command on several targets.
func tally(failed, all int) error {
	switch {
	case failed == 0:
		return nil
	case failed == all:
		return exitCode(exitFailed)
	}
	return exitCode(exitPartial)
}
