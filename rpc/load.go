package rpc

// Load says how busy a connection is at one moment.
type Load struct {
	// InFlight counts the requests and notifications whose handlers run.
	InFlight int
	// QueuedBytes is what waits on the control lane for the peer to read.
	QueuedBytes int
}

// Load returns how busy the connection is now.
func (c *Conn) Load() Load { return Load{InFlight: c.work.running(), QueuedBytes: c.out.queued()} }

// queued returns the bytes of control messages that are not written yet.
func (w *writer) queued() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.control) + w.writing
}
