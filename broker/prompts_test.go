package broker

import (
	"context"
	"fmt"
	"testing"

	"github.com/conbroker/conbroker/broker/internal/prompt"
	"github.com/conbroker/conbroker/rpc/client"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// asking is a lab whose driver asks for a password before it starts a machine.
func asking(t *testing.T) (l *lab, d *fakeDriver) {
	d = newFake("FAKE", machine("tst100", "/vm/tst100.toml"))
	l = newLab(t, d)
	d.ask = func(ctx context.Context) error {
		text, err := l.broker.options.Prompts.Ask(ctx, prompt.From(ctx), prompt.Prompt{Host: "lab00", User: "anna", Text: "Password:", Secret: true})
		if err == nil && text != "open sesame" {
			err = fmt.Errorf("the wrong password: %q", text)
		}
		return err
	}
	return l, d
}

func TestPromptGoesToTheClientThatCausedIt(t *testing.T) {
	l, _ := asking(t)
	other := make(chan *protocol.PromptParams, 1)
	l.connect(client.Handlers{OnPrompt: func(_ context.Context, p *protocol.PromptParams) error { other <- p; return nil }})
	asked := make(chan *protocol.PromptParams, 1)
	conn := l.connect(client.Handlers{OnPrompt: func(_ context.Context, p *protocol.PromptParams) error { asked <- p; return nil }})
	created := make(chan error, 1)
	go func() {
		_, err := conn.SessionCreate(context.Background(), &protocol.SessionCreateParams{Address: byLabel("tst100")})
		created <- err
	}()
	p := <-asked
	if p.Host != "lab00" || p.User != "anna" || p.Prompt != "Password:" || !p.Secret {
		t.Errorf("prompt %+v", p)
	}
	if _, err := conn.PromptAnswer(t.Context(), &protocol.PromptAnswerParams{ID: p.ID, Text: "open sesame"}); err != nil {
		t.Fatal(err)
	}
	if err := <-created; err != nil {
		t.Error(err)
	}
	_, err := conn.PromptAnswer(t.Context(), &protocol.PromptAnswerParams{ID: p.ID, Text: "again"})
	wantCode(t, err, protocol.CodeNotFound)
	if len(other) != 0 {
		t.Error("another client was asked, too")
	}
}

func TestPromptThatNobodyAnswers(t *testing.T) {
	l, d := asking(t)
	_, err := l.connect(client.Handlers{}).SessionCreate(t.Context(), &protocol.SessionCreateParams{Address: byLabel("tst100")})
	wantCode(t, err, protocol.CodeAuthenticationFailed) // at once: this client cannot ask
	asked, done := make(chan string, 2), make(chan string, 2)
	conn := l.connect(client.Handlers{
		OnPrompt:     func(_ context.Context, p *protocol.PromptParams) error { asked <- p.ID; return nil },
		OnPromptDone: func(_ context.Context, p *protocol.PromptDoneParams) error { done <- p.ID; return nil },
	})
	created := make(chan error, 1)
	create := func(ctx context.Context) {
		_, err := conn.SessionCreate(ctx, &protocol.SessionCreateParams{Address: byLabel("tst100")})
		created <- err
	}
	go create(t.Context())
	if _, err := conn.PromptAnswer(t.Context(), &protocol.PromptAnswerParams{ID: <-asked, Cancel: true}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, <-created, protocol.CodeAuthenticationFailed)

	ctx, cancel := context.WithCancel(t.Context())
	go create(ctx)
	id := <-asked
	cancel()
	if withdrawn := <-done; withdrawn != id {
		t.Errorf("prompt %s was withdrawn, want %s", withdrawn, id)
	}
	if err := <-created; err == nil {
		t.Error("a cancelled create succeeded")
	}
	if len(d.running) != 0 {
		t.Error("something runs")
	}
}
