package config

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"
)

// Source is a configuration file that may change while the broker runs. Its methods may be called from several goroutines.
type Source struct {
	path string

	mu   sync.Mutex
	seen stamp
	good *Config
	err  error
}

// stamp is how a file looked when it was read.
type stamp struct {
	read bool
	// info is nil if the file did not exist.
	info fs.FileInfo
	at   time.Time
}

// racy is how long after a change a file may change again without a new modification time: the coarsest clock of common
// file systems, that of FAT, ticks every two seconds.
const racy = 2 * time.Second

// NewSource returns a source for the file at path, empty for [DefaultPath]. Nothing is read yet.
func NewSource(path string) *Source { return &Source{path: path, good: &Config{}} }

// Current returns the configuration. The file is read again when its size, its modification time or the file itself has
// changed. While it cannot be read, the last good configuration (at first the zero one, never nil) is returned together
// with the error that [Load] gave. The caller must not change what it gets.
func (s *Source) Current() (*Config, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.look()
	if s.seen.same(now) {
		return s.good, s.err
	}
	s.seen = now
	c, err := Load(s.path)
	s.err = err
	if err == nil {
		s.good = c
	}
	return s.good, s.err
}

// look takes a stamp before the file is read, so that a change during the reading is seen the next time.
func (s *Source) look() stamp {
	now := stamp{read: true, at: time.Now()}
	path := s.path
	if path == "" {
		var err error
		if path, err = DefaultPath(); err != nil {
			return stamp{}
		}
	}
	info, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return stamp{}
	}
	now.info = info
	return now
}

// same reports whether the file is as it was when it was read.
func (s stamp) same(now stamp) bool {
	if !s.read || !now.read || (s.info == nil) != (now.info == nil) {
		return false
	}
	if s.info == nil {
		return true
	}
	old, cur := s.info, now.info
	settled := s.at.Sub(old.ModTime()) > racy
	return settled && os.SameFile(old, cur) && old.Size() == cur.Size() && old.ModTime().Equal(cur.ModTime())
}
