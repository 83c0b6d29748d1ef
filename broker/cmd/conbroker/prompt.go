package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/conbroker/conbroker/rpc/client"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// prompter asks the person what the broker wants to know, on the terminal itself, and shows the broker's lines.
type prompter struct {
	app *app

	mu     sync.Mutex
	client *client.Client
	asking string   // id of the open prompt
	tty    *os.File // on which it is asked
	state  *term.State
}

func newPrompter(a *app) *prompter { return &prompter{app: a} }

// possible reports whether there is a terminal to ask on.
func (p *prompter) possible() bool {
	in, out, err := openTerminal()
	if err != nil {
		return false
	}
	// They were opened only to see whether they can be.
	_ = in.Close()
	_ = out.Close()
	return true
}

// answerOn says where answers go.
func (p *prompter) answerOn(c *client.Client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.client = c
}

// messages is a protocol.Client that gives prompts and lines for the person to a prompter, and the rest to another.
type messages struct {
	protocol.Client
	prompts *prompter
}

// around returns a handler of the broker's messages; other takes what does not concern the person, and may be nil.
func (p *prompter) around(other protocol.Client) protocol.Client {
	if other == nil {
		other = client.Handlers{}
	}
	return messages{other, p}
}

// ShowMessage shows a line.
func (m messages) ShowMessage(ctx context.Context, params *protocol.MessageParams) error {
	fmt.Fprintln(m.prompts.app.errs, "conbroker: "+plain(params.Message))
	return m.Client.ShowMessage(ctx, params)
}

// Prompt asks; the answer is given by a goroutine, as the person may take long and other messages must not wait. It may
// still wait for the person when the program ends.
func (m messages) Prompt(ctx context.Context, params *protocol.PromptParams) error {
	go m.prompts.ask(ctx, *params)
	return m.Client.Prompt(ctx, params)
}

// PromptDone withdraws a prompt.
func (m messages) PromptDone(ctx context.Context, params *protocol.PromptDoneParams) error {
	m.prompts.withdraw(params.ID)
	return m.Client.PromptDone(ctx, params)
}

// ask asks and sends the answer.
func (p *prompter) ask(ctx context.Context, params protocol.PromptParams) {
	answer := protocol.PromptAnswerParams{ID: params.ID}
	text, err := p.read(params)
	if err != nil {
		answer.Cancel = true
	}
	answer.Text = text
	p.mu.Lock()
	c := p.client
	p.mu.Unlock()
	if c == nil {
		return
	}
	if _, err := c.PromptAnswer(ctx, &answer); err != nil && ctx.Err() == nil {
		p.app.complain("the answer came too late", err)
	}
}

// read shows the prompt and reads one line, without echo if it is a secret.
func (p *prompter) read(params protocol.PromptParams) (string, error) {
	in, out, err := openTerminal()
	if err != nil {
		return "", fmt.Errorf("ask for %s: %w", params.Prompt, err)
	}
	defer in.Close()
	defer out.Close()
	if err := p.begin(params.ID, in); err != nil {
		return "", err
	}
	defer p.end(params.ID)
	text := fmt.Sprintf("%s@%s: %s ", plain(params.User), plain(params.Host), plain(params.Prompt))
	if params.Secret {
		return readSecret(in, out, text)
	}
	if _, err := io.WriteString(out, text); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(in).ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

// readSecret turns the echo off before it shows the prompt, so that nothing that is typed at its sight can be seen. ^C and ^D
// are io.EOF. The caller restores the terminal.
func readSecret(in, out *os.File, prompt string) (string, error) {
	if _, err := term.MakeRaw(int(in.Fd())); err != nil {
		return "", fmt.Errorf("turn the echo of the terminal off: %w", err)
	}
	both := struct {
		io.Reader
		io.Writer
	}{in, out}
	return term.NewTerminal(both, "").ReadPassword(prompt)
}

// begin notes the terminal's state. One prompt is open at a time.
func (p *prompter) begin(id string, tty *os.File) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asking != "" {
		return errors.New("another question is open")
	}
	state, err := term.GetState(int(tty.Fd()))
	if err != nil {
		return fmt.Errorf("read the state of the terminal: %w", err)
	}
	p.asking, p.tty, p.state = id, tty, state
	return nil
}

// end brings the terminal back to its state, if that prompt is open.
func (p *prompter) end(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asking != id || id == "" {
		return
	}
	// A terminal that is gone needs no state.
	_ = term.Restore(int(p.tty.Fd()), p.state)
	p.asking, p.tty, p.state = "", nil, nil
}

// withdraw ends a prompt to which there is nothing to answer any more.
func (p *prompter) withdraw(id string) {
	p.mu.Lock()
	open := p.asking == id && id != ""
	p.mu.Unlock()
	if open {
		p.end(id)
		fmt.Fprintln(p.app.errs, "\nconbroker: no answer is needed any more")
	}
}

// close restores the terminal if the program ends while it asks.
func (p *prompter) close() error {
	p.mu.Lock()
	id := p.asking
	p.mu.Unlock()
	p.end(id)
	return nil
}
