package local

import (
	"cmp"
	"context"
	"net"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/conbroker/conbroker/broker/internal/host"
)

// nameWait bounds how long the resolver is asked for this computer's domain, once per Host.
const nameWait = time.Second

// Environment tells about the broker's own user and computer, and makes its runtime and state directories.
func (h *Host) Environment(ctx context.Context) (host.Environment, error) {
	const action = "look at the user's environment"
	if err := ctx.Err(); err != nil {
		return host.Environment{}, h.failure(action, err)
	}
	e := host.Environment{UID: os.Getuid(), Home: h.home(), BootID: bootID(), Node: h.nodeName(ctx)}
	e.User, e.Group = account()
	e.System, e.Release, e.Machine = systemName()
	var err error
	if e.RuntimeDir, err = RuntimeDir(h.options.Env); err != nil {
		return host.Environment{}, h.failure(action, err)
	}
	e.StateDir = host.StateDir(h.options.Env, e.Home)
	for _, dir := range []string{e.RuntimeDir, e.StateDir} {
		if err := PrivateDir(dir); err != nil {
			return host.Environment{}, h.failure(action, err)
		}
	}
	return e, nil
}

// RuntimeDir is the directory for this user's sockets by the rule of [host.RuntimeDir]. It may not exist yet.
func RuntimeDir(env func(string) string) (string, error) {
	return runtimeDir(env)
}

// home is the user's home directory; "/" if there is none, as the shell has it.
func (h *Host) home() string {
	return cmp.Or(h.options.Env(homeVariable), "/")
}

// account returns the names of the user and of its primary group, or their numbers if they have no names.
func account() (name, group string) {
	name, group = strconv.Itoa(os.Getuid()), strconv.Itoa(os.Getgid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if g, err := user.LookupGroupId(group); err == nil {
		group = g.Name
	}
	return name, group
}

// nodeName is the computer's name with its domain, if the resolver knows one in time.
func (h *Host) nodeName(ctx context.Context) string {
	h.nodeOnce.Do(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), nameWait)
		defer cancel()
		h.node = qualifiedName(ctx)
	})
	return h.node
}

// qualifiedName asks the resolver for the canonical name, as hostname -f does, unless the name has a domain already.
func qualifiedName(ctx context.Context) string {
	name, err := os.Hostname()
	if err != nil {
		return host.LocalName
	}
	if strings.Contains(name, ".") {
		return name
	}
	canonical, err := net.DefaultResolver.LookupCNAME(ctx, name)
	canonical = strings.TrimSuffix(canonical, ".")
	if err != nil || !strings.HasPrefix(canonical, name+".") {
		return name
	}
	return canonical
}
