package host

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSplitSections(t *testing.T) {
	const mark = "MARK"
	tests := []struct {
		output   string
		want     []Section
		complete bool
	}{
		{"", nil, false},
		{"Welcome!\nMARKend\n", nil, true},
		{"MARKa\nMARKb\nx\x00\n\nMARKend\n", []Section{{"a", []byte{}}, {"b", []byte("x\x00\n\n")}}, true},
		{"MARKa\nhalf", []Section{{"a", []byte("half")}}, false},
		{"MARKa\ndataMARKen", []Section{{"a", []byte("data")}}, false},
		{"MARKa\nx\nend\nMARKend\nMARKb\nlate", []Section{{"a", []byte("x\nend\n")}}, true},
	}
	for _, tt := range tests {
		got, complete := splitSections([]byte(tt.output), mark)
		if diff := cmp.Diff(tt.want, got); diff != "" || complete != tt.complete {
			t.Errorf("%q: complete %v (-want +got):\n%s", tt.output, complete, diff)
		}
	}
}

// FuzzScanOutput feeds the parser of a scan with any output. What it returns must keep the limits.
func FuzzScanOutput(f *testing.F) {
	const mark = "MARK"
	f.Add([]byte("MARKpath\n/aMARKdata\ncontentMARKpath\n/bMARKproblem\npermissionMARKend\n"))
	f.Add([]byte("MARKpath\n/aMARKdata\ncontentMARKproblem\nreadMARKend\n"))
	f.Add([]byte("MARKdata\nMARKpath\n"))
	f.Fuzz(func(t *testing.T, output []byte) {
		o := ScanOptions{MaxSize: 10, MaxFiles: 3}.WithDefaults()
		sections, complete := splitSections(output, mark)
		files, problems, err := collectScan(sections, complete, o).Result(o)
		if err != nil || len(files) > o.MaxFiles {
			t.Errorf("%d files, %v", len(files), err)
		}
		for i, file := range files {
			if int64(len(file.Data)) > o.MaxSize || bytes.Contains(file.Data, []byte(mark)) || i > 0 && files[i-1].Path >= file.Path {
				t.Errorf("file %q: %q", file.Path, file.Data)
			}
		}
		if !complete && len(sections) > 0 && len(problems) == 0 {
			t.Error("a cut scan tells no problem")
		}
	})
}
