package terminal

import (
	"os"
	"os/signal"
)

// signals are what the process is told from outside.
type signals struct{ c chan os.Signal }

func watchSignals() signals {
	s := signals{make(chan os.Signal, 8)}
	signal.Notify(s.c, os.Interrupt)
	return s
}

func (s signals) stop() { signal.Stop(s.c) }

// obey ends the session: there is no other signal here.
func (s *session) obey(os.Signal) (code int, end bool) { return 130, true }
