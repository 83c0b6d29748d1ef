//go:build unix

package openssh

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/host/remote"
)

// explain turns the last words of ssh (OpenSSH 9, which has no translations) into a reason and an advice. The reason is nil
// if ssh said nothing.
func explain(said string) (advice string, reason error) {
	said = strings.TrimSpace(said)
	if said == "" {
		return "", nil
	}
	connecting := regexp.MustCompile(`(?m)^ssh: (connect to host|Could not resolve hostname) .*$`)
	last := said[strings.LastIndexByte(said, '\n')+1:]
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(said, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("REMOTE HOST IDENTIFICATION HAS CHANGED", "WARNING: POSSIBLE DNS SPOOFING", "REVOKED HOST KEY"):
		return changedKey(said)
	case has("Host key verification failed"):
		return "the key of the host is not known and was not accepted", fmt.Errorf("%w: %s", host.ErrAuthentication, last)
	case has("Permission denied (", "Too many authentication failures", "No more authentication methods", "Authentication failed"):
		return "", fmt.Errorf("%w: %s", host.ErrAuthentication, last)
	case connecting.MatchString(said):
		// Behind a jump host, what follows this line speaks only of the end of the one ssh that the other started.
		return "", fmt.Errorf("%w: %s", host.ErrUnreachable, connecting.FindString(said))
	case has("kex_exchange_identification", "ssh_exchange_identification", "Connection closed by ", "Connection reset by ",
		"Not allowed at this time", "banner exchange: Connection"):
		return "", fmt.Errorf("%w: %w: %s", host.ErrUnreachable, remote.ErrDropped, last)
	}
	return "", fmt.Errorf("%w: %s", host.ErrUnreachable, last)
}

// changedKey names the fingerprint that was seen and the line of known_hosts that does not fit.
func changedKey(said string) (advice string, reason error) {
	fingerprint := "unknown"
	if m := regexp.MustCompile(`(?m)^(SHA256:[A-Za-z0-9+/=]+|MD5:[0-9a-f:]+)\.?$`).FindStringSubmatch(said); m != nil {
		fingerprint = m[1]
	}
	line := "known_hosts"
	if m := regexp.MustCompile(`(?m)^Offending .*key in (.*)$`).FindStringSubmatch(said); m != nil {
		line = m[1]
	}
	advice = fmt.Sprintf("its fingerprint is %s; if the host really got a new key, remove the old one from %s, else somebody is in between", fingerprint, line)
	return advice, fmt.Errorf("%w: the host shows another key than the one that is known for it", host.ErrAuthentication)
}
