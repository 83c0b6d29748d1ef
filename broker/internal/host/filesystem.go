package host

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

var (
	//go:embed script/readfile.sh
	readFileScript string
	//go:embed script/writefile.sh
	writeFileScript string
	//go:embed script/remove.sh
	removeScript string
)

// ErrNotRegular says that a directory, a device or another thing stands where a file is needed.
var ErrNotRegular = errors.New("not a regular file")

// removeBatch bounds the path bytes of one removal; a shell line of 128 KiB is what Linux takes at most.
const removeBatch = 64 << 10

// ReadFile returns the content of a file of h, at most limit bytes (0: [DefaultLimit]). The path is absolute. Errors wrap
// [ErrFileNotFound], [ErrPermission], [ErrTooLarge] or [ErrNotRegular].
func ReadFile(ctx context.Context, h Host, file string, limit int64) ([]byte, error) {
	limit = cmp.Or(limit, DefaultLimit)
	if f, ok := h.(FileSystem); ok {
		return f.ReadFile(ctx, file, limit)
	}
	action := "read " + file
	if !path.IsAbs(file) {
		return nil, relativePath(h, action)
	}
	sections, complete, err := Sections(ctx, h, Script{
		Body:  readFileScript,
		Args:  []string{path.Clean(file), strconv.FormatInt(limit+1, 10)},
		Limit: int(limit) + scriptFraming,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", action, err)
	}
	if len(sections) != 1 || !complete {
		return nil, &Error{Host: h.Name(), Action: action, Err: errors.New("reading failed")}
	}
	if reason := fileReason(sections[0]); reason != nil {
		return nil, &Error{Host: h.Name(), Action: action, Err: reason}
	}
	if int64(len(sections[0].Data)) > limit {
		return nil, &Error{Host: h.Name(), Action: action, Err: fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)}
	}
	return sections[0].Data, nil
}

// scriptFraming is room for marks and for what a login shell says before the script.
const scriptFraming = 64 << 10

// WriteFile replaces a file of h in one step. The path is absolute and its directory exists.
func WriteFile(ctx context.Context, h Host, file string, data []byte, perm fs.FileMode) error {
	if f, ok := h.(FileSystem); ok {
		return f.WriteFile(ctx, file, data, perm)
	}
	action := "write " + file
	if !path.IsAbs(file) {
		return relativePath(h, action)
	}
	file = path.Clean(file)
	sections, complete, err := Sections(ctx, h, Script{
		Body: writeFileScript,
		Args: []string{
			file, TemporaryName(file), strconv.Itoa(len(data)), fmt.Sprintf("%o", perm.Perm()),
		},
		Stdin: bytes.NewReader(data),
	})
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	if complete && len(sections) > 0 && sections[len(sections)-1].Name == "written" {
		return nil
	}
	reason := errors.New("writing failed")
	if len(sections) > 0 {
		reason = cmp.Or(fileReason(sections[0]), reason)
	}
	return &Error{Host: h.Name(), Action: action, Err: reason}
}

// TemporaryName is a name beside file that nobody can foresee, for content that is not complete yet.
func TemporaryName(file string) string {
	return file + "." + strings.ToLower(rand.Text()[:12]) + ".new"
}

// Remove deletes files of h. Paths are absolute; one that does not exist is no error, a directory is.
func Remove(ctx context.Context, h Host, paths ...string) error {
	if f, ok := h.(FileSystem); ok {
		return f.Remove(ctx, paths...)
	}
	var failed []error
	for len(paths) > 0 {
		n, size := 0, 0
		for n < len(paths) && (n == 0 || size+len(paths[n]) <= removeBatch) {
			size += len(paths[n])
			n++
		}
		failed = append(failed, removeByScript(ctx, h, paths[:n]))
		paths = paths[n:]
	}
	return errors.Join(failed...)
}

// removeByScript deletes one batch and reports every path that is still there.
func removeByScript(ctx context.Context, h Host, paths []string) error {
	for _, p := range paths {
		if !path.IsAbs(p) {
			return relativePath(h, "remove "+p)
		}
	}
	sections, _, err := Sections(ctx, h, Script{Body: removeScript, Args: paths})
	if err != nil {
		return fmt.Errorf("remove %d files: %w", len(paths), err)
	}
	var failed []error
	for _, s := range sections {
		reason := ErrNotRegular
		if s.Name != "kind" {
			reason = ErrPermission
		}
		failed = append(failed, &Error{Host: h.Name(), Action: "remove " + string(s.Data), Err: reason})
	}
	return errors.Join(failed...)
}

// fileReason turns a section of the file scripts into a reason; nil for a section of data.
func fileReason(s Section) error {
	switch s.Name {
	case "data":
		return nil
	case "permission":
		return ErrPermission
	case "missing":
		return ErrFileNotFound
	case "kind":
		return ErrNotRegular
	}
	if said := strings.TrimSpace(string(s.Data)); said != "" {
		return errors.New(strings.ToValidUTF8(said[:min(len(said), maxSaid)], "\uFFFD"))
	}
	return errors.New("the host gave no reason")
}

// relativePath is the answer to a path whose meaning would depend on where the command runs.
func relativePath(h Host, action string) error {
	return &Error{Host: h.Name(), Action: action, Err: errors.New("the path is not absolute")}
}
