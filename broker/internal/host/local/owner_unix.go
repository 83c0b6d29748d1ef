//go:build unix

package local

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// othersMask are the permission bits that a private directory must not have.
const othersMask fs.FileMode = 0o077

// ownerOf returns the owner of a file in words and whether it is this user.
func ownerOf(info fs.FileInfo) (owner string, mine bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "an unknown owner", false
	}
	owner = fmt.Sprintf("user %d", stat.Uid)
	if u, err := user.LookupId(strconv.FormatUint(uint64(stat.Uid), 10)); err == nil {
		owner = fmt.Sprintf("%s (user %d)", u.Username, stat.Uid)
	}
	return owner, int(stat.Uid) == os.Geteuid()
}
