package table

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/conbroker/conbroker/consoles/vt"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// Reports prints SHOW and INFO: a block for each host, in it a block for each group of facts.
type Reports []protocol.HostReport

// block is a heading with lines below it.
type block struct {
	heading string
	lines   []protocol.Fact
	// state: the values begin with a state word.
	state bool
}

// Render prints the reports with a blank line between hosts. Values are not cut. Options.Sort is not looked at: facts are in the
// order that their driver chose.
func (r Reports) Render(w io.Writer, o Options) error {
	var b strings.Builder
	for i, report := range r {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintln(&b, visible(report.Host))
		for _, bl := range blocks(report) {
			bl.print(&b, o)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// blocks brings the parts of a report into groups, in the order in which the groups appear first.
func blocks(r protocol.HostReport) []block {
	var list []block
	for _, f := range r.Facts {
		i := slices.IndexFunc(list, func(b block) bool { return b.heading == f.Group })
		if i < 0 {
			i = len(list)
			list = append(list, block{heading: f.Group})
		}
		list[i].lines = append(list[i].lines, f)
	}
	if len(r.Sessions) > 0 {
		counts := block{heading: "sessions"}
		for _, t := range slices.Sorted(maps.Keys(r.Sessions)) {
			counts.lines = append(counts.lines, protocol.Fact{Name: t, Value: fmt.Sprint(r.Sessions[t])})
		}
		list = append(list, counts)
	}
	if len(r.Drivers) > 0 {
		types := block{heading: "session types", state: true}
		for _, d := range r.Drivers {
			types.lines = append(types.lines, protocol.Fact{Name: d.Type, Value: driverText(d)})
		}
		list = append(list, types)
	}
	return list
}

// driverText says in one line whether a session type can be used.
func driverText(d protocol.DriverInfo) string {
	parts := []string{string(d.State)}
	for _, p := range []string{d.Version, d.Accelerator, d.Reason, d.Advice} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, "; ")
}

// print writes the heading and the lines with their values below each other.
func (bl block) print(b *strings.Builder, o Options) {
	fmt.Fprintln(b, "  "+visible(bl.heading))
	width := 0
	for _, f := range bl.lines {
		width = max(width, vt.Width(visible(f.Name)))
	}
	for _, f := range bl.lines {
		value := visible(f.Value)
		if word, _, _ := strings.Cut(value, ";"); bl.state && o.Colour {
			value = coloured(word, word) + value[len(word):]
		}
		fmt.Fprintln(b, strings.TrimRight("    "+pad(visible(f.Name), width)+"  "+value, " "))
	}
}
