// Command conbroker is a console broker for virtual machines: the broker itself, the per-user daemon, and a command line that
// speaks with either. See "conbroker help".
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/conbroker/conbroker/broker/internal/host/openssh"
)

// Exit codes of every command but attach and open, which end with the status of the program behind the console.
const (
	exitDone    = 0 // done
	exitFailed  = 1 // the request failed
	exitUsage   = 2 // wrong usage
	exitPartial = 3 // some hosts or machines failed; the rest was done
)

func main() {
	if openssh.Asked(os.Getenv, os.Args[1:]) {
		os.Exit(askpass(os.Args[1]))
	}
	os.Exit(run(context.Background(), os.Args[1:], newApp()))
}

// askpass answers a question of an ssh that a broker runs; ssh gives the question as the only argument.
func askpass(question string) int {
	if err := openssh.Answer(os.Getenv, question, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "conbroker: "+plain(err.Error()))
		return exitFailed
	}
	return exitDone
}
