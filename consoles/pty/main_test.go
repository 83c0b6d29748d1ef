//go:build unix

package pty_test

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// role names the environment variable that makes the test binary play the
// command on the pty instead of running tests.
const role = "CONBROKER_TEST_ROLE"

func TestMain(m *testing.M) {
	if r := os.Getenv(role); r != "" {
		play(r)
		return
	}
	goleak.VerifyTestMain(m)
}

// play is what the commands of the tests do.
func play(r string) {
	name, arg, _ := strings.Cut(r, ":")
	switch name {
	case "print": // print arg bytes and end
		n, _ := strconv.Atoi(arg)
		os.Stdout.Write(pattern(n))
	case "deaf": // ignore the hangup
		signal.Ignore(syscall.SIGHUP)
		fmt.Print("deaf\n")
		time.Sleep(time.Hour)
	case "owner": // start a shell on a pty and tell its pid, then wait to be killed
		own()
	}
}

// pattern returns n bytes in which every place can be told from its neighbours.
func pattern(n int) []byte {
	b := make([]byte, 0, n+16)
	for i := 0; len(b) < n; i++ {
		b = fmt.Appendf(b, "%07d\n", i)
	}
	return b[:n]
}
