package xen

import (
	"errors"
	"strings"
	"testing"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

// TestRecordedFailures: each failure that a real xl has reported gets its reason and its own words.
func TestRecordedFailures(t *testing.T) {
	tests := map[string]struct {
		reason error
		words  string
	}{
		"err_badcmd":            {nil, "command not implemented"},
		"err_console_badname":   {driver.ErrNotRunning, "nosuch is an invalid domain identifier (rc=-6)"},
		"err_console_locked":    {nil, "Could not lock /var/lock/xenconsole.1: Resource temporarily unavailable"},
		"err_create_badkernel":  {nil, "no loader found: Invalid kernel"},
		"err_create_dup":        {driver.ErrAlreadyRunning, `Domain with name "tst100" already exists.`},
		"err_create_hvm":        {nil, "neither hap nor shadow paging available"},
		"err_create_missing":    {nil, "Failed to read config file: /srv/xen/nosuch.conf: No such file or directory"},
		"err_create_nokernel":   {nil, "failed to open file '/srv/xen/nokernel': No such file or directory"},
		"err_create_noname":     {nil, "Domain name must be specified."},
		"err_create_nomem":      {nil, "can't allocate low memory for domain: Out of memory"},
		"create_quiet":          {nil, "segment module0 too large (0x1e6 > 0x4000 - 0x4000 pages): Out of memory"},
		"err_create_pvh":        {nil, "neither hap nor shadow paging available"},
		"err_create_unparsable": {nil, "/tmp/bad.conf:1: config parsing error near"},
		"err_destroy_badname":   {driver.ErrNotRunning, "invalid domain identifier"},
		"err_list_badid":        {driver.ErrNotRunning, "Domain '4711' does not exist."},
		"err_list_badname":      {driver.ErrNotRunning, "invalid domain identifier"},
		"err_list_l_badname":    {driver.ErrNotRunning, "invalid domain identifier"},
		"err_noperm_console":    {host.ErrPermission, "Could not obtain handle on privileged command interface"},
		"err_noperm_create":     {host.ErrPermission, escalationAdvice},
		"err_noperm_destroy":    {host.ErrPermission, escalationAdvice},
		"err_noperm_info":       {host.ErrPermission, escalationAdvice},
		"err_noperm_list":       {host.ErrPermission, escalationAdvice},
		"err_pause_badname":     {driver.ErrNotRunning, "invalid domain identifier"},
		"err_restore_nofile":    {nil, "Can't open restore file: No such file or directory"},
		"err_save_badname":      {driver.ErrNotRunning, "invalid domain identifier"},
		"err_shutdown_badname":  {driver.ErrNotRunning, "invalid domain identifier"},
		"shutdown_w":            {driver.ErrNotRunning, "invalid domain identifier"},
		// These two exit with 0.
		"trigger_power": {nil, "Send trigger 'power' failed: Invalid argument"},
		"trigger_reset": {nil, "Send trigger 'reset' failed: Function not implemented"},
	}
	for name, tt := range tests {
		err := outcome(&fakeHost{}, host.Command{Argv: []string{"xl"}}, recordedFailure(t, name))
		if err == nil || !strings.Contains(err.Error(), tt.words) {
			t.Errorf("%s: %v, want %q", name, err, tt.words)
		}
		for _, reason := range []error{driver.ErrNotRunning, driver.ErrAlreadyRunning, host.ErrPermission} {
			if errors.Is(err, reason) != errors.Is(tt.reason, reason) {
				t.Errorf("%s: %v: is %v", name, err, reason)
			}
		}
	}
	for _, name := range []string{"create_tst100", "err_create_dup_uuid", "reboot"} {
		if err := outcome(&fakeHost{}, host.Command{Argv: []string{"xl"}}, recordedFailure(t, name)); err != nil {
			t.Errorf("%s is a success: %v", name, err)
		}
	}
}

// TestCommandsOnDomainsThatAreGone: xl 4.17 exits with 0 after some of these.
func TestCommandsOnDomainsThatAreGone(t *testing.T) {
	for code, said := range map[int]string{
		0: "libxl: error: libxl_domain.c:587:libxl_domain_pause: Domain 4711:Pausing domain: No such process\n",
		1: "libxl: error: libxl_domain.c:1183:libxl__destroy_domid: Domain 4711:Non-existant domain\n" + //nolint:misspell // as libxl spells it
			"libxl: error: libxl_domain.c:1137:domain_destroy_callback: Domain 4711:Unable to destroy guest\ndestroy failed (rc=-21)\n",
		3: "libxl: error: libxl_dom.c:37:libxl__domain_type: unable to get domain type for domid=4711\nshutdown failed (rc=-3)\n",
	} {
		err := outcome(&fakeHost{}, host.Command{Argv: []string{"xl"}}, host.Result{ExitCode: code, Stderr: []byte(said)})
		if !errors.Is(err, driver.ErrNotRunning) {
			t.Errorf("%s: %v", said, err)
		}
	}
}
