package address

import (
	"testing"
)

// tst100 is the machine of the original's use cases.
func tst100() Target {
	return Target{
		Label: "tst100", UUID: uuid, ID: config, Path: config,
		MACs: []string{"00:50:56:13:11:40", "00:50:56:13:11:99"}, IPs: []string{"192.168.1.220", "2001:db8::1", "tst100.soho"},
	}
}

func TestMatches(t *testing.T) {
	for name, c := range map[string]struct {
		a    Address
		want bool
	}{
		"label":             {Address{Label: "tst100"}, true},
		"label prefix":      {Address{Label: "tst10"}, false},
		"label longer":      {Address{Label: "tst1000"}, false},
		"label case":        {Address{Label: "TST100"}, false},
		"label pattern":     {Address{Label: "tst.*"}, false},
		"uuid":              {Address{UUID: uuid}, true},
		"other uuid":        {Address{UUID: "6842caf91e3e43249ed596b8b9f2c5c3"}, false},
		"first mac":         {Address{MAC: "00:50:56:13:11:40"}, true},
		"second mac":        {Address{MAC: "00:50:56:13:11:99"}, true},
		"other mac":         {Address{MAC: "00:50:56:13:11:41"}, false},
		"ip":                {Address{TCP: "192.168.1.220"}, true},
		"ip prefix":         {Address{TCP: "192.168.1.22"}, false},
		"ipv6":              {Address{TCP: "2001:db8::1"}, true},
		"host name":         {Address{TCP: "tst100.soho"}, true},
		"path":              {Address{Pathname: config}, true},
		"path part":         {Address{Pathname: "/tst100/tst100.conf"}, false},
		"id":                {Address{ID: config}, true},
		"file":              {Address{Filename: "tst100.conf"}, true},
		"two components":    {Address{Filename: "tst100/tst100.conf"}, true},
		"four components":   {Address{Filename: "xen/tst-ctys/tst100/tst100.conf"}, true},
		"half a component":  {Address{Filename: "st100/tst100.conf"}, false},
		"inner components":  {Address{Filename: "tst-ctys/tst100"}, false},
		"whole path":        {Address{Filename: config}, true},
		"anchored end":      {Address{Filename: "/tst100/tst100.conf"}, false},
		"all that fit":      {Address{Label: "tst100", UUID: uuid, Filename: "tst100.conf"}, true},
		"one does not":      {Address{Label: "tst100", MAC: "00:50:56:13:11:41"}, false},
		"nothing":           {Address{}, false},
		"base path only":    {Address{BasePath: []string{"xen"}}, false},
		"base path besides": {Address{Label: "tst100", BasePath: []string{"elsewhere"}}, true},
	} {
		if got := c.a.Matches(tst100()); got != c.want {
			t.Errorf("%s: %v matches: got %v, want %v", name, c.a, got, c.want)
		}
		if c.a.Matches(Target{}) {
			t.Errorf("%s: %v matches a target of which nothing is known", name, c.a)
		}
	}
}

func TestMatchesFilenameOfWholeComponentsOnly(t *testing.T) {
	if (Address{Filename: "tst100/tst100.conf"}).Matches(Target{Path: "/home/x/xen/xtst100/tst100.conf"}) {
		t.Error("tst100/tst100.conf matches xtst100/tst100.conf")
	}
}

func TestMatchesTargetsInAnySpelling(t *testing.T) {
	target := Target{UUID: "6842CAF9-1E3E-4324-9ED5-96B8B9F2C5C2", MACs: []string{"00-50-56-13-11-4A"}, IPs: []string{"2001:DB8::0001"}, Path: "/a//b/./c"}
	for _, a := range []Address{{UUID: uuid}, {MAC: "00:50:56:13:11:4a"}, {TCP: "2001:db8::1"}, {Pathname: "/a/b/c"}, {Filename: "b/c"}} {
		if !a.Matches(target) {
			t.Errorf("%v does not match %+v", a, target)
		}
	}
}
