package consoles

import "time"

// State says whether a console's stream is alive.
type State string

// The states of a console. A closed one never opens again.
const (
	StateOpen   State = "open"
	StateClosed State = "closed"
)

// Info describes a console at one moment.
type Info struct {
	ID, Label, Kind, Host, Title, Term string

	Size        Size
	OpenedAt    time.Time
	Active      time.Time // last output
	State       State
	Exit        ExitStatus // if State is StateClosed
	Offset      int64      // bytes received from the guest = offset of the next byte
	Oldest      int64      // offset of the first retained byte
	BytesIn     int64      // bytes of input accepted
	InputQueued int        // bytes of input that the guest has not taken yet
	Held        int        // bytes of memory that the ring holds
	Writer      string     // name of the client that writes, or empty
	Attachments []AttachmentInfo
	Recording   RecordingInfo
}

// AttachmentInfo describes one attachment.
type AttachmentInfo struct {
	Client string
	Mode   Mode
	Offset int64 // offset of the next byte for this client
}

// RecordingInfo describes the recording of a console.
type RecordingInfo struct {
	Path  string // empty if the console is not recorded
	Error string // why recording does not work now; empty if it does
	Lost  int64  // bytes that are missing in the file
}

// Info describes the console now.
func (c *Console) Info() Info {
	var rec RecordingInfo
	if c.recorder != nil {
		rec = c.recorder.info()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	i := Info{
		ID: c.spec.ID, Label: c.spec.Label, Kind: c.spec.Kind, Host: c.spec.Host,
		Title: c.spec.Title, Term: c.spec.Term,
		Size: c.size, OpenedAt: c.openedAt, Active: c.active,
		State: StateOpen, Offset: c.ring.total, Oldest: c.ring.oldest(),
		BytesIn: c.bytesIn, InputQueued: c.input.size(), Held: c.ring.held,
		Writer: c.writer.name, Recording: rec,
	}
	if c.closed {
		i.State, i.Exit = StateClosed, c.exit
	}
	for _, a := range c.attachments {
		if !a.hidden {
			i.Attachments = append(i.Attachments, AttachmentInfo{Client: a.client, Mode: a.mode(), Offset: a.cursor})
		}
	}
	return i
}
