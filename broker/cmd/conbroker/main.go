// Command conbroker is a console broker for virtual machines: the broker itself, the per-user daemon, and a command line that
// speaks with either. See "conbroker help".
package main

import (
	"context"
	"os"
)

// Exit codes of every command but attach and open, which end with the status of the program behind the console.
const (
	exitDone    = 0 // done
	exitFailed  = 1 // the request failed
	exitUsage   = 2 // wrong usage
	exitPartial = 3 // some hosts or machines failed; the rest was done
)

func main() { os.Exit(run(context.Background(), os.Args[1:], newApp())) }
