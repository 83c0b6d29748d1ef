package prompt

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// client is an editor whose person does what the test says.
type client struct {
	mute      bool
	refuse    error
	shown     chan string
	withdrawn chan string
}

func newClient() *client {
	return &client{shown: make(chan string, 100), withdrawn: make(chan string, 100)}
}

func (c *client) CanPrompt() bool { return !c.mute }

func (c *client) ShowPrompt(id string, _ Prompt) error {
	if c.refuse == nil {
		c.shown <- id
	}
	return c.refuse
}

func (c *client) WithdrawPrompt(id string) { c.withdrawn <- id }

func TestTheAnswerReachesTheQuestion(t *testing.T) {
	r, c := NewRegistry(), newClient()
	got := make(chan string, 1)
	go func() {
		text, err := r.Ask(t.Context(), c, Prompt{Host: "lab00", Text: "password?", Secret: true})
		got <- fmt.Sprint(text, err)
	}()
	id := <-c.shown
	if err := r.Answer(newClient(), id, "stolen", false); !errors.Is(err, ErrNotOpen) {
		t.Errorf("another client answered: %v", err)
	}
	if err := r.Answer(c, id, "tiger", false); err != nil {
		t.Error(err)
	}
	if s := <-got; s != "tiger<nil>" {
		t.Errorf("got %s", s)
	}
	if err := r.Answer(c, id, "again", false); !errors.Is(err, ErrNotOpen) {
		t.Errorf("a second answer: %v", err)
	}
	if len(r.open)+len(r.turns) != 0 {
		t.Errorf("left behind: %v, %v", r.open, r.turns)
	}
}

func TestWhyThereIsNoAnswer(t *testing.T) {
	tests := map[string]struct {
		asker Asker
		act   func(r *Registry, c *client, id string, cancel context.CancelCauseFunc)
		want  error
	}{
		"no client":   {asker: nil, want: ErrNobody},
		"mute client": {asker: &client{mute: true}, want: ErrNobody},
		"lost client": {asker: &client{refuse: errors.New("broken pipe")}, want: ErrGone},
		"cancelled":   {act: func(r *Registry, c *client, id string, _ context.CancelCauseFunc) { _ = r.Answer(c, id, "x", true) }, want: ErrCancelled},
		"left":        {act: func(r *Registry, c *client, _ string, _ context.CancelCauseFunc) { r.Abandon(c) }, want: ErrGone},
		"request ended": {act: func(_ *Registry, _ *client, _ string, cancel context.CancelCauseFunc) {
			cancel(context.DeadlineExceeded)
		},
			want: context.DeadlineExceeded},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, c := NewRegistry(), newClient()
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			asker := tt.asker
			if tt.act != nil {
				asker = c
				go func() { tt.act(r, c, <-c.shown, cancel) }()
			}
			text, err := r.Ask(ctx, asker, Prompt{Host: "h", Text: "q"})
			if !errors.Is(err, tt.want) || text != "" {
				t.Errorf("%q, %v; want %v", text, err, tt.want)
			}
			if withdrawn := len(c.withdrawn) == 1; withdrawn != (name == "request ended") {
				t.Errorf("withdrawn: %v", withdrawn)
			}
			if len(r.open)+len(r.turns) != 0 {
				t.Errorf("left behind: %v, %v", r.open, r.turns)
			}
		})
	}
}

func TestOneQuestionPerHostIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, c := NewRegistry(), newClient()
		answers := make(chan string, 40)
		for i := range 20 {
			for _, host := range []string{"lab00", "lab01"} {
				go func() {
					text, err := r.Ask(t.Context(), c, Prompt{Host: host, Text: fmt.Sprint(i)})
					answers <- fmt.Sprint(text, err)
				}()
			}
		}
		for range 20 {
			synctest.Wait()
			if len(c.shown) != 2 {
				t.Fatalf("%d questions are open for two hosts", len(c.shown))
			}
			for range 2 {
				if err := r.Answer(c, <-c.shown, "ok", false); err != nil {
					t.Error(err)
				}
			}
		}
		for range 40 {
			if s := <-answers; s != "ok<nil>" {
				t.Errorf("got %s", s)
			}
		}
		// One that waits for its turn can be given up.
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _, _ = r.Ask(t.Context(), c, Prompt{Host: "lab00"}) }()
		synctest.Wait()
		cancel()
		if _, err := r.Ask(ctx, c, Prompt{Host: "lab00"}); !errors.Is(err, context.Canceled) {
			t.Errorf("waiting for the turn: %v", err)
		}
		r.Abandon(c)
	})
}

func TestAQuestionIsNotOpenForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, c := NewRegistry(), newClient()
		if _, err := r.Ask(t.Context(), c, Prompt{Host: "lab00"}); !errors.Is(err, ErrUnanswered) || len(c.withdrawn) != 1 {
			t.Errorf("%v, %d withdrawn", err, len(c.withdrawn))
		}
	})
}

func TestTheContextCarriesTheClient(t *testing.T) {
	c := newClient()
	if got := From(With(t.Context(), c)); got != Asker(c) {
		t.Errorf("got %v", got)
	}
	if got := From(t.Context()); got != nil {
		t.Errorf("a context without a client has %v", got)
	}
}
