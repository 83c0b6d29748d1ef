package consoles

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"
)

const (
	// expectWindow bounds the unmatched text that a pattern is tried on, in bytes.
	expectWindow = 256 << 10
	// expectSeen bounds the text that an ExpectError shows, in bytes.
	expectSeen = 2 << 10
	// expectBefore is the default of ExpectOptions.MaxBefore.
	expectBefore = 64 << 10
	// searchShare is which part of the time may go into running the pattern
	// while output floods in: one in searchShare.
	searchShare = 4
)

// ExpectOptions says what to wait for.
type ExpectOptions struct {
	// Pattern is tried on everything from From on. A match may be up to 192 KiB
	// long, and up to 64 KiB while output floods in.
	Pattern *regexp.Regexp
	// From is the absolute offset to start at; -1 is the oldest retained byte.
	// If From is no longer retained, the search starts at the oldest byte.
	From int64
	// Raw tries the pattern on the literal bytes. Otherwise it is tried on text
	// as vt.Stripper makes it: escape sequences are taken out, and "\r\n" reads
	// as "\n".
	Raw bool
	// MaxBefore bounds ExpectResult.Before, in bytes; 64 KiB if 0.
	MaxBefore int
}

// ExpectResult is a match.
type ExpectResult struct {
	Match  string
	Groups []string // the parenthesised groups, without the whole match
	Before string   // text before the match, the newest MaxBefore bytes of it
	Offset int64    // absolute offset just after the match: where the next Expect goes on
	Lost   int64    // bytes that could not be searched because they had left the ring
}

// ExpectError says that a pattern was not seen, and what was.
type ExpectError struct {
	Console string
	Pattern string
	Seen    string // the last text that was searched, at most 2 KiB
	Offset  int64  // how far the stream was searched
	Lost    int64  // bytes that could not be searched because they had left the ring
	Err     error  // the context's error, or ErrClosed
}

// Error shows the pattern, the cause and the text seen last.
func (e *ExpectError) Error() string {
	return fmt.Sprintf("expect %q on console %s: %v; last seen %q", e.Pattern, e.Console, e.Err, e.Seen)
}

// Unwrap returns the cause.
func (e *ExpectError) Unwrap() error { return e.Err }

// Expect waits until Pattern matches the output. The earliest match wins. Errors:
// ErrOffset, or an *ExpectError if ctx ends or the console closes before.
func (c *Console) Expect(ctx context.Context, o ExpectOptions) (ExpectResult, error) {
	if o.Pattern == nil {
		return ExpectResult{}, errors.New("expect: it has no pattern")
	}
	at := AttachOptions{Client: "expect", Replay: ReplayRaw}
	if o.From >= 0 {
		at.From = &o.From
	}
	a, err := c.attach(at, true)
	if err != nil {
		return ExpectResult{}, fmt.Errorf("expect on console %s: %w", c.spec.ID, err)
	}
	defer a.Detach()
	c.mu.Lock()
	a.paces = true // what is waited for must not be missed
	c.mu.Unlock()
	s := search{opt: o, text: newMatchText(o.Raw, a.Offset())}
	res, err := s.run(ctx, a)
	if err != nil {
		return ExpectResult{}, &ExpectError{
			Console: c.spec.ID, Pattern: o.Pattern.String(), Seen: s.text.tail(expectSeen),
			Offset: s.text.end, Lost: s.lost, Err: err,
		}
	}
	return res, nil
}

// search is one run of Expect.
type search struct {
	opt   ExpectOptions
	text  *matchText
	lost  int64
	dirty bool          // text has come since the last try
	spent time.Duration // how long the last try took
	tried time.Time     // when it ended
}

// run reads and tries until there is a match, the stream ends or ctx ends.
func (s *search) run(ctx context.Context, a *Attachment) (ExpectResult, error) {
	for {
		closed, more := s.drain(a)
		if s.dirty && (closed || s.rested()) {
			if res, ok := s.try(); ok {
				return res, nil
			}
		}
		if closed {
			return ExpectResult{}, ErrClosed
		}
		if more && ctx.Err() == nil {
			continue
		}
		if err := s.pause(ctx, a); err != nil {
			return s.lastTry(a, err)
		}
	}
}

// lastTry is made when err ends the search: what came before that counts.
func (s *search) lastTry(a *Attachment, err error) (ExpectResult, error) {
	s.drain(a)
	if s.dirty {
		if res, ok := s.try(); ok {
			return res, nil
		}
	}
	return ExpectResult{}, err
}

// drain takes in what is there now, at most a quarter of the window; more says
// that there may be more, and closed that the stream has ended.
func (s *search) drain(a *Attachment) (closed, more bool) {
	for taken := 0; taken < expectWindow/4; {
		ev, ok := a.Next(maxChunk)
		if !ok {
			return false, false
		}
		switch ev.Kind {
		case Output:
			taken += len(ev.Data)
			s.dirty = true
			s.text.add(ev.Data)
		case Gap:
			s.lost += ev.To - ev.From
			s.text.restart(ev.To)
		case Closed:
			s.dirty = true
			return true, false
		}
	}
	return false, true
}

// rested reports whether the pattern may run again: it must have paused
// for a multiple of the time that it took, unless half a window has come.
func (s *search) rested() bool {
	return s.text.fresh >= expectWindow/2 || time.Since(s.tried) >= (searchShare-1)*s.spent
}

// pause waits for more output, or until untried text may be tried.
func (s *search) pause(ctx context.Context, a *Attachment) error {
	if !s.dirty {
		select {
		case <-a.wake:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	rest := time.NewTimer((searchShare-1)*s.spent - time.Since(s.tried))
	defer rest.Stop()
	select {
	case <-a.wake:
	case <-rest.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// try runs the pattern on the text and drops what can no longer be part of a match.
func (s *search) try() (ExpectResult, bool) {
	began := time.Now()
	m := s.opt.Pattern.FindSubmatchIndex(s.text.buf)
	s.tried = time.Now()
	s.spent, s.dirty = s.tried.Sub(began), false
	if m == nil {
		s.text.trim(s.keep())
		return ExpectResult{}, false
	}
	return s.result(m), true
}

// keep returns how much unmatched text stays: most of the window, but little of
// it in a flood, when every byte kept is searched again and again.
func (s *search) keep() int {
	if s.text.fresh >= expectWindow/2 {
		return expectWindow / 4
	}
	return expectWindow * 3 / 4
}

// result describes the match m, given as by regexp's FindSubmatchIndex.
func (s *search) result(m []int) ExpectResult {
	buf, limit := s.text.buf, s.opt.MaxBefore
	if limit <= 0 {
		limit = expectBefore
	}
	res := ExpectResult{
		Match:  string(buf[m[0]:m[1]]),
		Before: string(buf[max(0, m[0]-limit):m[0]]),
		Offset: s.text.offset(m[1]),
		Lost:   s.lost,
	}
	for i := 2; i < len(m); i += 2 {
		group := ""
		if m[i] >= 0 {
			group = string(buf[m[i]:m[i+1]])
		}
		res.Groups = append(res.Groups, group)
	}
	return res
}
