package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/conbroker/conbroker/broker/internal/table"
	"github.com/conbroker/conbroker/rpc/client"
	"github.com/conbroker/conbroker/rpc/protocol"
)

func (a *app) callCommand() *cobra.Command {
	var timeout patience
	notifications := false
	cmd := &cobra.Command{
		Use:   "call METHOD [PARAMS|-]",
		Short: "One JSON-RPC request, for scripts",
		Long: `call sends one request to the broker and prints the result as JSON. PARAMS is a JSON object; - reads it from standard
input. If the broker answers with an error, that is printed as JSON on standard error, and the exit code is 1: "code" and
"data.kind" say what it is, "message" says it in words.

docs/protocol.md lists the methods.`,
		Example: `  conbroker call session/list
  conbroker call session/create '{"address":{"label":"tst100"},"mode":"reuse"}' | jq -r .console
  conbroker call console/expect '{"console":"c1","pattern":"login: $","timeout":30}'
  echo '{"console":"c1","data":"uptime\r"}' | conbroker call console/input -`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return errors.New("METHOD is missing")
			case len(args) > 2:
				return fmt.Errorf("%q is one word too many; PARAMS is one word, so quote it", args[2])
			}
			return nil
		},
		ValidArgsFunction: completeMethods,
		RunE: func(cmd *cobra.Command, args []string) error {
			params, err := a.readParams(args[1:])
			if err != nil {
				return err
			}
			ctx, cancel := timeout.bound(cmd.Context())
			defer cancel()
			return a.call(ctx, args[0], params, notifications)
		},
	}
	timeout.flag(cmd, "cancel the request after this time")
	cmd.Flags().BoolVar(&notifications, "notifications", false, "print what the broker sends meanwhile as JSON lines on standard error")
	return cmd
}

// readParams returns the params of a request, empty if there are none.
func (a *app) readParams(args []string) (json.RawMessage, error) {
	if len(args) == 0 {
		return nil, nil
	}
	data, from := []byte(args[0]), "PARAMS"
	if args[0] == "-" {
		var err error
		if data, err = io.ReadAll(a.in); err != nil {
			return nil, fmt.Errorf("read the params from standard input: %w", err)
		}
		from = "standard input"
	}
	data = bytes.TrimSpace(data)
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil {
		return nil, usageError{fmt.Errorf("%s is no JSON object: %w", from, err)}
	}
	return data, nil
}

// call sends a request and prints what comes back.
func (a *app) call(ctx context.Context, method string, params json.RawMessage, notifications bool) (err error) {
	var handler protocol.Client
	if notifications {
		handler = a.notificationPrinter()
	}
	l, err := a.connect(ctx, handler)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	result, err := l.CallRaw(ctx, method, params)
	if refused, ok := errors.AsType[*protocol.Error](err); ok {
		return errors.Join(exitCode(exitFailed), table.JSON(a.errs, refused, false))
	}
	if err != nil {
		return a.cause(ctx, err)
	}
	return table.JSON(a.out, result, isTerminal(a.out))
}

// errInterrupted says that the person gave a request up with ^C.
var errInterrupted = errors.New("interrupted; the request was cancelled")

// cause says that a request was given up because its time was over or the person wished so, if that is why it failed.
func (a *app) cause(ctx context.Context, err error) error {
	refused, _ := errors.AsType[*protocol.Error](err)
	cancelled := refused != nil && refused.Code == protocol.CodeCancelled
	if ctx.Err() == nil || !cancelled && !errors.Is(err, ctx.Err()) {
		return err
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return errInterrupted
	}
	return context.Cause(ctx)
}

// notificationPrinter prints everything that the broker sends on its own.
func (a *app) notificationPrinter() protocol.Client {
	return client.Handlers{
		OnProgress:            printAs[protocol.ProgressParams](a, "$/progress"),
		OnLogMessage:          printAs[protocol.MessageParams](a, "window/logMessage"),
		OnShowMessage:         printAs[protocol.MessageParams](a, "window/showMessage"),
		OnSessionDidChange:    printAs[protocol.SessionDidChangeParams](a, "session/didChange"),
		OnConsoleOutput:       printAs[protocol.ConsoleOutputParams](a, "console/output"),
		OnConsoleGap:          printAs[protocol.ConsoleGapParams](a, "console/gap"),
		OnConsoleDidChange:    printAs[protocol.ConsoleDidChangeParams](a, "console/didChange"),
		OnConsoleInputRefused: printAs[protocol.ConsoleInputRefusedParams](a, "console/inputRefused"),
		OnConsoleDidClose:     printAs[protocol.ConsoleDidCloseParams](a, "console/didClose"),
	}
}

// notification is one line of --notifications.
type notification struct {
	Method string `json:"method"`
	Params any    `json:"params"`
}

// printAs prints a notification of one method.
func printAs[P any](a *app, method string) func(context.Context, *P) error {
	return func(_ context.Context, params *P) error {
		return table.JSON(a.errs, notification{method, params}, false)
	}
}
