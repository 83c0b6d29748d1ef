// Package protocol is the one source of conbroker's protocol: JSON-RPC 2.0 with the base framing of the Language Server
// Protocol, on standard input and output or on the per-user socket. The interfaces [Server] and [Client] list the methods, the
// structs are their params and results, and [Error] their failures. docs/openrpc.json, docs/protocol.md, the TypeScript types, the
// Emacs Lisp method table, the dispatcher and the Go client's methods are generated from this package.
//
// Conventions: JSON members are camelCase; enumerated words are lower case, session types upper case; times are RFC 3339;
// durations are seconds and may have a fraction; sizes of terminals are in cells, of data in bytes. A member that is optional
// in params may be left out. "console", "attachment", "session" and "tunnel" in params are the keys that the broker gave.
package protocol

//go:generate go run ./internal/gen

// Version is the version of the protocol. Minor versions only add; a peer with another major version is refused.
const Version = "1.0"

// Empty is the params or the result of a method that has none. Unknown members are ignored, as they are everywhere.
type Empty struct{}
