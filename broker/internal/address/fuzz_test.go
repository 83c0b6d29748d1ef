package address

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func FuzzParse(f *testing.F) {
	for _, s := range []string{"tst100", "l:tst100,u:" + uuid, "m:00:50:56:13:11:40", "t:fe80::1", "p:$HOME/x,,y", "b:a%%%b%c", "~/x", "a/b:c", ",,", "l:a,,,t:b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := Parse(s)
		if err != nil {
			var mistake *Error
			if !errors.As(err, &mistake) || mistake.Position < 1 || mistake.Position > len(s)+1 || mistake.Text == "" {
				t.Fatalf("Parse(%q): %#v", s, err)
			}
			return
		}
		again, err := Parse(a.String())
		if err != nil {
			t.Fatalf("Parse(%q), written of %q: %v", a.String(), s, err)
		}
		if diff := cmp.Diff(a, again); diff != "" {
			t.Errorf("%q is written %q (-want +got):\n%s", s, a.String(), diff)
		}
	})
}

func FuzzString(f *testing.F) {
	f.Add("a,b", "u", "m", "::1", "/p%", ",f", "i:", "%a", "b%")
	f.Add("x", "", "", "", "", "", "", "a", "%%b,")
	f.Fuzz(func(t *testing.T, label, uuid, mac, tcp, pathname, filename, id, base1, base2 string) {
		a := Address{Label: label, UUID: uuid, MAC: mac, TCP: tcp, Pathname: pathname, Filename: filename, ID: id}
		for _, dir := range []string{base1, base2} {
			if dir != "" {
				a.BasePath = append(a.BasePath, dir)
			}
		}
		text := a.String()
		if text == "" || checkText(text) != "" {
			return
		}
		got, err := Parse(text)
		if err != nil {
			t.Fatalf("Parse(%q): %v", text, err)
		}
		if diff := cmp.Diff(a, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	})
}

func FuzzNormalize(f *testing.F) {
	f.Add("tst100", uuid, "00-50-56-13-11-40", "FE80::1", "~/x", "a//b", "$HOME/y", "xen")
	f.Fuzz(func(t *testing.T, label, uuid, mac, tcp, pathname, filename, id, base string) {
		a := Address{Label: label, UUID: uuid, MAC: mac, TCP: tcp, Pathname: pathname, Filename: filename, ID: id, BasePath: []string{base}}
		normal, err := a.Normalize("/home/anna")
		if err != nil {
			var mistake *Error
			if !errors.As(err, &mistake) || mistake.Key == "" || mistake.Text == "" {
				t.Fatalf("%+v: %#v", a, err)
			}
			return
		}
		again, err := normal.Normalize("/home/anna")
		if err != nil {
			t.Fatalf("%+v is normal, and then: %v", normal, err)
		}
		if diff := cmp.Diff(normal, again); diff != "" {
			t.Errorf("normal twice is not normal once (-want +got):\n%s", diff)
		}
		path := normal.Pathname
		if path == "" {
			path = normal.Filename
		}
		target := Target{Label: normal.Label, UUID: normal.UUID, MACs: []string{normal.MAC}, IPs: []string{normal.TCP}, Path: path, ID: normal.ID}
		normal.Filename = ""
		if !normal.IsZero() && !normal.Matches(target) {
			t.Errorf("%+v does not match its own %+v", normal, target)
		}
	})
}
