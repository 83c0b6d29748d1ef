package cast

// private is satisfied on Windows, where a new directory inherits the access
// list of the profile that it lies in, and mode bits say nothing.
func private(string) error { return nil }
