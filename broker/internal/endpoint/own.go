package endpoint

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ownListener accepts only processes of this user.
type ownListener struct {
	*net.UnixListener
	log *slog.Logger
}

// Accept drops connections of other users and goes on.
func (l *ownListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		err = checkPeer(conn)
		if err == nil {
			return conn, nil
		}
		l.log.Warn("refused a connection", "socket", l.Addr().String(), "reason", err)
		_ = conn.Close() // nothing was said on it
	}
}

// checkPeer returns nil if the process at the other end belongs to this user.
func checkPeer(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	uid, known := os.Geteuid(), false
	if controlErr := raw.Control(func(fd uintptr) { uid, known, err = peerUID(fd) }); controlErr != nil {
		return controlErr
	}
	if err != nil {
		return fmt.Errorf("ask the system who is at the other end: %w", err)
	}
	if known && uid != os.Geteuid() {
		return fmt.Errorf("the other end belongs to user %d", uid)
	}
	return nil
}

// These form the names of the sockets of brokers without a daemon; the number is their process.
const privatePrefix, privateSuffix = "stdio-", ".attach.sock"

// ListenPrivate listens at a socket of this process's own in the place, for consoles of a broker that is no daemon, and
// removes those that dead processes left. The caller closes it, which removes the socket.
func ListenPrivate(ctx context.Context, p Place) (net.Listener, error) {
	removeDead(p.Dir)
	path := filepath.Join(p.Dir, privatePrefix+strconv.Itoa(os.Getpid())+privateSuffix)
	socket, err := listenUnix(ctx, path)
	if err != nil {
		return nil, err
	}
	return &ownListener{UnixListener: socket, log: slog.New(slog.DiscardHandler)}, nil
}

// removeDead removes private sockets of processes that are gone. A socket that stays because its number is in use again
// does no harm.
func removeDead(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		name, private := strings.CutPrefix(entry.Name(), privatePrefix)
		name, socket := strings.CutSuffix(name, privateSuffix)
		pid, err := strconv.Atoi(name)
		if private && socket && err == nil && pid > 0 && isGone(pid) {
			_ = os.Remove(filepath.Join(dir, entry.Name())) // another process may have done so
		}
	}
}
