package protocol

import "encoding/json"

// InitializeParams say who the client is and what it can do.
type InitializeParams struct {
	// ProtocolVersion is the version that the client was written for; left out, the broker's own is taken.
	ProtocolVersion string `json:"protocolVersion,omitempty"`
	// ClientInfo names the client in logs and to other viewers of a console.
	ClientInfo *PeerInfo `json:"clientInfo,omitempty"`
	// ProcessID is the client's process; the broker only shows it.
	ProcessID int `json:"processId,omitempty"`
	// Capabilities are what the client can do beyond answering.
	Capabilities ClientCapabilities `json:"capabilities,omitzero"`
}

// PeerInfo names a program.
type PeerInfo struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
}

// ClientCapabilities are what a client can do.
type ClientCapabilities struct {
	// Prompt: the client shows window/prompt to a person. Without it whatever needs a secret fails at once.
	Prompt bool `json:"prompt,omitempty"`
}

// InitializeResult says who the broker is.
type InitializeResult struct {
	ProtocolVersion string             `json:"protocolVersion"`
	ServerInfo      PeerInfo           `json:"serverInfo"`
	Capabilities    ServerCapabilities `json:"capabilities"`
}

// ServerCapabilities are what this broker can do.
type ServerCapabilities struct {
	// Methods are the requests and notifications that it takes.
	Methods []string `json:"methods"`
	// Types are the session types that it has drivers for.
	Types []string `json:"types"`
	// Persistent: consoles outlive this connection, because a per-user daemon holds them.
	Persistent bool `json:"persistent"`
	// MaxBody is the largest frame body that it takes, in bytes.
	MaxBody int `json:"maxBody"`
}

// ProgressToken is chosen by the client: a string or an integer.
type ProgressToken = json.RawMessage

// WorkDone is part of the params of requests that may take long.
type WorkDone struct {
	// WorkDoneToken asks for $/progress on this token.
	WorkDoneToken ProgressToken `json:"workDoneToken,omitempty"`
}

// SetWorkDoneToken asks for $/progress on token.
func (w *WorkDone) SetWorkDoneToken(token ProgressToken) { w.WorkDoneToken = token }

// ProgressParams report on a request.
type ProgressParams struct {
	Token ProgressToken `json:"token"`
	Value ProgressValue `json:"value"`
}

// ProgressKind is the phase of a progress report.
type ProgressKind string

// The phases: one begin, any number of reports, one end.
const (
	ProgressBegin  ProgressKind = "begin"
	ProgressReport ProgressKind = "report"
	ProgressEnd    ProgressKind = "end"
)

// ProgressValue is one report.
type ProgressValue struct {
	Kind ProgressKind `json:"kind"`
	// Title says what is done as a whole; with begin only.
	Title string `json:"title,omitempty"`
	// Message says what is done at this moment.
	Message string `json:"message,omitempty"`
	// Percentage is 0 to 100, if it is known.
	Percentage *int `json:"percentage,omitempty"`
	// Cancellable: $/cancelRequest has an effect; with begin only.
	Cancellable bool `json:"cancellable,omitempty"`
}

// MessageType is the weight of a message, as in the Language Server Protocol.
type MessageType int

// The weights.
const (
	MessageError   MessageType = 1
	MessageWarning MessageType = 2
	MessageInfo    MessageType = 3
	MessageLog     MessageType = 4
)

// MessageParams is a line of text.
type MessageParams struct {
	Type    MessageType `json:"type"`
	Message string      `json:"message"`
}

// PromptParams ask the person for something.
type PromptParams struct {
	// ID names the prompt in the answer.
	ID string `json:"id"`
	// Host and User say where and for whom.
	Host string `json:"host"`
	User string `json:"user"`
	// Prompt is the text to show.
	Prompt string `json:"prompt"`
	// Secret: what is typed must not be shown or kept.
	Secret bool `json:"secret"`
}

// PromptDoneParams withdraw a prompt.
type PromptDoneParams struct {
	ID string `json:"id"`
}

// PromptAnswerParams answer a prompt.
type PromptAnswerParams struct {
	ID string `json:"id"`
	// Text is what was typed.
	Text string `json:"text,omitempty"`
	// Cancel: the person does not want to answer; the request that asked fails.
	Cancel bool `json:"cancel,omitempty"`
}

// BrokerStatusResult is what broker/status tells.
type BrokerStatusResult struct {
	// Version and Build name the program; ProtocolVersion what it speaks.
	Version         string `json:"version"`
	Build           string `json:"build"`
	ProtocolVersion string `json:"protocolVersion"`
	// PID is the broker's process.
	PID int `json:"pid"`
	// Uptime is in seconds.
	Uptime float64 `json:"uptime"`
	// Persistent: this is the per-user daemon.
	Persistent bool `json:"persistent"`
	// Consoles counts open consoles, Tunnels open tunnels.
	Consoles int `json:"consoles"`
	Tunnels  int `json:"tunnels"`
	// ConsoleBytes counts the bytes read from all consoles so far.
	ConsoleBytes int64 `json:"consoleBytes"`
	// Goroutines and MemoryBytes describe the process.
	Goroutines  int   `json:"goroutines"`
	MemoryBytes int64 `json:"memoryBytes"`
	// Connections are the clients, this one among them.
	Connections []ConnectionStatus `json:"connections"`
}

// ConnectionStatus describes one client of the broker.
type ConnectionStatus struct {
	Client string `json:"client"`
	// InFlight counts requests being answered; QueuedBytes is what waits to be written; Attachments counts attached consoles.
	InFlight    int `json:"inFlight"`
	QueuedBytes int `json:"queuedBytes"`
	Attachments int `json:"attachments"`
}
