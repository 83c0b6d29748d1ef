package remote

import (
	"bytes"
	"cmp"
	"strings"
	"sync/atomic"

	"github.com/conbroker/conbroker/broker/internal/host"
)

// maxNoise bounds what is kept of the words of a login shell before the mark.
const maxNoise = 8 << 10

// output takes one of a command's streams: the noise of the login shell, the line with the mark, and what the command
// itself prints, of which the first limit bytes are kept.
type output struct {
	mark  []byte
	limit int
	// told is called once, with the word after the mark.
	told func(word string)
	// arrived counts bytes, so that it can be seen whether more is coming.
	arrived atomic.Int64

	begun   bool
	noise   []byte
	kept    bytes.Buffer
	dropped bool
}

func newOutput(mark string, limit int, told func(word string)) *output {
	return &output{mark: []byte(mark + " "), limit: cmp.Or(max(limit, 0), host.DefaultLimit), told: told}
}

// Write never fails, so that the command can always finish.
func (o *output) Write(p []byte) (int, error) {
	o.arrived.Add(int64(len(p)))
	rest := p
	if !o.begun {
		rest = o.search(p)
	}
	head := rest[:min(len(rest), o.limit-o.kept.Len())]
	o.dropped = o.dropped || len(head) < len(rest)
	o.kept.Write(head)
	return len(p), nil
}

// search looks for the line with the mark and returns what follows it.
func (o *output) search(p []byte) []byte {
	o.noise = append(o.noise, p...)
	at := bytes.Index(o.noise, o.mark)
	if at < 0 {
		if extra := len(o.noise) - maxNoise; extra > 0 {
			o.noise = append(o.noise[:0], o.noise[extra:]...)
		}
		return nil
	}
	word, rest, whole := bytes.Cut(o.noise[at+len(o.mark):], []byte("\n"))
	if !whole {
		return nil
	}
	o.begun = true
	o.noise = nil
	if o.told != nil {
		o.told(strings.TrimRight(string(word), "\r"))
	}
	return rest
}

// said is what a stream without a mark held: the words of a login shell that ran no command.
func (o *output) said() string {
	return strings.TrimSpace(strings.ToValidUTF8(string(o.noise), "\uFFFD"))
}
