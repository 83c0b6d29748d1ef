package host

import (
	"bytes"
	"context"
	"crypto/rand"
	_ "embed"
	"io"
	"strings"
)

//go:embed script/prelude.sh
var prelude string

// Script is a constant POSIX shell script for [Sections]. Values reach it as positional parameters, never as text of the
// script. It begins each part of its output with the command "section NAME"; the part's bytes follow as they are.
// LC_ALL is C, and the sbin directories are at the end of PATH.
type Script struct {
	// Body is the script's text.
	Body string
	// Args are its positional parameters.
	Args []string
	// Stdin is what the script reads after Sections took its own line; nil means nothing.
	Stdin io.Reader
	// Limit bounds the whole output in bytes; 0 means [DefaultLimit].
	Limit int
}

// Section is one named part of a script's output.
type Section struct {
	// Name is the word that was given to "section".
	Name string
	// Data is what the script printed up to the next section: any bytes.
	Data []byte
}

// Sections runs a script on h in one round trip and returns its sections in order. The parts are told apart by a mark that
// is drawn anew for each call and travels on stdin, where neither files nor other users of the host see it, so no file name
// and no content can pretend to be a section; what a chatty login shell prints first is dropped. complete is false when
// the output was cut at the limit; the last section is then a part of what it should be. A script that fails is a
// *[CommandError].
func Sections(ctx context.Context, h Host, s Script) (sections []Section, complete bool, err error) {
	mark := rand.Text()
	stdin := io.Reader(strings.NewReader(mark + "\n"))
	if s.Stdin != nil {
		stdin = io.MultiReader(stdin, s.Stdin)
	}
	c := Command{
		Argv:  append([]string{"sh", "-c", prelude + s.Body + "\nsection end\n", "sh"}, s.Args...),
		Stdin: stdin,
		Limit: s.Limit,
	}
	r, err := h.Run(ctx, c)
	if err != nil {
		return nil, false, err
	}
	if r.ExitCode != 0 {
		c.Argv = []string{"sh", "-c", "(script)"}
		return nil, false, Check(h, c, r)
	}
	sections, complete = splitSections(r.Stdout, mark)
	return sections, complete, nil
}

// splitSections takes output apart. Only a section named "end" proves that nothing is missing; it is not returned.
func splitSections(output []byte, mark string) (sections []Section, complete bool) {
	parts := bytes.Split(output, []byte(mark))
	for _, part := range parts[1:] {
		name, data, found := bytes.Cut(part, []byte("\n"))
		if found && string(name) == "end" {
			return sections, true
		}
		if found {
			sections = append(sections, Section{Name: string(name), Data: data})
		}
	}
	return sections, false
}
