package consoles

import "sort"

// Sizes of ring chunks in bytes. The first chunk is small so that an idle
// console is cheap; the largest is big enough to make chunk turnover rare.
const (
	firstChunk = 1 << 10
	maxChunk   = 64 << 10
	// minScrollback is the smallest ring: below it the chunks become so small
	// that every read from the guest would need a new one.
	minScrollback = 4 << 10
)

// chunk is one piece of a ring. Bytes buf[:n] are written and never change
// until the chunk leaves the ring; buf[n:] belongs to the console's reader.
type chunk struct {
	base int64 // absolute offset of buf[0]
	n    int
	buf  []byte
}

func (k *chunk) end() int64 { return k.base + int64(k.n) }

// ring keeps the newest bytes of a stream in chunks. It is guarded by its
// console's mu, except that the reader writes into the free space of the last chunk.
type ring struct {
	chunks []*chunk // oldest first, no holes between them
	held   int      // allocated bytes
	limit  int      // bound of held
	total  int64    // bytes ever written = offset of the next byte
}

// oldest returns the offset of the first retained byte.
func (r *ring) oldest() int64 {
	if len(r.chunks) == 0 {
		return r.total
	}
	return r.chunks[0].base
}

// room returns the free space of the last chunk.
func (r *ring) room() []byte {
	if len(r.chunks) == 0 {
		return nil
	}
	k := r.chunks[len(r.chunks)-1]
	return k.buf[k.n:]
}

// commit makes n bytes that were written into room part of the stream.
func (r *ring) commit(n int) {
	r.chunks[len(r.chunks)-1].n += n
	r.total += int64(n)
}

// push adds buf as the new last chunk.
func (r *ring) push(buf []byte) {
	r.chunks = append(r.chunks, &chunk{base: r.total, buf: buf})
	r.held += len(buf)
}

// pop removes the oldest chunk.
func (r *ring) pop() *chunk {
	k := r.chunks[0]
	copy(r.chunks, r.chunks[1:])
	r.chunks[len(r.chunks)-1] = nil
	r.chunks = r.chunks[:len(r.chunks)-1]
	r.held -= len(k.buf)
	return k
}

// nextSize returns the size of the chunk to add next: it grows with the ring.
// share is the console's fair part of all memory. The last chunk of a ring
// cannot be taken away, so it must be a small part of that.
func (r *ring) nextSize(share int64) int {
	largest := min(maxChunk, r.limit/4, int(max(share/4, firstChunk)))
	if r.held == 0 {
		return min(firstChunk, largest)
	}
	return min(4*r.held, largest)
}

// view returns retained bytes from off on, at most max and at most to the end
// of a chunk. The result is valid until that chunk leaves the ring.
func (r *ring) view(off int64, max int) []byte {
	i := sort.Search(len(r.chunks), func(i int) bool { return r.chunks[i].end() > off })
	if i == len(r.chunks) || off < r.chunks[i].base {
		return nil
	}
	k := r.chunks[i]
	b := k.buf[off-k.base : k.n]
	return b[:min(len(b), max)]
}

// copyAt fills dst with retained bytes from off on and returns how many.
func (r *ring) copyAt(dst []byte, off int64) int {
	n := 0
	for n < len(dst) {
		b := r.view(off+int64(n), len(dst)-n)
		if len(b) == 0 {
			break
		}
		n += copy(dst[n:], b)
	}
	return n
}
