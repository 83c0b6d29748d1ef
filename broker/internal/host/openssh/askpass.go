package openssh

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
)

const (
	// socketVariable and tokenVariable tell the asking program where to ask and that it may.
	socketVariable = "CONBROKER_ASKPASS_SOCKET"
	tokenVariable  = "CONBROKER_ASKPASS_TOKEN"
	// maxQuestion bounds a question in bytes.
	maxQuestion = 64 << 10
)

// asking is what the program sends that ssh runs for a question: one line of JSON.
type asking struct {
	Token string `json:"token"`
	// Text is the question; Kind is SSH_ASKPASS_PROMPT: empty, "confirm" or "none".
	Text string `json:"text"`
	Kind string `json:"kind,omitempty"`
}

// answering is the reply: one line of JSON.
type answering struct {
	Text string `json:"text"`
	// Refused: there is no answer.
	Refused bool `json:"refused,omitempty"`
}

// Asked reports whether this program was started by an ssh that a broker of this project runs, to ask for a password; its only
// argument is then the question. ssh runs the program of SSH_ASKPASS without further arguments, so the environment tells.
func Asked(env func(string) string, args []string) bool {
	return env(socketVariable) != "" && env(tokenVariable) != "" && len(args) == 1
}

// Answer brings the question to the broker and writes the answer, which ssh reads, to out. An error means that there is none;
// the program must then end with a status that is not 0.
func Answer(env func(string) string, question string, out io.Writer) error {
	c, err := net.Dial("unix", env(socketVariable))
	if err != nil {
		return fmt.Errorf("ask the broker: %w", err)
	}
	defer c.Close()
	line, err := json.Marshal(asking{Token: env(tokenVariable), Text: question, Kind: env("SSH_ASKPASS_PROMPT")})
	if err != nil {
		return fmt.Errorf("ask the broker: %w", err)
	}
	if _, err := c.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("ask the broker: %w", err)
	}
	var reply answering
	if err := json.NewDecoder(bufio.NewReader(c)).Decode(&reply); err != nil {
		return fmt.Errorf("wait for the answer: %w", err)
	}
	if reply.Refused {
		return errors.New("the question got no answer")
	}
	if _, err := fmt.Fprintln(out, reply.Text); err != nil {
		return fmt.Errorf("hand the answer to ssh: %w", err)
	}
	return nil
}
