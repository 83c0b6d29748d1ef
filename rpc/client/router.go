package client

import (
	"encoding/json"
	"slices"
	"sync"

	"github.com/conbroker/conbroker/rpc/protocol"
)

// router passes what belongs to a Console to it. The broker may send output right behind the reply to console/attach, before the
// caller has seen that: such messages are held until the attachment is known.
type router struct {
	mu        sync.Mutex
	consoles  map[string]*Console // by attachment
	attaching int                 // calls of console/attach under way
	held      []message           // of unknown attachments, while attaching
	heldSize  int                 // bytes of held
	err       error               // set when the connection has ended
}

// addressee is what console notifications have in common.
type addressee struct {
	Attachment string `json:"attachment"`
	Console    string `json:"console"`
}

// addressee finds whom m is for; false if m is for no attachment.
func (m *message) addressee() (to addressee, ok bool) {
	switch m.method {
	case "console/output":
		m.output = &protocol.ConsoleOutputParams{}
		if json.Unmarshal(m.params, m.output) != nil {
			return to, false
		}
		return addressee{m.output.Attachment, m.output.Console}, true
	case "console/gap", "console/didChange", "console/didClose", "console/inputRefused":
		return to, json.Unmarshal(m.params, &to) == nil
	}
	return to, false
}

// route gives m to the console it is for, else to other. It runs on the read loop.
func (r *router) route(m message, other func(message)) {
	to, ok := m.addressee()
	if !ok {
		other(m)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.toConsoles(m, to):
	case r.attaching > 0 && to.Attachment != "" && r.heldSize+len(m.params) <= maxInbox:
		r.held = append(r.held, m)
		r.heldSize += len(m.params)
	default:
		other(m)
	}
}

// toConsoles delivers m, and reports whether anybody wanted it. A refusal of input names no attachment: it is for whoever writes.
func (r *router) toConsoles(m message, to addressee) bool {
	if c := r.consoles[to.Attachment]; c != nil {
		c.receive(m)
		return true
	}
	taken := false
	if m.method == "console/inputRefused" {
		for _, c := range r.consoles {
			if c.params.Console == to.Console && c.attached.Mode == protocol.ModeWrite {
				c.receive(m)
				taken = true
			}
		}
	}
	return taken
}

// expect announces a console/attach. done must be called with the console, or nil if there is none, and with where to send what
// was held for nobody.
func (r *router) expect() (done func(c *Console, other func(message))) {
	r.mu.Lock()
	r.attaching++
	r.mu.Unlock()
	return func(c *Console, other func(message)) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.attaching--
		if c != nil {
			r.add(c)
		}
		if r.attaching == 0 {
			for _, m := range r.held {
				other(m)
			}
			r.held, r.heldSize = nil, 0
		}
	}
}

// add makes c known and gives it what was held for it.
func (r *router) add(c *Console) {
	if r.err != nil {
		c.fail(r.err)
	}
	if r.consoles == nil {
		r.consoles = map[string]*Console{}
	}
	r.consoles[c.attached.Attachment] = c
	r.held = slices.DeleteFunc(r.held, func(m message) bool {
		if to, _ := m.addressee(); to.Attachment != c.attached.Attachment {
			return false
		}
		c.receive(m)
		return true
	})
}

func (r *router) remove(c *Console) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.consoles, c.attached.Attachment)
}

// fail ends all consoles, and those to come.
func (r *router) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
	for _, c := range r.consoles {
		c.fail(err)
	}
}
