package main

import (
	"context"
	"fmt"
	"os"
	"sync"

	"golang.org/x/term"

	"github.com/conbroker/conbroker/consoles/vt"
	"github.com/conbroker/conbroker/rpc/client"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// progressLine is one line on standard error that says what is being done, written over and over. Without a terminal there is none.
type progressLine struct {
	out *os.File // nil for none

	mu    sync.Mutex
	shown bool
	steps map[string]string // what each request does, by its title
}

func (a *app) progressLine() *progressLine {
	p := &progressLine{steps: make(map[string]string)}
	if isTerminal(a.errs) {
		p.out = a.errs
	}
	return p
}

// follow returns a context for one request whose progress is shown; about names what it is for.
func (p *progressLine) follow(ctx context.Context, about string) context.Context {
	if p.out == nil {
		return ctx
	}
	return client.WithProgress(ctx, func(v protocol.ProgressValue) { p.report(about, v) })
}

// report shows one report.
func (p *progressLine) report(about string, v protocol.ProgressValue) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch v.Kind {
	case protocol.ProgressEnd:
		delete(p.steps, about)
		p.wipe()
		return
	case protocol.ProgressBegin:
		p.steps[about] = v.Title
	default:
		p.steps[about] = about + ": " + v.Message
	}
	text := plain(p.steps[about])
	if v.Percentage != nil {
		text += fmt.Sprintf(" (%d %%)", *v.Percentage)
	}
	if others := len(p.steps) - 1; others > 0 {
		text += fmt.Sprintf(" (and %d more)", others)
	}
	p.show(text)
}

// show writes the line; it is cut so that it stays one. mu is held.
func (p *progressLine) show(text string) {
	width, _, err := term.GetSize(int(p.out.Fd()))
	if err != nil || width < 2 {
		width = 80
	}
	runes := []rune(text)
	for vt.Width(string(runes)) >= width {
		runes = runes[:len(runes)-1]
	}
	// A terminal that cannot be written to needs no progress.
	_, _ = fmt.Fprintf(p.out, "\r\x1b[K%s", string(runes))
	p.shown = true
}

// wipe removes the line. mu is held.
func (p *progressLine) wipe() {
	if p.shown {
		_, _ = fmt.Fprint(p.out, "\r\x1b[K") // as in show
		p.shown = false
	}
}

// clear removes the line before something else is written.
func (p *progressLine) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
}
