package rpc

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

const pingBody = `{"jsonrpc":"2.0","id":1,"method":"ping"}`
const pongBody = `{"jsonrpc":"2.0","id":1,"result":"pong"}`

// echoOf returns an echo request of about n bytes, and its reply.
func echoOf(id, n int) (request, reply string) {
	text := `["` + strings.Repeat("x", n) + `"]`
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"echo","params":%s}`, id, text),
		fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":%s}`, id, text)
}

func TestBodyOverLimitIsSkipped(t *testing.T) {
	c, p := startFiles(t, testOptions)
	long, reply := echoOf(7, 100<<10)
	p.raw(appendFrame(appendFrame(nil, []byte(long)), []byte(pingBody)))
	if text := p.wantError("null", CodeInvalidRequest); !strings.Contains(text, "over the limit of 65536") {
		t.Errorf("message %q does not name the limit", text)
	}
	p.want(pongBody)

	c.RaiseLimit()
	p.raw(appendFrame(nil, []byte(long)))
	p.want(reply)

	huge, _ := echoOf(8, 5<<20)
	p.raw(appendFrame(appendFrame(nil, []byte(huge)), []byte(pingBody)))
	p.wantError("null", CodeInvalidRequest)
	p.want(pongBody)
}

func TestAbsurdLengthClosesTheConnection(t *testing.T) {
	for _, length := range []string{"1073741825", "9223372036854775808", "99999999999999999999999999"} {
		t.Run(length, func(t *testing.T) {
			c, p := startFiles(t, testOptions)
			p.raw([]byte("Content-Length: " + length + "\r\n\r\n{}"))
			p.wantError("null", CodeInvalidRequest)
			p.wantEnd()
			if err := c.Wait(); err == nil {
				t.Error("no error says why the connection ended")
			}
		})
	}
}

// An announced body costs memory only as it arrives.
func TestAnnouncedBodyIsNotAllocated(t *testing.T) {
	o := testOptions
	o.MaxBody, o.MaxFirstBody = 512<<20, 512<<20
	c, p := startFiles(t, o)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := p.w.Write([]byte("Content-Length: 500000000\r\n\r\n{")); err != nil {
		t.Fatal(err)
	}
	p.w.Close()
	if err := c.Wait(); err != nil {
		t.Errorf("truncated frame: %v", err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
		t.Errorf("%d bytes allocated for a body of one byte", grown)
	}
}

func TestUnframedStreamIsClosed(t *testing.T) {
	tests := map[string]string{
		"one endless line":      strings.Repeat("x", 100<<10),
		"lines":                 strings.Repeat("no header here\n", 10<<10),
		"binary":                strings.Repeat("\x16\x03\x01\x00\xff", 10<<10),
		"endless header":        strings.Repeat("X-Header: value\r\n", 10<<10),
		"endless header value":  "X-Header: " + strings.Repeat("v", 100<<10),
		"header behind a limit": "Content-Length: 2\r\nX: " + strings.Repeat("v", 5<<10) + "\r\n\r\n{}",
		"empty lines":           strings.Repeat("\r\n", 10<<10),
	}
	for name, input := range tests {
		t.Run(name, func(t *testing.T) {
			c, p := startFiles(t, testOptions)
			p.raw([]byte(input))
			for {
				body, err := p.frame()
				if err != nil {
					break
				}
				if !strings.Contains(body, `"id":null`) || !strings.Contains(body, "-32700") {
					t.Errorf("unexpected frame %s", body)
				}
			}
			if err := c.Wait(); !errors.Is(err, errFraming) {
				t.Errorf("the connection ended with %v", err)
			}
		})
	}
}

func TestDeepNesting(t *testing.T) {
	_, p := startFiles(t, testOptions)
	nested := func(depth int) string { // of the whole message
		return `{"jsonrpc":"2.0","id":5,"method":"echo","params":` +
			strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + `}`
	}
	p.send(nested(maxDepth))
	if r := p.reply(); r.Error != nil {
		t.Errorf("depth %d refused: %v", maxDepth, r.Error)
	}
	p.send(nested(maxDepth + 1))
	p.wantError("5", CodeInvalidRequest)
	p.send(nested(30000)) // deeper than encoding/json goes; the id stands before it
	p.wantError("5", CodeInvalidRequest)
	p.send(`{"params":` + strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000) +
		`,"jsonrpc":"2.0","method":"echo","id":"behind"}`)
	p.wantError(`"behind"`, CodeInvalidRequest)
	p.send(pingBody)
	p.want(pongBody)
}

func TestInFlightLimits(t *testing.T) {
	o := testOptions
	o.MaxInFlight = 2
	_, p := startFiles(t, o)
	p.send(`{"jsonrpc":"2.0","id":1,"method":"wait"}`)
	p.send(`{"jsonrpc":"2.0","method":"wait"}`)
	p.send(`{"jsonrpc":"2.0","id":3,"method":"ping"}`)
	p.wantError("3", CodeBusy)
	p.send(`{"jsonrpc":"2.0","method":"ping"}`) // dropped: there is no way to answer it
	p.send(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}}`)
	p.wantError("1", CodeCancelled)
	p.send(pingBody)
	p.want(pongBody)
}

func TestInFlightBytes(t *testing.T) {
	o := testOptions
	o.MaxInFlightBytes = 1000
	_, p := startFiles(t, o)
	p.send(`{"jsonrpc":"2.0","id":1,"method":"wait","params":["` + strings.Repeat("x", 700) + `"]}`)
	request, _ := echoOf(2, 500)
	p.send(request)
	p.wantError("2", CodeBusy)
	p.send(`{"jsonrpc":"2.0","id":3,"method":"ping"}`)
	p.want(`{"jsonrpc":"2.0","id":3,"result":"pong"}`)
}

func TestLongIDIsRefused(t *testing.T) {
	_, p := startFiles(t, testOptions)
	p.send(`{"jsonrpc":"2.0","id":"` + strings.Repeat("i", maxIDText) + `","method":"ping"}`)
	p.wantError("null", CodeInvalidRequest)
	id := `"` + strings.Repeat("i", maxIDText-2) + `"`
	p.send(`{"jsonrpc":"2.0","id":` + id + `,"method":"ping"}`)
	p.want(`{"jsonrpc":"2.0","id":` + id + `,"result":"pong"}`)
}

func TestReplyOverLimitBecomesAnError(t *testing.T) {
	o := testOptions
	o.MaxBody, o.MaxFirstBody = 200, 1000
	_, p := startFiles(t, o)
	request, _ := echoOf(1, 500)
	p.send(request)
	if text := p.wantError("1", CodeInternalError); !strings.Contains(text, "over the limit of 200") {
		t.Errorf("message %q does not name the limit", text)
	}
	p.send(pingBody)
	p.want(pongBody)
}
