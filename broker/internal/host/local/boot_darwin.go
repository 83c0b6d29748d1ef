package local

import "golang.org/x/sys/unix"

// bootID is the kernel's UUID for this boot.
func bootID() string {
	id, err := unix.Sysctl("kern.bootsessionuuid")
	if err != nil {
		return ""
	}
	return id
}
