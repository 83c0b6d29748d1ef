package main

import (
	"errors"
	"fmt"

	"github.com/conbroker/conbroker/broker/internal/address"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// target is a word of the command line that names a machine, ADDRESS[@HOST], or a host, @HOST.
type target struct {
	word    string
	host    string
	address *protocol.Address // nil if the word names the host itself
}

// parseTargets reads the words of a command line.
func parseTargets(words []string) ([]target, error) {
	targets := make([]target, len(words))
	for i, word := range words {
		text, host := address.SplitTarget(word)
		targets[i] = target{word: word, host: host}
		if text == "" && host != "" {
			continue
		}
		a, err := address.Parse(text)
		if err != nil {
			return nil, usageError{fmt.Errorf("%s: %w", word, err)}
		}
		wire := protocol.Address(a)
		targets[i].address = &wire
	}
	return targets, nil
}

// machine returns the address of a target that must name a machine.
func (t target) machine() (protocol.Address, error) {
	if t.address == nil {
		return protocol.Address{}, usageError{fmt.Errorf("%s names a host; a machine's address comes before the @", t.word)}
	}
	return *t.address, nil
}

// someTargets wants at least one word.
func someTargets(args []string) error {
	if len(args) == 0 {
		return errors.New("ADDRESS is missing")
	}
	return nil
}
