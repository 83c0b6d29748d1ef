package host

import (
	"context"
	"io/fs"
)

// The optional abilities below are found by type assertion. A Host that lacks one is served by the functions of the same
// name in this package, which do the work with POSIX commands in one round trip.

// File is a file that a scan found, with its content.
type File struct {
	// Path is absolute on the host.
	Path string
	// Data is the content; at most ScanOptions.MaxSize bytes, larger files are left out and reported as a Problem.
	Data []byte
}

// Problem is a file or directory that could not be read in a scan. It never hides the others.
type Problem struct {
	// Path is absolute on the host.
	Path string
	// Err says why.
	Err error
}

// ScanOptions says what a scan looks for.
type ScanOptions struct {
	// Roots are the directories to search; a relative one is taken from the user's home directory, "~" is the home
	// directory itself, a root that is a file is read as it is, and one that does not exist is passed over.
	Roots []string
	// Suffixes are the file name endings wanted, such as ".toml".
	Suffixes []string
	// MaxSize is the largest file wanted, in bytes; 0 means 256 KiB.
	MaxSize int64
	// MaxFiles bounds how many files are returned; 0 means 20,000. What is left out is reported as a Problem.
	MaxFiles int
	// MaxDepth bounds how far below a root is searched; 0 means 8.
	MaxDepth int
}

// Scanner is a Host that finds and reads many files at once. Directories whose name begins with a dot are not entered
// unless they are a root. Symbolic links to files are read; links to directories are not followed.
type Scanner interface {
	Scan(ctx context.Context, o ScanOptions) ([]File, []Problem, error)
}

// FileSystem is a Host whose files can be read and written directly.
type FileSystem interface {
	// ReadFile returns a file's content, at most limit bytes; a larger file is an error. A file that does not exist is
	// ErrFileNotFound.
	ReadFile(ctx context.Context, path string, limit int64) ([]byte, error)
	// WriteFile replaces a file in one step: readers see the old content or the new, never a part. The directory must
	// exist.
	WriteFile(ctx context.Context, path string, data []byte, perm fs.FileMode) error
	// Remove deletes files; one that does not exist is no error.
	Remove(ctx context.Context, paths ...string) error
}

// DirReader is a Host whose directories can be listed directly.
type DirReader interface {
	// ReadDir returns the names in a directory, sorted. A directory that does not exist is ErrFileNotFound.
	ReadDir(ctx context.Context, dir string) ([]string, error)
}

// DirWatcher is a Host that can tell when something in a directory changes.
type DirWatcher interface {
	// WatchDir sends on the returned channel, which holds one value, after files in the directory or its direct
	// subdirectories were added, changed or removed. The channel is closed when ctx ends or the watch is lost.
	WatchDir(ctx context.Context, dir string) (<-chan struct{}, error)
}

// Environment is what a driver needs to know of the user's surroundings on a host.
type Environment struct {
	// User is the account's name; UID its number.
	User string
	UID  int
	// Group is the name of the account's primary group.
	Group string
	// Home is the home directory, absolute.
	Home string
	// RuntimeDir is a directory of the user's own, 0700, for sockets and pid files of this project: short enough for
	// Unix socket paths below it.
	RuntimeDir string
	// StateDir is where this project keeps what must survive a reboot, 0700.
	StateDir string
	// BootID changes with every boot of the host (Linux: /proc/sys/kernel/random/boot_id).
	BootID string
	// Node is the host's own name, fully qualified if it knows its domain.
	Node string
	// System, Release and Machine are as uname -s, -r and -m print them.
	System, Release, Machine string
}

// EnvironmentReader is a Host that knows its Environment without running a command. The directories exist when it
// returns.
type EnvironmentReader interface {
	Environment(ctx context.Context) (Environment, error)
}
