//go:build unix

package host_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/conbroker/conbroker/broker/internal/host"
)

func TestQuoteKeepsPlainWordsReadable(t *testing.T) {
	tests := []struct {
		argv []string
		want string
	}{
		{[]string{"xl", "list", "-l"}, "xl list -l"},
		{[]string{"virsh", "-c", "xen:///system"}, "virsh -c xen:///system"},
		{[]string{"echo", ""}, "echo ''"},
		{[]string{"if"}, "'if'"},
		{[]string{"A=b", "c"}, "'A=b' c"},
		{[]string{"~", "it's"}, `'~' 'it'\''s'`},
		{nil, ""},
	}
	for _, tt := range tests {
		if got := host.Quote(tt.argv); got != tt.want {
			t.Errorf("Quote(%q) = %s, want %s", tt.argv, got, tt.want)
		}
	}
}

// shells are the POSIX shells of this computer.
func shells(t testing.TB) [][]string {
	found := [][]string{{"sh"}}
	for _, s := range [][]string{{"dash"}, {"bash", "--posix"}, {"bash"}, {"busybox", "sh"}, {"ksh"}, {"zsh"}} {
		if _, err := exec.LookPath(s[0]); err == nil {
			found = append(found, s)
		}
	}
	t.Logf("shells: %v", found)
	return found
}

// splitByShell lets a shell split a line and returns its arguments.
func splitByShell(t testing.TB, shell []string, line string) []string {
	t.Helper()
	argv := append(shell[1:len(shell):len(shell)], "-c", "printf '%s\\0' "+line)
	out, err := exec.Command(shell[0], argv...).Output()
	if err != nil {
		t.Fatalf("%v could not read %q: %v", shell, line, err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

func TestQuoteIsReadBackByEveryShell(t *testing.T) {
	argv := []string{
		"plain", "", " ", "a b", "it's", `"`, `\`, `\'`, "$HOME", "$(id)", "`id`", "*", "?", "[a]", "~", "~root", "!", "!!",
		"#no", "a\nb", "\n", "\t", "a\rb", "-n", "--", "%s", "{a,b}", "a;b", "a&b", "|", "<", ">", "(", ")", "é", "\xff\xfe", "=",
		"\x1b[31m", "''", "'", "if", "A=b", "\u2028",
	}
	for _, shell := range shells(t) {
		if diff := cmp.Diff(argv, splitByShell(t, shell, host.Quote(argv))); diff != "" {
			t.Errorf("%v read something else (-want +got):\n%s", shell, diff)
		}
	}
}

func TestQuoteOfReservedWordIsACommand(t *testing.T) {
	for _, word := range []string{"if", "while", "{", "!", "A=b", "esac"} {
		for _, shell := range shells(t) {
			argv := append(shell[1:len(shell):len(shell)], "-c", host.Quote([]string{word})+" 2>/dev/null; echo $?")
			out, err := exec.Command(shell[0], argv...).Output()
			if got := strings.TrimSpace(string(out)); err != nil || got != "127" {
				t.Errorf("%v took %q for more than a program that is not there: %q, %v", shell, word, got, err)
			}
		}
	}
}

func FuzzQuote(f *testing.F) {
	f.Add("a b", "it's", `$(\"`)
	f.Add("", "\n", "\xff")
	f.Add("-", "~x", "A=b")
	all := shells(f)
	f.Fuzz(func(t *testing.T, a, b, c string) {
		argv := []string{a, b, c}
		if strings.ContainsRune(a+b+c, 0) {
			if err := host.CheckCommand(host.Command{Argv: append([]string{"x"}, argv...)}); err == nil {
				t.Fatal("a NUL byte passed")
			}
			return
		}
		for _, shell := range all {
			if diff := cmp.Diff(argv, splitByShell(t, shell, host.Quote(argv))); diff != "" {
				t.Errorf("%v (-want +got):\n%s", shell, diff)
			}
		}
	})
}
