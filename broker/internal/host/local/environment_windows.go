package local

import (
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/windows"
)

const homeVariable = "USERPROFILE"

// runtimeDir is conbroker below %LOCALAPPDATA%, which only its user can enter.
func runtimeDir(env func(string) string) (string, error) {
	base := env("CONBROKER_RUNTIME_DIR")
	if base == "" && env("LOCALAPPDATA") != "" {
		base = filepath.Join(env("LOCALAPPDATA"), "conbroker")
	}
	if !filepath.IsAbs(base) {
		return "", fmt.Errorf("find a directory for sockets: neither CONBROKER_RUNTIME_DIR nor LOCALAPPDATA is an absolute path")
	}
	return base, nil
}

// systemName puts together what uname would print.
func systemName() (system, release, machine string) {
	v := windows.RtlGetVersion()
	machine = runtime.GOARCH
	if machine == "amd64" {
		machine = "x86_64"
	}
	return "Windows", fmt.Sprintf("%d.%d.%d", v.MajorVersion, v.MinorVersion, v.BuildNumber), machine
}

// bootID is the minute in which the system was started.
func bootID() string {
	return time.Now().Add(-windows.DurationSinceBoot()).Truncate(time.Minute).UTC().Format(time.RFC3339)
}
