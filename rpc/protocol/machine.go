package protocol

// CacheUse says whether an enumeration may be answered from the inventory.
type CacheUse string

// The uses.
const (
	// CacheOn asks the host, and answers from the cache for a host that cannot be reached. The default.
	CacheOn CacheUse = "on"
	// CacheOff asks the host only.
	CacheOff CacheUse = "off"
	// CacheOnly does not touch the host.
	CacheOnly CacheUse = "only"
)

// MachineEnumerateParams narrow an enumeration.
type MachineEnumerateParams struct {
	WorkDone
	// Hosts are host or group names; left out, all configured hosts.
	Hosts []string `json:"hosts,omitempty"`
	// Types are session types; left out, all.
	Types []string `json:"types,omitempty"`
	// BasePaths are directories to search, instead of the configured ones; relative ones from the home directory.
	BasePaths []string `json:"basePaths,omitempty"`
	// Cache is on if left out.
	Cache CacheUse `json:"cache,omitempty"`
}

// MachineEnumerateResult is what is configured. It is complete except for what Errors and Problems name.
type MachineEnumerateResult struct {
	Machines []Machine   `json:"machines"`
	Errors   []HostError `json:"errors"`
	// Problems are files that were recognised and could not be read.
	Problems []FileProblem `json:"problems"`
}

// FileProblem is a mistake in one file.
type FileProblem struct {
	Host string `json:"host"`
	Type string `json:"type"`
	File string `json:"file"`
	// Line counts from 1; left out if the mistake has no line.
	Line    int    `json:"line,omitempty"`
	Message string `json:"message"`
}

// MachineQueryParams select machines from the inventory.
type MachineQueryParams struct {
	// Hosts are host or group names; left out, all in the inventory.
	Hosts []string `json:"hosts,omitempty"`
	// Types are session types; left out, all.
	Types []string `json:"types,omitempty"`
	// Address narrows the answer; left out, all machines.
	Address *Address `json:"address,omitempty"`
}
