//go:build unix

package hosttest_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/conbroker/conbroker/broker/internal/host"
	"github.com/conbroker/conbroker/broker/internal/host/hosttest"
	"github.com/conbroker/conbroker/broker/internal/host/local"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLocal(t *testing.T) {
	hosttest.Run(t, func() host.Host { return local.New(local.Options{}) })
}
