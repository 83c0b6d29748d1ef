package endpoint

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// greetWait bounds the handshake, in each direction.
	greetWait = 5 * time.Second
	// maxLine bounds a handshake line in bytes, its newline included.
	maxLine = 1024
	// greeting begins every handshake line. It and the form of the line stay as they are in all versions, so that peers
	// of different versions can still tell each other so.
	greeting = "conbroker "
)

// Hello is how a program introduces itself on the socket.
type Hello struct {
	// Protocol is the major version of the JSON-RPC protocol. Peers with different ones do not work together.
	Protocol int
	// Version and Build name the program; they may differ between peers.
	Version, Build string
}

// PeerHello is what the daemon answers.
type PeerHello struct {
	Hello
	// PID is the daemon's process.
	PID int
	// Clients and Consoles are what it holds at this moment.
	Clients, Consoles int
}

// verb is what a client wants of the daemon.
type verb string

const (
	verbConnect verb = "connect" // JSON-RPC follows
	verbProbe   verb = "probe"   // only the answer
	verbRetire  verb = "retire"  // end, if idle
)

// refusal says why the daemon does not do what a client wants.
type refusal string

const (
	refusedProtocol refusal = "protocol" // another major version
	refusedRetiring refusal = "retiring" // it is about to end
	refusedBusy     refusal = "busy"     // it has clients or consoles
	refusedVerb     refusal = "verb"     // it does not know the verb
)

// request is the client's line.
type request struct {
	Hello
	Verb verb
}

// answer is the daemon's line. An empty Refused means yes.
type answer struct {
	PeerHello
	Refused refusal
}

// errLine is a handshake line that is none. It is what a client of another protocol on this socket gets.
var errLine = errors.New("not a conbroker handshake")

func (h Hello) values() url.Values {
	return url.Values{
		"protocol": {strconv.Itoa(h.Protocol)}, "version": {h.Version}, "build": {h.Build},
	}
}

// line is the request as it goes over the socket: URL encoding, in which a value cannot break the line.
func (r request) line() string {
	v := r.values()
	v.Set("verb", string(r.Verb))
	return greeting + v.Encode() + "\n"
}

func (a answer) line() string {
	v := a.values()
	v.Set("pid", strconv.Itoa(a.PID))
	v.Set("clients", strconv.Itoa(a.Clients))
	v.Set("consoles", strconv.Itoa(a.Consoles))
	v.Set("refused", string(a.Refused))
	return greeting + v.Encode() + "\n"
}

// parseRequest reads a client's line. Keys that later versions add are ignored.
func parseRequest(line string) (request, error) {
	v, err := parseLine(line)
	if err != nil {
		return request{}, err
	}
	hello, err := parseHello(v)
	return request{Hello: hello, Verb: verb(v.Get("verb"))}, err
}

// parseAnswer reads the daemon's line.
func parseAnswer(line string) (answer, error) {
	v, err := parseLine(line)
	if err != nil {
		return answer{}, err
	}
	hello, err := parseHello(v)
	a := answer{PeerHello: PeerHello{Hello: hello}, Refused: refusal(v.Get("refused"))}
	for key, value := range map[string]*int{"pid": &a.PID, "clients": &a.Clients, "consoles": &a.Consoles} {
		n, nErr := strconv.Atoi(v.Get(key))
		if nErr != nil || n < 0 {
			return answer{}, fmt.Errorf("%w: %s is %q", errLine, key, v.Get(key))
		}
		*value = n
	}
	return a, err
}

func parseLine(line string) (url.Values, error) {
	text, found := strings.CutPrefix(strings.TrimSuffix(line, "\n"), greeting)
	if !found {
		return nil, fmt.Errorf("%w: %.40q", errLine, line)
	}
	v, err := url.ParseQuery(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errLine, err)
	}
	return v, nil
}

// parseHello takes the names as hostile: they go into messages.
func parseHello(v url.Values) (Hello, error) {
	protocol, err := strconv.Atoi(v.Get("protocol"))
	if err != nil || protocol < 0 {
		return Hello{}, fmt.Errorf("%w: protocol is %q", errLine, v.Get("protocol"))
	}
	h := Hello{Protocol: protocol, Version: v.Get("version"), Build: v.Get("build")}
	for _, name := range []string{h.Version, h.Build} {
		if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) {
			return Hello{}, fmt.Errorf("%w: version or build has unprintable characters", errLine)
		}
	}
	return h, nil
}

// readLine reads up to the newline and not a byte further, since what follows is JSON-RPC.
func readLine(r io.Reader) (string, error) {
	var line []byte
	var b [1]byte
	for len(line) < maxLine {
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return "", err
		}
		line = append(line, b[0])
		if b[0] == '\n' {
			return string(line), nil
		}
	}
	return "", fmt.Errorf("%w: no line within %d bytes", errLine, maxLine)
}

// greet is the client's side of the handshake.
func greet(conn net.Conn, r request) (answer, error) {
	if err := conn.SetDeadline(time.Now().Add(greetWait)); err != nil {
		return answer{}, err
	}
	if _, err := io.WriteString(conn, r.line()); err != nil {
		return answer{}, err
	}
	line, err := readLine(conn)
	if err != nil {
		return answer{}, err
	}
	a, err := parseAnswer(line)
	if err != nil {
		return answer{}, err
	}
	return a, conn.SetDeadline(time.Time{})
}
