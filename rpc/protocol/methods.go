package protocol

import "context"

// Server is what the broker answers. A request has a result; a notification has none. Requests run at the same time and may be
// answered in any order, except that the methods marked "ordered" take effect in the order in which they were sent. Those marked
// "notify" are requests that clients may send as notifications. "errors" lists the kinds that a request fails with, besides those
// of the base protocol.
type Server interface {
	// Initialize opens the conversation. It must be the first request; before it every other request is answered with
	// -32002, and frames are limited to 64 KiB.
	//
	//conbroker:request initialize ordered
	Initialize(ctx context.Context, params *InitializeParams) (*InitializeResult, error)
	// Initialized says that the client has read the answer to initialize and takes notifications from now on.
	//
	//conbroker:notification initialized ordered
	Initialized(ctx context.Context, params *Empty) error
	// Shutdown says that the conversation is about to end: further requests are refused, and those still running at exit are
	// cancelled. Consoles and guests live on.
	//
	//conbroker:request shutdown ordered
	Shutdown(ctx context.Context, params *Empty) (*Empty, error)
	// Exit ends the connection; the process of "conbroker stdio" exits with 0 after a shutdown and with 1 without one.
	//
	//conbroker:notification exit ordered
	Exit(ctx context.Context, params *Empty) error

	// HostList returns the hosts that are configured, the local one among them, without touching the remote ones.
	//
	//conbroker:request host/list
	HostList(ctx context.Context, params *HostListParams) (*HostListResult, error)
	// HostShow returns what changes on hosts: load, memory, uptime, sessions.
	//
	//conbroker:request host/show
	//conbroker:errors notFound
	HostShow(ctx context.Context, params *HostReportParams) (*HostReportResult, error)
	// HostInfo returns what does not change on hosts: system, processors, memory, tools, and the drivers with their states.
	//
	//conbroker:request host/info
	//conbroker:errors notFound
	HostInfo(ctx context.Context, params *HostReportParams) (*HostReportResult, error)

	// SessionCreate starts a machine or connects to a running one, as the mode says, and opens its console unless none is wanted.
	// Progress is reported on workDoneToken.
	//
	//conbroker:request session/create
	//conbroker:errors notFound ambiguous hostUnreachable authenticationFailed permissionDenied unsupported alreadyRunning notRunning timeout commandFailed busy configInvalid
	SessionCreate(ctx context.Context, params *SessionCreateParams) (*SessionCreateResult, error)
	// SessionCancel powers off, resets, reboots, pauses or suspends sessions, or changes their init level. One result per session is
	// returned even if some failed; the request itself fails only if no session could be selected.
	//
	//conbroker:request session/cancel
	//conbroker:errors notFound ambiguous hostUnreachable authenticationFailed permissionDenied unsupported notRunning timeout commandFailed
	SessionCancel(ctx context.Context, params *SessionCancelParams) (*SessionCancelResult, error)
	// SessionList returns what runs on hosts, and an error for each host that could not be asked.
	//
	//conbroker:request session/list
	//conbroker:errors notFound
	SessionList(ctx context.Context, params *SessionListParams) (*SessionListResult, error)
	// SessionWatch returns what session/list returns, and from then on sends session/didChange whenever that changes. A second
	// watch replaces the first.
	//
	//conbroker:request session/watch
	//conbroker:errors notFound
	SessionWatch(ctx context.Context, params *SessionWatchParams) (*SessionListResult, error)

	// MachineEnumerate returns the machines that configuration files on hosts describe, running or not.
	//
	//conbroker:request machine/enumerate
	//conbroker:errors notFound
	MachineEnumerate(ctx context.Context, params *MachineEnumerateParams) (*MachineEnumerateResult, error)
	// MachineQuery answers from the inventory, the cache of earlier enumerations, without touching a host.
	//
	//conbroker:request machine/query
	//conbroker:errors notFound
	MachineQuery(ctx context.Context, params *MachineQueryParams) (*MachineEnumerateResult, error)

	// ConsoleOpen opens the console of a session, or a shell on a host, and returns its key and the command that attaches a
	// terminal to it. A guest's console that this broker holds already is returned as it is.
	//
	//conbroker:request console/open
	//conbroker:errors notFound ambiguous hostUnreachable authenticationFailed permissionDenied unsupported notRunning timeout commandFailed busy
	ConsoleOpen(ctx context.Context, params *ConsoleOpenParams) (*ConsoleOpenResult, error)
	// ConsoleAttach makes this connection a viewer, or the writer, of a console. The bytes come as console/output.
	//
	//conbroker:request console/attach
	//conbroker:errors notFound notRunning busy
	ConsoleAttach(ctx context.Context, params *ConsoleAttachParams) (*ConsoleAttachResult, error)
	// ConsoleInput types into a console. As a notification it is refused whole with console/inputRefused when the guest does not
	// read; as a request it waits for room and answers with the offset at which later output begins.
	//
	//conbroker:request console/input ordered notify
	//conbroker:errors notFound notRunning permissionDenied busy timeout
	ConsoleInput(ctx context.Context, params *ConsoleInputParams) (*ConsoleInputResult, error)
	// ConsoleResize sets a console's size. Only the writer may, or anybody while there is none. Usually a notification.
	//
	//conbroker:request console/resize ordered notify
	//conbroker:errors notFound notRunning permissionDenied
	ConsoleResize(ctx context.Context, params *ConsoleResizeParams) (*Empty, error)
	// ConsoleAck says up to which offset an attachment's output has been consumed, and so opens the window again. Usually a
	// notification.
	//
	//conbroker:request console/ack ordered notify
	//conbroker:errors notFound
	ConsoleAck(ctx context.Context, params *ConsoleAckParams) (*Empty, error)
	// ConsoleBreak sends a break, where the console knows one. Usually a notification.
	//
	//conbroker:request console/break ordered notify
	//conbroker:errors notFound notRunning permissionDenied unsupported
	ConsoleBreak(ctx context.Context, params *ConsoleBreakParams) (*Empty, error)
	// ConsoleExpect waits until the console's output matches a pattern.
	//
	//conbroker:request console/expect
	//conbroker:errors notFound notRunning timeout
	ConsoleExpect(ctx context.Context, params *ConsoleExpectParams) (*ConsoleExpectResult, error)
	// ConsoleSnapshot returns the screen as it is now.
	//
	//conbroker:request console/snapshot
	//conbroker:errors notFound
	ConsoleSnapshot(ctx context.Context, params *ConsoleSnapshotParams) (*ConsoleSnapshotResult, error)
	// ConsoleList returns the consoles that the broker holds, and those that ended not long ago.
	//
	//conbroker:request console/list
	ConsoleList(ctx context.Context, params *Empty) (*ConsoleListResult, error)
	// ConsoleDetach ends an attachment; the console lives on.
	//
	//conbroker:request console/detach
	//conbroker:errors notFound
	ConsoleDetach(ctx context.Context, params *ConsoleDetachParams) (*Empty, error)
	// ConsoleClose ends a console for all its viewers; the guest runs on.
	//
	//conbroker:request console/close
	//conbroker:errors notFound
	ConsoleClose(ctx context.Context, params *ConsoleCloseParams) (*Empty, error)

	// TunnelOpen makes a guest's VNC server reachable at a local port.
	//
	//conbroker:request tunnel/open
	//conbroker:errors notFound ambiguous hostUnreachable authenticationFailed permissionDenied unsupported notRunning timeout commandFailed
	TunnelOpen(ctx context.Context, params *TunnelOpenParams) (*TunnelOpenResult, error)
	// TunnelClose closes the local port and the connections through it.
	//
	//conbroker:request tunnel/close
	//conbroker:errors notFound
	TunnelClose(ctx context.Context, params *TunnelCloseParams) (*Empty, error)

	// PromptAnswer answers a window/prompt.
	//
	//conbroker:request prompt/answer
	//conbroker:errors notFound
	PromptAnswer(ctx context.Context, params *PromptAnswerParams) (*Empty, error)
	// BrokerStatus returns versions, uptime and counters.
	//
	//conbroker:request broker/status
	BrokerStatus(ctx context.Context, params *Empty) (*BrokerStatusResult, error)
}

// Client is what the broker sends on its own: notifications only.
type Client interface {
	// Progress reports on a request that carried a workDoneToken.
	//
	//conbroker:notification $/progress
	Progress(ctx context.Context, params *ProgressParams) error
	// LogMessage is a line for the client's log.
	//
	//conbroker:notification window/logMessage
	LogMessage(ctx context.Context, params *MessageParams) error
	// ShowMessage is a line for the person.
	//
	//conbroker:notification window/showMessage
	ShowMessage(ctx context.Context, params *MessageParams) error
	// Prompt asks the person for something, such as a password. It is answered with prompt/answer.
	//
	//conbroker:notification window/prompt
	Prompt(ctx context.Context, params *PromptParams) error
	// PromptDone says that a prompt needs no answer any more.
	//
	//conbroker:notification window/promptDone
	PromptDone(ctx context.Context, params *PromptDoneParams) error
	// SessionDidChange says what changed since session/watch answered, or since the last session/didChange.
	//
	//conbroker:notification session/didChange
	SessionDidChange(ctx context.Context, params *SessionDidChangeParams) error
	// ConsoleOutput carries output, or a repainted screen, to an attachment.
	//
	//conbroker:notification console/output
	ConsoleOutput(ctx context.Context, params *ConsoleOutputParams) error
	// ConsoleGap says exactly which bytes an attachment will not get, because it read too slowly.
	//
	//conbroker:notification console/gap
	ConsoleGap(ctx context.Context, params *ConsoleGapParams) error
	// ConsoleDidChange says that an attachment's mode, or the console's size or writer, changed.
	//
	//conbroker:notification console/didChange
	ConsoleDidChange(ctx context.Context, params *ConsoleDidChangeParams) error
	// ConsoleInputRefused says that input sent as a notification was not taken, and why.
	//
	//conbroker:notification console/inputRefused
	ConsoleInputRefused(ctx context.Context, params *ConsoleInputRefusedParams) error
	// ConsoleDidClose is the last message of an attachment.
	//
	//conbroker:notification console/didClose
	ConsoleDidClose(ctx context.Context, params *ConsoleDidCloseParams) error
}

// The methods of the base protocol that are not in the interfaces because the connection itself answers them.
const (
	// MethodCancelRequest cancels a request: {"id": ...}. The request is answered with -32800 unless it had ended.
	MethodCancelRequest = "$/cancelRequest"
)
