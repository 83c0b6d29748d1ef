package consoles

// EventKind says what an Event tells.
type EventKind string

// The kinds of Event.
const (
	// Output carries bytes of the stream, or a repaint of the screen.
	Output EventKind = "output"
	// Gap says that the bytes From..To (To not included) are lost to this
	// attachment: it fell behind the ring.
	Gap EventKind = "gap"
	// WriterChanged says that another client, Writer, writes from now on, or nobody.
	WriterChanged EventKind = "writerChanged"
	// Resized says that the terminal has a new Size. It stands in the order of
	// the output; a resize made through this very attachment is not told.
	Resized EventKind = "resized"
	// Closed says that the stream has ended. It is the last event, after all output.
	Closed EventKind = "closed"
)

// Event is one thing that an attachment is told. The fields that a kind does
// not name are zero.
type Event struct {
	Kind EventKind

	// Offset is, for Output, the absolute offset of Data[0]; for a snapshot and
	// a Gap, the offset at which the output goes on; else the offset reached.
	Offset int64
	// Data is valid until the next call of Next or Wait.
	Data []byte
	// Snapshot marks bytes that repaint the screen instead of bytes of the
	// stream: they do not count in offsets and need no credit. A repaint may
	// come in several events.
	Snapshot bool

	From, To int64      // Gap
	Writer   string     // WriterChanged: name of the client, or empty
	Size     Size       // Resized
	Exit     ExitStatus // Closed
}
