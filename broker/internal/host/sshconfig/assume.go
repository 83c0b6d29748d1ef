package sshconfig

import (
	"net"
	"path/filepath"
	"strings"
)

// Assume returns settings for an address, [user@]host[:port], where no ssh program can be asked: the files that OpenSSH takes
// by default below the home directory, and the account name account if the address names none.
func Assume(address, account, home string) Settings {
	user, name, found := strings.Cut(address, "@")
	if !found {
		user, name = account, address
	}
	port := "22"
	if h, p, err := net.SplitHostPort(name); err == nil {
		name, port = h, p
	}
	s := Settings{
		"hostname": {strings.Trim(name, "[]")}, "port": {port}, "user": {user},
		"userknownhostsfile": {filepath.Join(home, ".ssh", "known_hosts")}, "stricthostkeychecking": {"ask"},
	}
	for _, key := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
		s["identityfile"] = append(s["identityfile"], filepath.Join(home, ".ssh", key))
	}
	return s
}
