package inventory

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/broker/internal/host"
)

// Store is the inventory in one directory, a file per host. Its methods may be called from several goroutines, and several
// processes may use one directory: a reader sees the file of one writer, whole, and the last writer wins.
type Store struct {
	// Logger gets a warning for every file that is passed over; nil means slog.Default. It must not change after the first use.
	Logger *slog.Logger

	dir string

	writing sync.Mutex // one Put at a time reads, changes and writes

	mu    sync.Mutex
	known map[string]known // by file name
}

// known is a file as it was last read.
type known struct {
	info  fs.FileInfo
	entry Entry
	// bad: the file was passed over, with a warning, until it changes.
	bad bool
}

// Open returns the store in dir, usually $XDG_STATE_HOME/conbroker/inventory. The directory is created by the first Put.
func Open(dir string) *Store { return &Store{dir: dir, known: map[string]known{}} }

// Put replaces what is remembered of one session type on a host. The machines' Config is not kept. When it returns without
// an error the result is on the disk.
func (s *Store) Put(hostName, sessionType string, machines []driver.Machine, problems []host.Problem, scanned time.Time) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	entry, _ := s.Get(hostName)
	entry.Host = hostName
	entry.Types = slices.DeleteFunc(slices.Clone(entry.Types), func(t TypeEntry) bool { return t.Type == sessionType })
	entry.Types = append(entry.Types, TypeEntry{Type: sessionType, Scanned: scanned, Machines: machines, Problems: problems})
	slices.SortFunc(entry.Types, func(a, b TypeEntry) int { return cmp.Compare(a.Type, b.Type) })
	data, err := encode(entry)
	if err != nil {
		return fmt.Errorf("remember the machines of %s: %w", hostName, err)
	}
	if err := replace(s.dir, fileName(hostName), data); err != nil {
		return fmt.Errorf("remember the machines of %s: %w", hostName, err)
	}
	return nil
}

// Get returns what is remembered of a host. The caller must not change the slices in it.
func (s *Store) Get(hostName string) (Entry, bool) {
	entry, ok := s.load(fileName(hostName))
	if !ok || entry.Host != hostName {
		return Entry{}, false
	}
	return entry, true
}

// Hosts lists the hosts of which something is remembered, by name.
func (s *Store) Hosts() []string {
	var names []string
	for _, e := range s.entries() {
		names = append(names, e.Host)
	}
	return names
}

// Query returns the machines that the filter lets through, by host name, session type and then as they were found. It touches
// no host.
func (s *Store) Query(f Filter) []Found {
	var found []Found
	for _, e := range s.wanted(f.Hosts) {
		for _, t := range e.Types {
			if f.wantsType(t.Type) {
				found = f.appendMachines(found, e.Host, t)
			}
		}
	}
	return found
}

// wanted returns the entries of the named hosts, of all if none is named, without reading the files of others.
func (s *Store) wanted(hosts []string) []Entry {
	if len(hosts) == 0 {
		return s.entries()
	}
	var entries []Entry
	for _, name := range slices.Compact(slices.Sorted(slices.Values(hosts))) {
		if e, ok := s.Get(name); ok {
			entries = append(entries, e)
		}
	}
	return entries
}

// wantsType reports whether the filter lets a session type through.
func (f Filter) wantsType(sessionType string) bool {
	return len(f.Types) == 0 || slices.ContainsFunc(f.Types, func(t string) bool { return strings.EqualFold(t, sessionType) })
}

// appendMachines appends the machines of one scan that the filter's address fits; all, if it has none.
func (f Filter) appendMachines(found []Found, hostName string, t TypeEntry) []Found {
	all := f.Address.IsZero()
	for _, m := range t.Machines {
		if all || f.Address.Matches(Target(m)) {
			found = append(found, Found{Host: hostName, Machine: m, Scanned: t.Scanned})
		}
	}
	return found
}

// entries returns all readable entries by host name.
func (s *Store) entries() []Entry {
	files, err := os.ReadDir(s.dir)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			s.warn("the inventory cannot be read", s.dir, err)
		}
		return nil
	}
	var entries []Entry
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), fileSuffix) || strings.HasPrefix(f.Name(), ".") {
			continue
		}
		if entry, ok := s.load(f.Name()); ok && fileName(entry.Host) == f.Name() {
			entries = append(entries, entry)
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Host, b.Host) })
	return entries
}

// load returns the entry in a file, from memory if the file is as it was. A file that cannot be understood is passed over with
// one warning.
func (s *Store) load(name string) (Entry, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := filepath.Join(s.dir, name)
	info, err := os.Stat(path)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			s.warn("an inventory file is passed over", path, err)
		}
		return Entry{}, false
	}
	if k, ok := s.known[name]; ok && sameFile(k.info, info) {
		return k.entry, !k.bad
	}
	entry, err := readEntry(path)
	if err != nil {
		s.warn("an inventory file is passed over", path, err)
	}
	s.known[name] = known{info: info, entry: entry, bad: err != nil}
	return entry, err == nil
}

// sameFile reports whether a file was not replaced. Put never writes into a file that exists, so another content is another
// file; size and time are compared for file systems that give a number again.
func sameFile(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// warn logs that a file was not used.
func (s *Store) warn(text, path string, err error) {
	log := s.Logger
	if log == nil {
		log = slog.Default()
	}
	log.Warn(text, "file", path, "error", err)
}
