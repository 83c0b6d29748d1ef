package consoles

// Dismiss ends all attachments that clients have now, each with a Closed event whose reason is given, after the event that it
// is reading. The console itself goes on, and may be attached to again at once.
func (c *Console) Dismiss(reason string) {
	c.mu.Lock()
	var wake []*Attachment
	for _, a := range c.attachments {
		if a.hidden || a.ended {
			continue
		}
		a.dismissal = &ExitStatus{Reason: reason}
		c.progressed(a)
		if a.armAlways() {
			wake = append(wake, a)
		}
	}
	wasWritten := c.writer.name != ""
	wake = append(wake, c.setWriter(writerRole{})...)
	c.mu.Unlock()
	signal(wake)
	if wasWritten {
		c.hub.changed(WriterChange, c)
	}
}
