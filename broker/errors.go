package broker

import (
	"context"
	"errors"

	"github.com/conbroker/conbroker/broker/internal/address"
	"github.com/conbroker/conbroker/broker/internal/config"
	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/prompt"
	"github.com/conbroker/conbroker/consoles"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// reasons maps the sentinel errors of the lower packages to codes. The order matters only where an error wraps two.
var reasons = [...]struct {
	err  error
	code protocol.ErrorCode
}{
	{prompt.ErrNotOpen, protocol.CodeNotFound},
	{prompt.ErrNobody, protocol.CodeAuthenticationFailed},
	{prompt.ErrCancelled, protocol.CodeAuthenticationFailed},
	{prompt.ErrUnanswered, protocol.CodeTimeout},
	{prompt.ErrGone, protocol.CodeAuthenticationFailed},
	{host.ErrAuthentication, protocol.CodeAuthenticationFailed},
	{host.ErrPermission, protocol.CodePermissionDenied},
	{host.ErrNotInstalled, protocol.CodeUnsupported},
	{host.ErrFileNotFound, protocol.CodeNotFound},
	{host.ErrUnreachable, protocol.CodeHostUnreachable},
	{driver.ErrAlreadyRunning, protocol.CodeAlreadyRunning},
	{driver.ErrNotRunning, protocol.CodeNotRunning},
	{driver.ErrUnsupported, protocol.CodeUnsupported},
	{driver.ErrTimeout, protocol.CodeTimeout},
	{consoles.ErrClosed, protocol.CodeNotRunning},
	{consoles.ErrDetached, protocol.CodeNotRunning},
	{consoles.ErrInputFull, protocol.CodeBusy},
	{consoles.ErrBudget, protocol.CodeBusy},
	{consoles.ErrReadOnly, protocol.CodePermissionDenied},
	{consoles.ErrNoBreak, protocol.CodeUnsupported},
	{consoles.ErrOffset, protocol.CodeInvalidParams},
	{errTypedAhead, protocol.CodeBusy},
	{context.DeadlineExceeded, protocol.CodeTimeout},
	{context.Canceled, protocol.CodeCancelled},
}

// wireError is the one place where errors become error objects of the protocol. The host may be empty; an error that
// knows its host keeps it. It returns nil for nil.
func wireError(err error, hostName string) *protocol.Error {
	if err == nil {
		return nil
	}
	if known, ok := errors.AsType[*protocol.Error](err); ok {
		return withHost(known, hostName)
	}
	e := protocol.Errorf(codeOf(err), "%s", err)
	fillData(e, err)
	return withHost(e, hostName)
}

// codeOf finds the code that fits an error of the lower packages.
func codeOf(err error) protocol.ErrorCode {
	for _, r := range reasons {
		if errors.Is(err, r.err) {
			return r.code
		}
	}
	switch {
	case is[*address.Error](err):
		return protocol.CodeInvalidParams
	case is[*config.Error](err):
		return protocol.CodeConfigInvalid
	case is[*driver.BusyError](err), is[*consoles.BusyError](err):
		return protocol.CodeBusy
	case is[*host.CommandError](err):
		return protocol.CodeCommandFailed
	case is[*host.Error](err):
		return protocol.CodeHostUnreachable
	}
	return protocol.CodeInternalError
}

// fillData copies the parts that a program may want from the error into the data of e.
func fillData(e *protocol.Error, err error) {
	data := protocol.ErrorData{Kind: e.Code.Kind()}
	if h, ok := errors.AsType[*host.Error](err); ok {
		data.Host = h.Host
	}
	if c, ok := errors.AsType[*host.CommandError](err); ok {
		data.Host, data.Command, data.ExitCode, data.Stderr = c.Host, c.Argv, &c.ExitCode, c.Stderr
	}
	if c, ok := errors.AsType[*config.Error](err); ok {
		data.File, data.Line = c.File, c.Line
	}
	if b, ok := errors.AsType[*driver.BusyError](err); ok {
		data.Holder = b.Holder
	}
	if b, ok := errors.AsType[*consoles.BusyError](err); ok {
		data.Holder = b.Holder
	}
	if x, ok := errors.AsType[*consoles.ExpectError](err); ok {
		data.Seen, data.Offset = x.Seen, &x.Offset
	}
	e.Data = &data
}

// withHost returns e with the host filled in if it has none.
func withHost(e *protocol.Error, hostName string) *protocol.Error {
	if hostName == "" || (e.Data != nil && e.Data.Host != "") {
		return e
	}
	copied := *e
	data := protocol.ErrorData{Kind: e.Code.Kind()}
	if e.Data != nil {
		data = *e.Data
	}
	data.Host = hostName
	copied.Data = &data
	return &copied
}

// is tells whether err wraps an error of type E.
func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// invalid is the error for params that have the right types and make no sense.
func invalid(format string, args ...any) error {
	return protocol.Errorf(protocol.CodeInvalidParams, format, args...)
}
