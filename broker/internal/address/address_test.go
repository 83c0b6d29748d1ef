package address

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	uuid   = "6842caf91e3e43249ed596b8b9f2c5c2"
	config = "/home/anna/xen/tst-ctys/tst100/tst100.conf"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Address{
		"l:tst100":                          {Label: "tst100"},
		"LABEL:Tst100":                      {Label: "Tst100"},
		"tst100":                            {Label: "tst100"},
		"a label":                           {Label: "a label"},
		"label:a,,b":                        {Label: "a,b"},
		"a,,b":                              {Label: "a,b"},
		"l:x:y":                             {Label: "x:y"},
		"u:" + uuid:                         {UUID: uuid},
		"Uuid:" + uuid:                      {UUID: uuid},
		"m:00:50:56:13:11:40":               {MAC: "00:50:56:13:11:40"},
		"t:192.168.1.220":                   {TCP: "192.168.1.220"},
		"tcp:fe80::250:56ff:fe13:1140":      {TCP: "fe80::250:56ff:fe13:1140"},
		"t:::1":                             {TCP: "::1"},
		"p:$HOME/xen/tst100.conf":           {Pathname: "$HOME/xen/tst100.conf"},
		"PNAME:/a b/c:d":                    {Pathname: "/a b/c:d"},
		"/a/b":                              {Pathname: "/a/b"},
		"/a:b/c":                            {Pathname: "/a:b/c"},
		"~/xen/x.conf":                      {Pathname: "~/xen/x.conf"},
		"${HOME}/x":                         {Pathname: "${HOME}/x"},
		"$HOME/x":                           {Pathname: "$HOME/x"},
		"tst100/tst100.conf":                {Filename: "tst100/tst100.conf"},
		"a/b:c":                             {Filename: "a/b:c"},
		"f:xen/tst-ctys/tst100/tst100.conf": {Filename: "xen/tst-ctys/tst100/tst100.conf"},
		"FNAME:x":                           {Filename: "x"},
		"i:" + config:                       {ID: config},
		"b:xen%/etc/ctys.d,l:x":             {Label: "x", BasePath: []string{"xen", "/etc/ctys.d"}},
		"base:a%%b%c,basepath:d":            {BasePath: []string{"a%b", "c", "d"}},
		"l:tst100,u:" + uuid + ",t:192.168.1.220": {Label: "tst100", UUID: uuid, TCP: "192.168.1.220"},
		"l:a,,,t:b": {Label: "a,", TCP: "b"},
	} {
		got, err := Parse(text)
		if err != nil {
			t.Errorf("Parse(%q): %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", text, diff)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]struct {
		position int
		says     string
	}{
		"":                  {1, "l:tst100"},
		"l:":                {3, "label:tst100"},
		"x:tst100":          {1, `no key "x"`},
		"00:50:56:13:11:40": {1, "m:00:50:56:13:11:40"},
		"fe80::1":           {1, "the keys are"},
		"l:a,":              {5, "l:tst100"},
		",l:a":              {1, "l:tst100"},
		"l:a,,,,,u:x,q:y":   {13, `no key "q"`},
		"l:a,l:b":           {5, "twice"},
		"a,label:b":         {3, "twice"},
		"l:a\nb":            {1, "control character"},
		"l:\x1b[31m":        {1, "control character"},
		"l:\u0085":          {1, "control character"},
		"l:\xff":            {1, "UTF-8"},
		"b:":                {3, "basepath:xen"},
		"b:a%":              {3, "basepath:xen"},
		"LAB:x":             {1, "the keys are"},
		"l:tst100,mac:":     {14, "mac:00:50:56:13:11:40"},
		"pathname:,l:x":     {10, "pathname:/home"},
	} {
		got, err := Parse(text)
		var mistake *Error
		if !errors.As(err, &mistake) {
			t.Errorf("Parse(%q) = %+v, %v; want an *Error", text, got, err)
			continue
		}
		if mistake.Position != want.position || !strings.Contains(err.Error(), want.says) {
			t.Errorf("Parse(%q): got position %d, %q; want position %d and %q", text, mistake.Position, err, want.position, want.says)
		}
	}
}

func TestNormalize(t *testing.T) {
	for name, c := range map[string]struct{ in, want Address }{
		"uuid dashes": {Address{UUID: "6842CAF9-1E3E-4324-9ED5-96B8B9F2C5C2"}, Address{UUID: uuid}},
		"uuid plain":  {Address{UUID: strings.ToUpper(uuid)}, Address{UUID: uuid}},
		"mac dashes":  {Address{MAC: "00-50-56-AB-CD-EF"}, Address{MAC: "00:50:56:ab:cd:ef"}},
		"ipv4":        {Address{TCP: "192.168.1.220"}, Address{TCP: "192.168.1.220"}},
		"ipv6":        {Address{TCP: "2001:DB8:0:0::1"}, Address{TCP: "2001:db8::1"}},
		"brackets":    {Address{TCP: "[::1]"}, Address{TCP: "::1"}},
		"4 in 6":      {Address{TCP: "::ffff:192.168.1.220"}, Address{TCP: "192.168.1.220"}},
		"zone":        {Address{TCP: "FE80::1%eth0"}, Address{TCP: "fe80::1%eth0"}},
		"host name":   {Address{TCP: "Tst100.Soho."}, Address{TCP: "tst100.soho"}},
		"tilde":       {Address{Pathname: "~/xen//x.conf"}, Address{Pathname: "/home/anna/xen/x.conf"}},
		"$HOME":       {Address{Pathname: "$HOME/./x", ID: "${HOME}/x/../y"}, Address{Pathname: "/home/anna/x", ID: "/home/anna/y"}},
		"filename":    {Address{Filename: "./tst100//tst100.conf"}, Address{Filename: "tst100/tst100.conf"}},
		"whole file":  {Address{Filename: "~/x"}, Address{Filename: "/home/anna/x"}},
		"id no path":  {Address{ID: "7//x"}, Address{ID: "7//x"}},
		"basepath":    {Address{BasePath: []string{"~", "xen/", "$HOME/q", "/etc//ctys.d"}}, Address{BasePath: []string{"/home/anna", "xen", "/home/anna/q", "/etc/ctys.d"}}},
		"label kept":  {Address{Label: "Tst 100"}, Address{Label: "Tst 100"}},
		"no basepath": {Address{BasePath: []string{}}, Address{}},
	} {
		got, err := c.in.Normalize("/home/anna")
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestNormalizeErrors(t *testing.T) {
	for name, c := range map[string]struct {
		in   Address
		key  string
		says string
	}{
		"short uuid":       {Address{UUID: "6842"}, "uuid", "32 hex digits"},
		"uuid not hex":     {Address{UUID: strings.Repeat("g", 32)}, "uuid", "32 hex digits"},
		"dashes misplaced": {Address{UUID: "6842-caf91e3e-43249ed5-96b8b9f2c5-c2"}, "uuid", "32 hex digits"},
		"short mac":        {Address{MAC: "00:50"}, "mac", "six pairs"},
		"mixed mac":        {Address{MAC: "00:50-56:13:11:40"}, "mac", "six pairs"},
		"mac not hex":      {Address{MAC: "00:50:56:13:11:4g"}, "mac", "six pairs"},
		"mac blanks":       {Address{MAC: "00 50 56 13 11 40"}, "mac", "six pairs"},
		"ip typo":          {Address{TCP: "192.168.1.256"}, "tcp", "IP address"},
		"ip port":          {Address{TCP: "192.168.1.2:22"}, "tcp", "IP address"},
		"ipv4 brackets":    {Address{TCP: "[192.168.1.2]"}, "tcp", "IP address"},
		"name blank":       {Address{TCP: "a b"}, "tcp", "host name"},
		"name dash":        {Address{TCP: "-a"}, "tcp", "host name"},
		"relative":         {Address{Pathname: "xen/x.conf"}, "pathname", "f:tst100/tst100.conf"},
		"other's home":     {Address{Pathname: "~bob/x"}, "pathname", "another user"},
		"no filename":      {Address{Filename: "./"}, "filename", "end of a path"},
		"above":            {Address{Filename: "../x"}, "filename", "end of a path"},
		"newline":          {Address{Label: "a\nb"}, "label", "control character"},
		"escape in path":   {Address{Pathname: "/a\x1b"}, "pathname", "control character"},
		"zero in basepath": {Address{BasePath: []string{"a", "b\x00"}}, "basepath", "control character"},
		"empty basepath":   {Address{BasePath: []string{""}}, "basepath", "empty"},
		"not utf-8":        {Address{ID: "\xff"}, "id", "UTF-8"},
	} {
		got, err := c.in.Normalize("/home/anna")
		var mistake *Error
		if !errors.As(err, &mistake) {
			t.Errorf("%s: got %+v, %v; want an *Error", name, got, err)
			continue
		}
		if mistake.Key != c.key || !strings.Contains(mistake.Text, c.says) {
			t.Errorf("%s: got key %q, %q; want key %q and %q", name, mistake.Key, mistake, c.key, c.says)
		}
	}
	if _, err := (Address{Pathname: "~/x"}).Normalize(""); err == nil || !strings.Contains(err.Error(), "home directory") {
		t.Errorf("without a home directory: got %v, want an error that says so", err)
	}
}

func TestSplitTarget(t *testing.T) {
	for text, want := range map[string][2]string{
		"tst100":                     {"tst100", ""},
		"l:tst100@lab00":             {"l:tst100", "lab00"},
		"p:/a@b/c.conf":              {"p:/a@b/c.conf", ""},
		"p:/a@b/c.conf@lab00":        {"p:/a@b/c.conf", "lab00"},
		"l:a@b,u:c":                  {"l:a@b,u:c", ""},
		"l:a@b@":                     {"l:a@b", ""},
		"@lab00":                     {"", "lab00"},
		"m:00:50:56:13:11:40@lab.00": {"m:00:50:56:13:11:40", "lab.00"},
		"":                           {"", ""},
	} {
		address, host := SplitTarget(text)
		if diff := cmp.Diff(want, [2]string{address, host}); diff != "" {
			t.Errorf("SplitTarget(%q) (-want +got):\n%s", text, diff)
		}
	}
}
