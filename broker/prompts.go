package broker

import (
	"context"

	"github.com/conbroker/conbroker/broker/internal/prompt"
	"github.com/conbroker/conbroker/rpc/protocol"
)

var _ prompt.Asker = (*session)(nil)

// CanPrompt implements prompt.Asker: the client said so in initialize.
func (s *session) CanPrompt() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.prompts
}

// ShowPrompt implements prompt.Asker.
func (s *session) ShowPrompt(id string, p prompt.Prompt) error {
	return s.conn.Notify("window/prompt", protocol.PromptParams{ID: id, Host: p.Host, User: p.User, Prompt: p.Text, Secret: p.Secret})
}

// WithdrawPrompt implements prompt.Asker.
func (s *session) WithdrawPrompt(id string) {
	s.notify("window/promptDone", protocol.PromptDoneParams{ID: id})
}

// PromptAnswer implements protocol.Server.
func (s *session) PromptAnswer(_ context.Context, params *protocol.PromptAnswerParams) (*protocol.Empty, error) {
	if err := s.broker.options.Prompts.Answer(s, params.ID, params.Text, params.Cancel); err != nil {
		return nil, wireError(err, "")
	}
	return &protocol.Empty{}, nil
}
