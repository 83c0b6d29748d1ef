package qemu

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/driver/qemu/qmp"
	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/consoles"
)

const (
	// lockGrace is how old a lock may be, in seconds, whose holder has not connected yet.
	lockGrace = 3
	// lockLook is how often such a lock is looked at again.
	lockLook = 100 * time.Millisecond
	// hangUpTime is how long QEMU may take to notice that a client has hung up.
	hangUpTime = 500 * time.Millisecond
)

// Console connects to the guest's serial port. The port has one place: while somebody has it, whoever that is, the answer
// is a *driver.BusyError. QEMU itself says whether it is taken, so a broker that died leaves nothing to clean; the lock file
// beside the socket only names the holder, and decides between two that come at once.
func (d *Driver) Console(ctx context.Context, h host.Host, s driver.Session, _ host.Terminal) (consoles.Stream, error) {
	r, err := runOf(ctx, h, s)
	if err != nil {
		return nil, failed("open console", s.Label, err)
	}
	stream, err := d.console(ctx, h, r)
	var busy *driver.BusyError
	if err != nil && !errors.As(err, &busy) {
		err = failed("open console", s.Label, err)
	}
	return stream, err
}

func (d *Driver) console(ctx context.Context, h host.Host, r *run) (consoles.Stream, error) {
	if r.dir == "" {
		return nil, fmt.Errorf("it is suspended: %w", driver.ErrNotRunning)
	}
	lock, err := d.lockSerial(ctx, h, r)
	if err != nil {
		return nil, err
	}
	conn, err := h.Dial(ctx, "unix", serialSocket(r.dir))
	if err != nil {
		unlock(ctx, h, r, lock)
		if isGone(err) {
			err = fmt.Errorf("%w: %w", driver.ErrNotRunning, err)
		}
		return nil, err
	}
	return &serial{Conn: conn, host: h, run: r, lock: lock}, nil
}

// lockSerial takes the lock of the serial port and returns its text.
func (d *Driver) lockSerial(ctx context.Context, h host.Host, r *run) (string, error) {
	me := strings.ToLower(rand.Text()[:8]) + " " + d.owner
	for stale := ""; ; {
		lock, holder, age, err := tryLock(ctx, h, r, me, stale)
		if err != nil {
			return "", err
		}
		connected, err := serialConnected(ctx, h, r)
		if lock != "" && connected {
			connected, err = stillConnected(ctx, h, r)
		}
		switch {
		case err == nil && !connected && lock != "":
			return lock, nil
		case lock != "":
			unlock(ctx, h, r, lock)
			if err != nil {
				return "", err
			}
			return "", busySerial(r, "") // not one of ours
		case err != nil:
			return "", err
		case connected:
			return "", busySerial(r, holder)
		}
		// Nobody is connected: the holder is about to, or has left without removing its lock.
		stale = ""
		if age > lockGrace {
			stale = holder
			continue
		}
		if err := pause(ctx, lockLook); err != nil {
			return "", err
		}
	}
}

// stillConnected looks again for a short time: a connection whose holder has given its lock back is about to end.
func stillConnected(ctx context.Context, h host.Host, r *run) (connected bool, err error) {
	for until := time.Now().Add(hangUpTime); time.Now().Before(until); {
		if err := pause(ctx, redialPause); err != nil {
			return true, err
		}
		if connected, err = serialConnected(ctx, h, r); err != nil || !connected {
			return connected, err
		}
	}
	return true, nil
}

// busySerial names the holder: a lock's text is a time, a random word and the holder.
func busySerial(r *run, lock string) error {
	busy := &driver.BusyError{Resource: "console of " + r.Label}
	if words := strings.SplitN(lock, " ", 3); len(words) == 3 {
		busy.Holder = words[2]
	}
	return busy
}

var (
	//go:embed script/lock.sh
	lockScript string
	//go:embed script/unlock.sh
	unlockScript string
)

// tryLock takes the lock, or tells what it holds and how old it is in seconds. A lock that reads stale is replaced.
func tryLock(ctx context.Context, h host.Host, r *run, me, stale string) (lock, holder string, age int64, err error) {
	sections, _, err := host.Sections(ctx, h, host.Script{Body: lockScript, Args: []string{r.dir, me, stale}})
	if err != nil {
		return "", "", 0, fmt.Errorf("lock the serial port of %s: %w", r.Label, err)
	}
	var since, now int64
	for _, s := range sections {
		text := strings.TrimSpace(string(s.Data))
		switch s.Name {
		case "locked":
			return text, "", 0, nil
		case "held":
			holder = text
			first, _, _ := strings.Cut(text, " ")
			since, _ = strconv.ParseInt(first, 10, 64)
		case "now":
			now, _ = strconv.ParseInt(text, 10, 64)
		}
	}
	if now == 0 {
		return "", "", 0, driver.ErrNotRunning
	}
	if holder == "" {
		since = now // it was made just now, or just removed
	}
	return "", holder, now - since, nil
}

// unlock removes the lock if it is still ours; failing is harmless, because a lock without a connection is stale.
func unlock(ctx context.Context, h host.Host, r *run, lock string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	_, _, _ = host.Sections(ctx, h, host.Script{Body: unlockScript, Args: []string{r.dir, lock}})
}

// serialConnected asks QEMU whether a client is connected to the serial port. It says so in the name that it gives to the
// socket (QEMU 7.2, chardev/char-socket.c: "disconnected:" comes first).
func serialConnected(ctx context.Context, h host.Host, r *run) (bool, error) {
	connected := false
	err := command(ctx, h, r, func(ctx context.Context, m *qmp.Monitor) error {
		var devices []struct{ Label, Filename string }
		if err := m.Execute(ctx, "query-chardev", nil, &devices); err != nil {
			return err
		}
		for _, dev := range devices {
			if dev.Label == serialID {
				connected = !strings.HasPrefix(dev.Filename, "disconnected:")
				return nil
			}
		}
		return fmt.Errorf("QEMU has no serial port: %w", driver.ErrUnsupported)
	})
	return connected, err
}

// serial is the stream of a serial port. It ends when QEMU ends.
type serial struct {
	net.Conn
	host host.Host
	run  *run
	lock string

	closing sync.Once
	closed  error
}

var (
	_ consoles.Stream  = (*serial)(nil)
	_ consoles.Breaker = (*serial)(nil)
)

// Close gives the port back.
func (s *serial) Close() error {
	s.closing.Do(func() {
		s.closed = s.Conn.Close()
		unlock(context.Background(), s.host, s.run, s.lock)
	})
	return s.closed
}

// Resize does nothing: a serial line has no size.
func (s *serial) Resize(consoles.Size) error { return nil }

// Wait returns how the stream ended.
func (s *serial) Wait() consoles.ExitStatus {
	return consoles.ExitStatus{Reason: "the guest's serial port was closed"}
}

// Break sends a serial break, for example for the guest kernel's magic SysRq.
func (s *serial) Break(ctx context.Context) error {
	err := execute(ctx, s.host, s.run, "chardev-send-break", map[string]any{"id": serialID})
	return failed("send break", s.run.Label, err)
}
