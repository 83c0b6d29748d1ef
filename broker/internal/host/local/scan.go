package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/conbroker/conbroker/broker/internal/host"
)

// Scan finds and reads files below the roots.
func (h *Host) Scan(ctx context.Context, o host.ScanOptions) ([]host.File, []host.Problem, error) {
	o = o.WithDefaults()
	s := scan{ctx: ctx, options: o, seen: make(map[string]bool)}
	for _, root := range o.Roots {
		s.root(h.absolute(root))
		if err := ctx.Err(); err != nil {
			return nil, nil, h.failure("scan for machine files", err)
		}
	}
	return s.found.Result(o)
}

// absolute resolves a root as [host.ScanOptions] says.
func (h *Host) absolute(root string) string {
	home := h.home()
	switch {
	case root == "~":
		return filepath.Clean(home)
	case strings.HasPrefix(root, "~/"):
		return filepath.Join(home, root[2:])
	case filepath.IsAbs(root):
		return filepath.Clean(root)
	}
	return filepath.Join(home, root)
}

// scan is one scan in progress.
type scan struct {
	ctx     context.Context
	options host.ScanOptions
	found   host.ScanFindings
	// seen are the files read so far, so that overlapping roots cost nothing; total is their size.
	seen  map[string]bool
	total int64
}

func (s *scan) root(root string) {
	info, err := os.Stat(root)
	switch {
	case err != nil && isMissing(err):
	case err != nil:
		s.found.AddProblem(root, fileReason(err))
	case info.Mode().IsRegular():
		s.file(root)
	case info.IsDir():
		s.walk(root)
	default:
		s.found.AddProblem(root, errors.New("neither a file nor a directory"))
	}
}

// walk goes through a root directory; the error of WalkDir is only that of ctx, which Scan checks.
func (s *scan) walk(root string) {
	entry := root
	if info, err := os.Lstat(root); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		entry = root + string(filepath.Separator) // a root may be a link; WalkDir does not follow one
	}
	_ = filepath.WalkDir(entry, func(path string, d fs.DirEntry, err error) error {
		if s.ctx.Err() != nil {
			return fs.SkipAll
		}
		path = filepath.Clean(path)
		if err != nil {
			s.found.AddProblem(path, fileReason(err))
			return nil
		}
		if d.IsDir() {
			return s.enter(root, path, d)
		}
		if s.wanted(d) {
			s.file(path)
		}
		return nil
	})
}

// enter decides whether a directory is searched.
func (s *scan) enter(root, path string, d fs.DirEntry) error {
	if path == root {
		return nil
	}
	below, err := filepath.Rel(root, path)
	if err != nil || strings.HasPrefix(d.Name(), ".") {
		return fs.SkipDir
	}
	if strings.Count(below, string(filepath.Separator))+1 >= s.options.MaxDepth {
		return fs.SkipDir
	}
	return nil
}

// wanted reports whether a directory entry may be a file to read.
func (s *scan) wanted(d fs.DirEntry) bool {
	if t := d.Type(); !t.IsRegular() && t&fs.ModeSymlink == 0 {
		return false
	}
	for _, suffix := range s.options.Suffixes {
		if strings.HasSuffix(d.Name(), suffix) {
			return true
		}
	}
	return len(s.options.Suffixes) == 0
}

// file reads one file, following a link. What is beyond the limits of the whole scan is not read.
func (s *scan) file(path string) {
	if s.seen[path] {
		return
	}
	if s.total > host.ScanTotal {
		s.found.Cut = true
		return
	}
	s.seen[path] = true
	info, err := os.Stat(path)
	switch {
	case err != nil && isMissing(err):
		s.found.AddProblem(path, fmt.Errorf("link without a target: %w", host.ErrFileNotFound))
		return
	case err != nil:
		s.found.AddProblem(path, fileReason(err))
		return
	case !info.Mode().IsRegular():
		return
	}
	data, err := readLimited(path, s.options.MaxSize+1)
	if err != nil {
		s.found.AddProblem(path, fileReason(err))
		return
	}
	s.total += int64(len(data))
	s.found.AddFile(path, data, s.options.MaxSize)
}

// readLimited reads the first limit bytes of a file.
func readLimited(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

// isMissing reports whether there is nothing at a path, also because a parent is not a directory.
func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// fileReason turns an error of the os package into the reasons of package host.
func fileReason(err error) error {
	switch {
	case isMissing(err):
		return host.ErrFileNotFound
	case errors.Is(err, fs.ErrPermission):
		return host.ErrPermission
	case errors.Is(err, syscall.EISDIR):
		return host.ErrNotRegular
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
