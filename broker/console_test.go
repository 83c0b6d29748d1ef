package broker

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/conbroker/conbroker/broker/internal/driver"
	"github.com/conbroker/conbroker/rpc/client"
	"github.com/conbroker/conbroker/rpc/protocol"
)

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// guest is a lab with one running guest and its console, which echoes.
func guest(t *testing.T) (*lab, *fakeDriver, *client.Client, string) {
	t.Helper()
	m := machine("tst100", "/vm/tst100.toml")
	d := newFake("FAKE", m)
	d.start(m, driver.StateRunning)
	l := newLab(t, d)
	conn := l.connect(client.Handlers{})
	opened, err := conn.ConsoleOpen(t.Context(), &protocol.ConsoleOpenParams{Address: &protocol.Address{Label: "tst100"}})
	if err != nil {
		t.Fatal(err)
	}
	return l, d, conn, opened.Console
}

func TestConsoleIsOpenedOnce(t *testing.T) {
	l, d, conn, console := guest(t)
	other := l.connect(client.Handlers{})
	again, err := other.ConsoleOpen(t.Context(), &protocol.ConsoleOpenParams{Address: &protocol.Address{Label: "tst100"}})
	if err != nil {
		t.Fatal(err)
	}
	if again.Console != console || again.Opened || len(d.log()) != 1 {
		t.Errorf("second open: %+v, driver %v", again, d.log())
	}
	list, err := conn.SessionList(t.Context(), &protocol.SessionListParams{})
	if err != nil || list.Sessions[0].Console != console {
		t.Errorf("list does not show the console: %+v, %v", list, err)
	}
}

func TestMachineStartedAgainGetsANewConsole(t *testing.T) {
	_, d, conn, console := guest(t)
	if err := d.end(d.running["/vm/tst100.toml"].session); err != nil {
		t.Fatal(err)
	}
	result, err := conn.SessionCreate(t.Context(), &protocol.SessionCreateParams{Address: byLabel("tst100"), Console: "cli"})
	if err != nil {
		t.Fatal(err)
	}
	if result.Console == console {
		t.Error("the console of the machine that ended was given for the new one")
	}
}

func TestExpectAndInput(t *testing.T) {
	_, _, conn, console := guest(t)
	taken, err := conn.ConsoleInput(t.Context(), &protocol.ConsoleInputParams{Console: console, Data: "one two\r\n"})
	if err != nil {
		t.Fatal(err)
	}
	match, err := conn.ConsoleExpect(t.Context(), &protocol.ConsoleExpectParams{Console: console, Pattern: `(t.o)\n`, From: &taken.Offset})
	if err != nil {
		t.Fatal(err)
	}
	if match.Match != "two\n" || match.Groups[0] != "two" || match.Before != "one " || match.Offset != 9 {
		t.Errorf("match %+v", match)
	}
	_, err = conn.ConsoleExpect(t.Context(), &protocol.ConsoleExpectParams{Console: console, Pattern: "two", Timeout: seconds(0.05)})
	wantCode(t, err, protocol.CodeTimeout) // what was matched is behind this connection
	from := int64(0)
	if _, err = conn.ConsoleExpect(t.Context(), &protocol.ConsoleExpectParams{Console: console, Pattern: "two", From: &from}); err != nil {
		t.Errorf("from the beginning: %v", err)
	}
	_, err = conn.ConsoleExpect(t.Context(), &protocol.ConsoleExpectParams{Console: console, Pattern: "three", From: &from, Timeout: seconds(0.05)})
	if e := wantCode(t, err, protocol.CodeTimeout); !strings.Contains(e.Data.Seen, "one two") {
		t.Errorf("the error does not show what was seen: %+v", e.Data)
	}
}

func TestExpectRefusesNonsense(t *testing.T) {
	_, _, conn, console := guest(t)
	for name, c := range map[string]struct {
		params protocol.ConsoleExpectParams
		code   protocol.ErrorCode
	}{
		"a bad pattern":      {protocol.ConsoleExpectParams{Console: console, Pattern: "("}, protocol.CodeInvalidParams},
		"a negative timeout": {protocol.ConsoleExpectParams{Console: console, Pattern: "x", Timeout: seconds(-1)}, protocol.CodeInvalidParams},
		"no such console":    {protocol.ConsoleExpectParams{Console: "none", Pattern: "x"}, protocol.CodeNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := conn.ConsoleExpect(t.Context(), &c.params)
			wantCode(t, err, c.code)
		})
	}
}

func TestExpectIsCancelled(t *testing.T) {
	_, _, conn, console := guest(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := conn.ConsoleExpect(ctx, &protocol.ConsoleExpectParams{Console: console, Pattern: "never"})
		ended <- err
	}()
	cancel()
	if err := <-ended; err == nil {
		t.Error("a cancelled expect succeeded")
	}
}

func TestGuestThatDiesEndsExpectAndAttachment(t *testing.T) {
	_, d, conn, console := guest(t)
	k, err := conn.Attach(t.Context(), protocol.ConsoleAttachParams{Console: console})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := conn.ConsoleExpect(t.Context(), &protocol.ConsoleExpectParams{Console: console, Pattern: "never"})
		ended <- err
	}()
	if _, err := conn.ConsoleInput(t.Context(), &protocol.ConsoleInputParams{Console: console, Data: "last words"}); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ConsoleExpect(t.Context(), &protocol.ConsoleExpectParams{Console: console, Pattern: "last words"}); err != nil {
		t.Fatal(err)
	}
	if err := d.end(d.running["/vm/tst100.toml"].session); err != nil {
		t.Fatal(err)
	}
	wantCode(t, <-ended, protocol.CodeNotRunning)
	said, err := io.ReadAll(k)
	if err != nil || !strings.HasSuffix(string(said), "last words") {
		t.Errorf("read %q, %v", said, err)
	}
	if exit := k.Exit(); exit == nil || exit.Reason != "the guest is gone" {
		t.Errorf("exit %+v", exit)
	}
	list, err := conn.ConsoleList(t.Context(), &protocol.Empty{})
	if err != nil || list.Consoles[0].State != protocol.ConsoleIsClosed {
		t.Errorf("list %+v, %v", list, err)
	}
}

func TestOneWriterAndTakeover(t *testing.T) {
	l, _, conn, console := guest(t)
	other := l.connect(client.Handlers{})
	if _, err := conn.Attach(t.Context(), protocol.ConsoleAttachParams{Console: console}); err != nil {
		t.Fatal(err)
	}
	_, err := other.ConsoleAttach(t.Context(), &protocol.ConsoleAttachParams{Console: console})
	if e := wantCode(t, err, protocol.CodeBusy); e.Data.Holder == "" {
		t.Errorf("the holder is not named: %+v", e.Data)
	}
	_, err = other.ConsoleInput(t.Context(), &protocol.ConsoleInputParams{Console: console, Data: "x"})
	wantCode(t, err, protocol.CodeBusy)
	if _, err := other.ConsoleAttach(t.Context(), &protocol.ConsoleAttachParams{Console: console, Mode: "read"}); err != nil {
		t.Errorf("watching: %v", err)
	}
	taken, err := other.ConsoleAttach(t.Context(), &protocol.ConsoleAttachParams{Console: console, Takeover: true})
	if err != nil || taken.Mode != protocol.ModeWrite {
		t.Errorf("takeover: %+v, %v", taken, err)
	}
	_, err = conn.ConsoleInput(t.Context(), &protocol.ConsoleInputParams{Console: console, Data: "x"})
	wantCode(t, err, protocol.CodeBusy)
}

func TestReconnectEndsTheOtherClients(t *testing.T) {
	l, _, conn, console := guest(t)
	k, err := conn.Attach(t.Context(), protocol.ConsoleAttachParams{Console: console})
	if err != nil {
		t.Fatal(err)
	}
	other := l.connect(client.Handlers{})
	result, err := other.SessionCreate(t.Context(), &protocol.SessionCreateParams{Address: byLabel("tst100"), Mode: "reconnect", Console: "cli"})
	if err != nil {
		t.Fatal(err)
	}
	if result.Console != console {
		t.Errorf("the console itself was replaced: %+v", result)
	}
	if _, err := io.ReadAll(k); err != nil || k.Exit() == nil || !strings.Contains(k.Exit().Reason, "reconnect") {
		t.Errorf("the first client: %v, %+v", err, k.Exit())
	}
	if _, err := other.Attach(t.Context(), protocol.ConsoleAttachParams{Console: console}); err != nil {
		t.Errorf("attach afterwards: %v", err)
	}
}

func TestFloodArrivesWhole(t *testing.T) {
	_, _, conn, console := guest(t)
	k, err := conn.Attach(t.Context(), protocol.ConsoleAttachParams{Console: console, Window: 4096, Replay: "none"})
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte("0123456789abcdef\r\n"), 20000)
	go func() {
		for piece := want; len(piece) > 0; piece = piece[min(len(piece), 8192):] {
			if _, err := k.Write(piece[:min(len(piece), 8192)]); err != nil {
				t.Errorf("write: %v", err)
				return
			}
		}
	}()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(k, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("what came back differs from what was typed")
	}
}

func TestInputLargerThanTheConsolesQueue(t *testing.T) {
	_, _, conn, console := guest(t)
	want := bytes.Repeat([]byte("0123456789abcde\n"), 2<<20/16)
	typed := make(chan error, 1)
	go func() {
		_, err := conn.ConsoleInput(context.Background(), &protocol.ConsoleInputParams{Console: console, Data: string(want)})
		typed <- err
	}()
	k, err := conn.Attach(t.Context(), protocol.ConsoleAttachParams{Console: console, Mode: "read", Replay: "raw"})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(k, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v, or what came back differs from what was typed", err)
	}
	if err := <-typed; err != nil {
		t.Error(err)
	}
}

func TestWhatAConsoleCannotDo(t *testing.T) {
	_, _, conn, console := guest(t)
	_, err := conn.ConsoleBreak(t.Context(), &protocol.ConsoleBreakParams{Console: console})
	wantCode(t, err, protocol.CodeUnsupported)
	beyond := int64(1 << 40)
	_, err = conn.ConsoleExpect(t.Context(), &protocol.ConsoleExpectParams{Console: console, Pattern: "x", From: &beyond})
	wantCode(t, err, protocol.CodeInvalidParams)
	_, err = conn.ConsoleAttach(t.Context(), &protocol.ConsoleAttachParams{Console: console, From: &beyond})
	wantCode(t, err, protocol.CodeInvalidParams)
	_, err = conn.ConsoleAttach(t.Context(), &protocol.ConsoleAttachParams{Console: console, Window: 5})
	wantCode(t, err, protocol.CodeInvalidParams)
	_, err = conn.ConsoleResize(t.Context(), &protocol.ConsoleResizeParams{Console: console, Size: protocol.Size{Cols: 0, Rows: 24}})
	wantCode(t, err, protocol.CodeInvalidParams)
	_, err = conn.ConsoleAck(t.Context(), &protocol.ConsoleAckParams{Attachment: "a99", Offset: 1})
	wantCode(t, err, protocol.CodeNotFound)
}

func TestNotificationToAConsoleThatIsNotThere(t *testing.T) {
	l := newLab(t, newFake("FAKE"))
	refused := make(chan *protocol.ConsoleInputRefusedParams, 1)
	conn := l.connect(client.Handlers{OnConsoleInputRefused: func(_ context.Context, p *protocol.ConsoleInputRefusedParams) error {
		refused <- p
		return nil
	}})
	if err := conn.NotifyConsoleInput(&protocol.ConsoleInputParams{Console: "none", Data: "abc"}); err != nil {
		t.Fatal(err)
	}
	if r := <-refused; r.Length != 3 || r.Error.Code != protocol.CodeNotFound {
		t.Errorf("refused %+v", r)
	}
}

func TestCompleteLength(t *testing.T) {
	for text, want := range map[string]int{"": 0, "abc": 3, "a\xc3": 1, "aé": 3, "\xe2\x82": 0, "€": 3, "\xf0\x9f\x98": 0, "x\xff": 2, "\x80\x80\x80\x80": 4} {
		if got := completeLength([]byte(text)); got != want {
			t.Errorf("completeLength(%q) = %d, want %d", text, got, want)
		}
	}
}

func FuzzJSONText(f *testing.F) {
	f.Add([]byte("plain\r\n\x1b[1m\"\\\x00\x7f"))
	f.Add([]byte("\xff\xfe é € 😀 \xed\xa0\x80"))
	f.Fuzz(func(t *testing.T, data []byte) {
		quoted := append(appendJSONText([]byte{'"'}, data), '"')
		var got string
		if err := json.Unmarshal(quoted, &got); err != nil {
			t.Fatalf("%q is not JSON: %v", quoted, err)
		}
		want := strings.ToValidUTF8(string(data), "\uFFFD")
		if utf8.Valid(data) && got != want {
			t.Errorf("%q became %q", data, got)
		}
		if !utf8.ValidString(got) {
			t.Errorf("%q is not UTF-8", got)
		}
	})
}
