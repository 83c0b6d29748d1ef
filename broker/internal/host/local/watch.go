package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/fsnotify/fsnotify"
)

// WatchDir tells when something in dir or its direct subdirectories changes. A directory that does not exist is awaited:
// the nearest parent that does exist is watched in its place, and its coming is a change. So is its going.
func (h *Host) WatchDir(ctx context.Context, dir string) (<-chan struct{}, error) {
	action := "watch " + dir
	if err := checkPath(ctx, dir); err != nil {
		return nil, h.failure(action, err)
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, h.failure(action, err)
	}
	w := &dirWatch{watcher: watcher, dir: filepath.Clean(dir), changed: make(chan struct{}, 1)}
	if err := w.arm(); err != nil {
		return nil, h.failure(action, errors.Join(fileReason(err), watcher.Close()))
	}
	if !h.begin() {
		_ = watcher.Close() // the host's end is the error to tell
		return nil, h.errClosed(action)
	}
	go func() {
		defer h.work.Done()
		w.run(ctx, h.life)
	}()
	return w.changed, nil
}

// dirWatch is one watch; only its goroutine uses it after the first arm.
type dirWatch struct {
	watcher *fsnotify.Watcher
	dir     string
	changed chan struct{}
	// present says whether the directory was there when the watches were last set.
	present bool
}

// run passes events on until a context ends or the watch is lost.
func (w *dirWatch) run(ctx, life context.Context) {
	defer close(w.changed)
	defer w.watcher.Close()
	for {
		select {
		case <-ctx.Done():
			return
		case <-life.Done():
			return
		case event, ok := <-w.watcher.Events:
			if !ok || !w.handle(event) {
				return
			}
		case err, ok := <-w.watcher.Errors:
			if !ok || !w.recover(err) {
				return
			}
		}
	}
}

// handle looks at one event; false when the watch is lost.
func (w *dirWatch) handle(e fsnotify.Event) bool {
	if e.Op == fsnotify.Chmod {
		return true
	}
	// Watches are set before the change is told, so that nothing can happen unseen in between.
	before := w.present
	if e.Has(fsnotify.Create) || e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename) {
		if err := w.arm(); err != nil {
			return false
		}
	}
	if w.present != before || within(w.dir, e.Name) {
		w.tell()
	}
	return true
}

// recover goes on after lost events: what was missed may be anything.
func (w *dirWatch) recover(err error) bool {
	if !errors.Is(err, fsnotify.ErrEventOverflow) || w.arm() != nil {
		return false
	}
	w.tell()
	return true
}

// tell leaves one value for the receiver; one that is still there says the same.
func (w *dirWatch) tell() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// armRounds bounds how often arm starts again in a tree that never stands still; the events of the last round are queued,
// and set the watches again.
const armRounds = 100

// arm sets the watches for the tree as it is now. It repeats until the tree stood still meanwhile.
func (w *dirWatch) arm() error {
	wanted, err := w.wanted()
	for range armRounds {
		if err != nil {
			return err
		}
		if err := w.set(wanted); err != nil && !isMissing(err) {
			return err
		}
		before := wanted
		wanted, err = w.wanted()
		if slices.Equal(before, wanted) && containsAll(w.watcher.WatchList(), wanted) {
			return err
		}
	}
	return err
}

// wanted lists the directories to watch: the directory with its parent and its subdirectories, or while it does not exist
// the nearest parent that does.
func (w *dirWatch) wanted() ([]string, error) {
	entries, err := os.ReadDir(w.dir)
	if err != nil && !isMissing(err) {
		return nil, err
	}
	w.present = err == nil
	if w.present {
		list := readable(filepath.Dir(w.dir))
		for _, e := range entries {
			if e.IsDir() {
				list = append(list, readable(filepath.Join(w.dir, e.Name()))...)
			}
		}
		return append(list, w.dir), nil
	}
	for parent := filepath.Dir(w.dir); ; parent = filepath.Dir(parent) {
		info, err := os.Stat(parent)
		if err == nil && info.IsDir() {
			return []string{parent}, nil
		}
		if parent == filepath.Dir(parent) {
			return nil, fs.ErrNotExist
		}
	}
}

// readable returns dir if it can be watched, which takes the right to read it. A neighbour that cannot is done without.
func readable(dir string) []string {
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	_ = f.Close() // only opened to see whether that is allowed
	return []string{dir}
}

// set adds what is wanted and drops what is not. A directory that has just gone is reported as missing.
func (w *dirWatch) set(wanted []string) error {
	for _, old := range w.watcher.WatchList() {
		if !slices.Contains(wanted, old) {
			_ = w.watcher.Remove(old) // it may have gone by itself
		}
	}
	var gone error
	for _, dir := range wanted {
		if err := w.watcher.Add(dir); err != nil && !isMissing(err) {
			return err
		} else if err != nil {
			gone = err
		}
	}
	return gone
}

// within reports whether path is below dir.
func within(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

func containsAll(list, wanted []string) bool {
	for _, w := range wanted {
		if !slices.Contains(list, w) {
			return false
		}
	}
	return true
}
