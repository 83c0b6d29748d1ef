package protocol

// OpenKind is what console/open opens.
type OpenKind string

// The kinds.
const (
	// OpenGuest: the guest's console. The default.
	OpenGuest OpenKind = "guest"
	// OpenHost: a shell on the host.
	OpenHost OpenKind = "host"
	// OpenVNC: the guest's graphical console, as a local port.
	OpenVNC OpenKind = "vnc"
)

// ConsoleOpenParams say which console to open: of a session named by its key or by host, type and address, or of a host.
type ConsoleOpenParams struct {
	WorkDone
	// Session is a key that session/list or session/create gave.
	Session SessionRef `json:"session,omitempty"`
	// Host is where; left out, the local host.
	Host string `json:"host,omitempty"`
	Type string `json:"type,omitempty"`
	// Address selects the session, if Session is left out.
	Address *Address `json:"address,omitempty"`
	// Kind is guest if left out.
	Kind OpenKind `json:"kind,omitempty"`
	// Size and Term are those of the terminal that will show it.
	Size *Size  `json:"size,omitempty"`
	Term string `json:"term,omitempty"`
	// Escalation must be the host's configured one; another is refused.
	Escalation Escalation `json:"escalation,omitempty"`
}

// ConsoleOpenResult is the console and the way to it.
type ConsoleOpenResult struct {
	// Console is its key; left out for kind vnc.
	Console string `json:"console,omitempty"`
	// Attach is the command that attaches a terminal to it: run it as the child of that terminal.
	Attach []string `json:"attach,omitempty"`
	// Tunnel is the local port to a graphical console, with kind vnc.
	Tunnel *Tunnel `json:"tunnel,omitempty"`
	// Label and Host name it for a buffer or a window.
	Label string `json:"label"`
	Host  string `json:"host"`
	// Opened: this request opened it; false if the broker held it already.
	Opened bool `json:"opened"`
}

// AttachMode says whether an attachment may type.
type AttachMode string

// The modes.
const (
	ModeWrite AttachMode = "write"
	ModeRead  AttachMode = "read"
)

// Encoding is how bytes are written in JSON.
type Encoding string

// The encodings.
const (
	// EncodingUTF8: as text; what is not UTF-8 becomes U+FFFD, and a character is never split. The default.
	EncodingUTF8 Encoding = "utf-8"
	// EncodingBase64: exactly, as RFC 4648 base64.
	EncodingBase64 Encoding = "base64"
)

// Replay says what a new attachment gets first.
type Replay string

// The replays.
const (
	// ReplayScreen: bytes that paint the screen as it is now. The default.
	ReplayScreen Replay = "screen"
	// ReplayRaw: everything that is still kept, as it came.
	ReplayRaw Replay = "raw"
	// ReplayNone: only what comes from now on.
	ReplayNone Replay = "none"
)

// ConsoleAttachParams say how to attach.
type ConsoleAttachParams struct {
	Console string `json:"console"`
	// Mode is write if left out.
	Mode AttachMode `json:"mode,omitempty"`
	// Takeover takes the writing away from another client instead of failing with busy.
	Takeover bool `json:"takeover,omitempty"`
	// Encoding is that of the output; utf-8 if left out.
	Encoding Encoding `json:"encoding,omitempty"`
	// Window is how many bytes may be on the way before console/ack; left out 131072, at least 4096, at most 4 MiB.
	Window int64 `json:"window,omitempty"`
	// Replay is screen if left out.
	Replay Replay `json:"replay,omitempty"`
	// From resumes at an offset instead of a replay; bytes no longer kept come as a gap.
	From *int64 `json:"from,omitempty"`
	// Size is that of the terminal that shows it; taken if this attachment writes.
	Size *Size `json:"size,omitempty"`
}

// ConsoleAttachResult is the attachment.
type ConsoleAttachResult struct {
	// Attachment is its key.
	Attachment string `json:"attachment"`
	// Offset is where its output begins.
	Offset int64 `json:"offset"`
	// Mode is what was granted, Size the console's size.
	Mode AttachMode `json:"mode"`
	Size Size       `json:"size"`
}

// ConsoleInputParams is typing.
type ConsoleInputParams struct {
	Console string `json:"console"`
	// Data is what is typed; a line ends with "\r" as the Return key sends it.
	Data string `json:"data"`
	// Encoding is that of Data; utf-8 if left out.
	Encoding Encoding `json:"encoding,omitempty"`
}

// ConsoleInputResult says where the console stood when the input was taken.
type ConsoleInputResult struct {
	// Offset: output caused by the input comes at or after it. Give it to console/expect as from.
	Offset int64 `json:"offset"`
}

// ConsoleResizeParams is a new size.
type ConsoleResizeParams struct {
	Console string `json:"console"`
	Size    Size   `json:"size"`
}

// ConsoleAckParams say what has been consumed.
type ConsoleAckParams struct {
	Attachment string `json:"attachment"`
	// Offset is cumulative: everything before it is consumed.
	Offset int64 `json:"offset"`
}

// ConsoleBreakParams name the console to send a break to.
type ConsoleBreakParams struct {
	Console string `json:"console"`
}

// ConsoleExpectParams say what to wait for.
type ConsoleExpectParams struct {
	Console string `json:"console"`
	// Pattern is a regular expression in RE2 syntax. It is matched on text: escape sequences are removed, and "\r\n" is "\n".
	Pattern string `json:"pattern"`
	// Timeout is in seconds; left out, 30.
	Timeout *float64 `json:"timeout,omitempty"`
	// From is the offset at which to begin. Left out: after this connection's last match on the console, and at first with
	// everything that is still kept.
	From *int64 `json:"from,omitempty"`
	// Raw matches on the bytes as they came.
	Raw bool `json:"raw,omitempty"`
}

// ConsoleExpectResult is the match.
type ConsoleExpectResult struct {
	Match string `json:"match"`
	// Groups are the pattern's parenthesised parts.
	Groups []string `json:"groups,omitempty"`
	// Before is the text between from and the match, at most its last 256 KiB.
	Before string `json:"before"`
	// Offset is just after the match.
	Offset int64 `json:"offset"`
}

// ConsoleSnapshotParams name a console.
type ConsoleSnapshotParams struct {
	Console string `json:"console"`
}

// Cursor is a place on the screen, counted from 0.
type Cursor struct {
	Col     int  `json:"col"`
	Row     int  `json:"row"`
	Visible bool `json:"visible"`
}

// ConsoleSnapshotResult is the screen.
type ConsoleSnapshotResult struct {
	// Text is the screen's lines joined by "\n", blanks at line ends removed.
	Text string `json:"text"`
	// Lines are the same, one by one.
	Lines  []string `json:"lines"`
	Cursor Cursor   `json:"cursor"`
	Size   Size     `json:"size"`
	// Title is what the guest asked a window to be called; empty if it did not. It is text from the guest: show it, do not obey it.
	Title string `json:"title"`
	// AltScreen: a full-screen program has the screen.
	AltScreen bool `json:"altScreen"`
	// Offset is up to where output has been drawn.
	Offset int64 `json:"offset"`
}

// ConsoleState says whether a console lives.
type ConsoleState string

// The states.
const (
	ConsoleIsOpen   ConsoleState = "open"
	ConsoleIsClosed ConsoleState = "closed"
)

// Console is a console that the broker holds, or that ended not long ago.
type Console struct {
	Console string       `json:"console"`
	Label   string       `json:"label"`
	Host    string       `json:"host"`
	Type    string       `json:"type"`
	Kind    OpenKind     `json:"kind"`
	State   ConsoleState `json:"state"`
	// Session is the key of the session it belongs to; left out for a shell on a host.
	Session string `json:"session,omitempty"`
	Size    Size   `json:"size"`
	// Opened is when, RFC 3339.
	Opened string `json:"opened"`
	// Offset counts the bytes it has said; Oldest is the first that is still kept.
	Offset int64 `json:"offset"`
	Oldest int64 `json:"oldest"`
	// Writer names the client that types; Attachments counts all clients.
	Writer      string `json:"writer"`
	Attachments int    `json:"attachments"`
	// Recording is the file that it is recorded to; RecordingError says why recording failed, RecordingLost how many bytes it missed.
	Recording      string `json:"recording,omitempty"`
	RecordingError string `json:"recordingError,omitempty"`
	RecordingLost  int64  `json:"recordingLost,omitempty"`
	// Exit says how it ended.
	Exit *ConsoleExit `json:"exit,omitempty"`
	// Attach is the command that attaches a terminal to it.
	Attach []string `json:"attach"`
}

// ConsoleExit says how a console ended.
type ConsoleExit struct {
	// Code is the exit status of the program behind it; 0 for a guest's console.
	Code int `json:"code"`
	// Signal is the name of the signal that ended it.
	Signal string `json:"signal,omitempty"`
	// Reason is in words.
	Reason string `json:"reason"`
}

// ConsoleListResult are the consoles.
type ConsoleListResult struct {
	Consoles []Console `json:"consoles"`
}

// ConsoleDetachParams name an attachment.
type ConsoleDetachParams struct {
	Attachment string `json:"attachment"`
}

// ConsoleCloseParams name a console.
type ConsoleCloseParams struct {
	Console string `json:"console"`
}

// ConsoleOutputParams is output.
type ConsoleOutputParams struct {
	Attachment string `json:"attachment"`
	Console    string `json:"console"`
	// Offset is that of the first byte of Data.
	Offset int64 `json:"offset"`
	// Data is in the attachment's encoding.
	Data string `json:"data"`
	// Length is how many bytes of the stream Data stands for: the next output begins at Offset + Length. 0 for a snapshot.
	Length int64 `json:"length"`
	// Snapshot: Data paints the screen as it is at Offset; it is not part of the stream.
	Snapshot bool `json:"snapshot,omitempty"`
}

// ConsoleGapParams say what is missing.
type ConsoleGapParams struct {
	Attachment string `json:"attachment"`
	Console    string `json:"console"`
	// From is the first missing byte, To the one after the last.
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// ConsoleDidChangeParams say how an attachment stands now.
type ConsoleDidChangeParams struct {
	Attachment string     `json:"attachment"`
	Console    string     `json:"console"`
	Mode       AttachMode `json:"mode"`
	// Writer names the client that types; empty if none does.
	Writer string `json:"writer"`
	Size   Size   `json:"size"`
}

// ConsoleInputRefusedParams say that input was not taken.
type ConsoleInputRefusedParams struct {
	Console string `json:"console"`
	// Length is how many bytes were refused: all that the notification held.
	Length int    `json:"length"`
	Error  *Error `json:"error"`
}

// ConsoleDidCloseParams say that a console ended.
type ConsoleDidCloseParams struct {
	Attachment string `json:"attachment"`
	Console    string `json:"console"`
	// Offset is where its output ended.
	Offset int64       `json:"offset"`
	Exit   ConsoleExit `json:"exit"`
}

// Tunnel is a local port to a server on a host.
type Tunnel struct {
	// Tunnel is its key.
	Tunnel string `json:"tunnel"`
	Host   string `json:"host"`
	Type   string `json:"type"`
	Label  string `json:"label"`
	// Address is where it listens, always a loopback address; CPort its port, SPort the server's.
	Address string `json:"address"`
	CPort   int    `json:"cport"`
	SPort   int    `json:"sport"`
}

// TunnelOpenParams say which session's VNC server to reach.
type TunnelOpenParams struct {
	Session SessionRef `json:"session,omitempty"`
	Host    string     `json:"host,omitempty"`
	Type    string     `json:"type,omitempty"`
	Address *Address   `json:"address,omitempty"`
}

// TunnelOpenResult is the tunnel.
type TunnelOpenResult struct {
	Tunnel Tunnel `json:"tunnel"`
}

// TunnelCloseParams name a tunnel.
type TunnelCloseParams struct {
	Tunnel string `json:"tunnel"`
}
