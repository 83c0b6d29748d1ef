package host

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// ErrTooLarge says that a file is larger than what was asked for.
var ErrTooLarge = errors.New("too large")

// ScanTotal bounds the content that one scan returns, all files together: 64 MiB. What is left out is a Problem.
const ScanTotal = 64 << 20

// scanFraming is what names and marks may take on top of the content.
const scanFraming = 16 << 20

//go:embed script/scan.sh
var scanScript string

// WithDefaults returns o with every zero limit replaced by the value its comment states.
func (o ScanOptions) WithDefaults() ScanOptions {
	o.MaxSize = cmp.Or(o.MaxSize, 256<<10)
	o.MaxFiles = cmp.Or(o.MaxFiles, 20000)
	o.MaxDepth = cmp.Or(o.MaxDepth, 8)
	return o
}

// Scan finds and reads files on h as [ScanOptions] says. Files come in the order of their paths, each once even if roots
// overlap; Problems come in the same order.
func Scan(ctx context.Context, h Host, o ScanOptions) ([]File, []Problem, error) {
	if s, ok := h.(Scanner); ok {
		return s.Scan(ctx, o)
	}
	o = o.WithDefaults()
	sections, complete, err := Sections(ctx, h, Script{
		Body: scanScript, Args: scanArgs(o), Limit: ScanTotal + scanFraming,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("scan for machine files: %w", err)
	}
	found := collectScan(sections, complete, o)
	return found.Result(o)
}

// scanArgs are the script's parameters: limits, the roots, then the name test as find reads it.
func scanArgs(o ScanOptions) []string {
	args := []string{
		strconv.FormatInt(o.MaxSize, 10),
		"." + strings.Repeat("/*", o.MaxDepth),
		strconv.Itoa(len(o.Roots)),
	}
	for _, root := range o.Roots {
		args = append(args, path.Clean(root))
	}
	args = append(args, "(")
	for i, suffix := range o.Suffixes {
		if i > 0 {
			args = append(args, "-o")
		}
		args = append(args, "-name", "*"+escapePattern(suffix))
	}
	if len(o.Suffixes) == 0 {
		args = append(args, "-name", "*")
	}
	return append(args, ")")
}

// escapePattern makes find's -name take s literally.
func escapePattern(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(s)
}

// collectScan reads the script's sections: a path, then its data or its problem, or data that a problem spoils.
func collectScan(sections []Section, complete bool, o ScanOptions) *ScanFindings {
	var found ScanFindings
	var at string
	if !complete && len(sections) > 0 {
		sections = sections[:len(sections)-1]
		found.Cut = true
	}
	for i, s := range sections {
		spoiled := i+1 < len(sections) && sections[i+1].Name == "problem"
		switch s.Name {
		case "path":
			at = path.Clean(string(s.Data))
		case "problem":
			found.AddProblem(at, scanProblem(string(s.Data)))
		case "data":
			if !spoiled {
				found.AddFile(at, s.Data, o.MaxSize)
			}
		}
	}
	return &found
}

// scanProblem turns the script's word into a reason.
func scanProblem(word string) error {
	switch word {
	case "permission":
		return ErrPermission
	case "missing":
		return fmt.Errorf("link without a target: %w", ErrFileNotFound)
	case "kind":
		return errors.New("neither a file nor a directory")
	}
	return errors.New("reading failed")
}

// ScanFindings gathers what a scan comes across; it is shared by every Scanner, so that all treat limits alike.
// The zero value is ready.
type ScanFindings struct {
	// Cut says that the scan itself ended early.
	Cut      bool
	files    []File
	problems []Problem
}

// AddProblem notes that path could not be read.
func (f *ScanFindings) AddProblem(path string, err error) {
	f.problems = append(f.problems, Problem{Path: path, Err: err})
}

// AddFile notes a file; one larger than maxSize bytes becomes a Problem.
func (f *ScanFindings) AddFile(path string, data []byte, maxSize int64) {
	if int64(len(data)) > maxSize {
		f.AddProblem(path, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, maxSize))
		return
	}
	f.files = append(f.files, File{Path: path, Data: data})
}

// Result sorts what was found, drops what was found twice and applies the limits of o and ScanTotal.
func (f *ScanFindings) Result(o ScanOptions) ([]File, []Problem, error) {
	slices.SortFunc(f.files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	f.files = slices.CompactFunc(f.files, func(a, b File) bool { return a.Path == b.Path })
	slices.SortStableFunc(f.problems, func(a, b Problem) int { return cmp.Compare(a.Path, b.Path) })
	f.problems = slices.CompactFunc(f.problems, func(a, b Problem) bool { return a.Path == b.Path })
	keep, total := 0, 0
	for keep < len(f.files) && keep < o.MaxFiles && total+len(f.files[keep].Data) <= ScanTotal {
		total += len(f.files[keep].Data)
		keep++
	}
	if f.Cut || keep < len(f.files) {
		first := ""
		if keep < len(f.files) {
			first = f.files[keep].Path
		}
		f.AddProblem(first, fmt.Errorf("%w: left out what is beyond %d files or %d bytes", ErrTooLarge, o.MaxFiles, ScanTotal))
	}
	return slices.Clip(f.files[:keep]), f.problems, nil
}
