package local

import (
	"os"
	"strings"
)

// bootID is the kernel's random number for this boot; see random(4).
func bootID() string {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}
