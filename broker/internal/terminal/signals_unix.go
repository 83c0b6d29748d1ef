//go:build unix

package terminal

import (
	"os"
	"os/signal"
	"syscall"
)

// signals are what the process is told from outside. In raw mode no key makes one.
type signals struct{ c chan os.Signal }

func watchSignals() signals {
	s := signals{make(chan os.Signal, 8)}
	signal.Notify(s.c, syscall.SIGWINCH, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTSTP, syscall.SIGCONT)
	return s
}

func (s signals) stop() { signal.Stop(s.c) }

// obey does what a signal asks. It returns the exit code and true if that is to end.
func (s *session) obey(sig os.Signal) (code int, end bool) {
	switch sig {
	case syscall.SIGWINCH:
		s.resize()
	case syscall.SIGTSTP:
		s.suspend()
	case syscall.SIGCONT:
		s.resume()
	default:
		number, ok := sig.(syscall.Signal)
		if !ok {
			return 1, true
		}
		return 128 + int(number), true
	}
	return 0, false
}

// suspend gives the terminal back and stops the process, as the signal would
// have done. SIGCONT is obeyed afterwards.
func (s *session) suspend() {
	if s.tty != nil {
		s.tty.restore()
	}
	// One cannot fail to send a signal to oneself.
	_ = syscall.Kill(syscall.Getpid(), syscall.SIGSTOP)
}

// resume takes the terminal again. The screen is as whoever had it meanwhile
// left it: full-screen programs in the guest repaint it on ^L.
func (s *session) resume() {
	if s.tty == nil {
		return
	}
	if err := s.tty.makeRaw(); err != nil {
		s.say(err.Error())
	}
	s.resize()
}
