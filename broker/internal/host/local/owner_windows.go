package local

import "io/fs"

// othersMask is empty: permission bits say nothing on Windows, where the user's profile is closed by its access list.
const othersMask fs.FileMode = 0

// ownerOf trusts the access list of the user's profile.
func ownerOf(fs.FileInfo) (owner string, mine bool) { return "", true }
