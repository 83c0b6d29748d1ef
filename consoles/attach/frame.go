package attach

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/conbroker/conbroker/consoles"
)

// frameType is the first byte of a frame.
type frameType byte

// The frames; see the package comment.
const (
	frameInput    frameType = 'i'
	frameSize     frameType = 's'
	frameBreak    frameType = 'b'
	frameDetach   frameType = 'd'
	frameTakeover frameType = 't'

	frameOutput   frameType = 'o'
	frameSnapshot frameType = 'p'
	frameGap      frameType = 'g'
	frameChange   frameType = 'c'
	frameRefusal  frameType = 'n'
	frameExit     frameType = 'x'
)

const (
	headerLen = 5
	// maxPayload bounds the payload of a frame; it is also the most that the
	// hub gives in one event.
	maxPayload = 64 << 10
)

// header returns the payload's length that a frame's first five bytes announce.
func header(b []byte) (frameType, int, error) {
	t, n := frameType(b[0]), binary.BigEndian.Uint32(b[1:headerLen])
	if n > maxPayload {
		return t, 0, fmt.Errorf("frame %q of %d bytes: at most %d are allowed", t, n, maxPayload)
	}
	return t, int(n), nil
}

// frameWriter writes frames; several goroutines may use it.
type frameWriter struct {
	mu   sync.Mutex
	w    io.Writer
	head [headerLen]byte
	vec  [2][]byte
}

// write sends one frame, header and payload in one system call where w is a socket.
func (f *frameWriter) write(t frameType, payload []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.head[0] = byte(t)
	binary.BigEndian.PutUint32(f.head[1:], uint32(len(payload)))
	f.vec = [2][]byte{f.head[:], payload}
	bufs := net.Buffers(f.vec[:])
	_, err := bufs.WriteTo(f.w)
	return err
}

// writeJSON sends one frame with a JSON payload.
func (f *frameWriter) writeJSON(t frameType, v any) error {
	payload, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode frame %q: %w", t, err)
	}
	return f.write(t, payload)
}

// encodeSize is the payload of a size frame.
func encodeSize(s Size) []byte {
	c := consoles.Size(s).Clamp()
	b := binary.BigEndian.AppendUint16(nil, uint16(c.Cols))
	return binary.BigEndian.AppendUint16(b, uint16(c.Rows))
}

// decodeSize reads the payload of a size frame.
func decodeSize(b []byte) (Size, error) {
	if len(b) != 4 {
		return Size{}, fmt.Errorf("size frame of %d bytes instead of 4", len(b))
	}
	return Size{Cols: int(binary.BigEndian.Uint16(b)), Rows: int(binary.BigEndian.Uint16(b[2:]))}, nil
}

// encodeGap is the payload of a gap frame.
func encodeGap(from, to int64) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(from))
	return binary.BigEndian.AppendUint64(b, uint64(to))
}

// decodeGap reads the payload of a gap frame.
func decodeGap(b []byte) (from, to int64, err error) {
	if len(b) != 16 {
		return 0, 0, fmt.Errorf("gap frame of %d bytes instead of 16", len(b))
	}
	from, to = int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))
	if from < 0 || to < from {
		return 0, 0, fmt.Errorf("gap frame from %d to %d", from, to)
	}
	return from, to, nil
}

// Change says how an attachment stands now.
type Change struct {
	// Mode is what this client may do.
	Mode consoles.Mode `json:"mode"`
	// Writer names the client that types; empty if none does.
	Writer string `json:"writer"`
	// Size is the console's size.
	Size Size `json:"size"`
}

// Exit says how the console ended.
type Exit struct {
	// Code is the exit status of the program behind the console; 0 if there is none.
	Code int `json:"code"`
	// Signal is the name of the signal that ended it, or empty.
	Signal string `json:"signal,omitempty"`
	// Reason is in words.
	Reason string `json:"reason"`
}
