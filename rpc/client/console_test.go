package client

import (
	"encoding/base64"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/conbroker/conbroker/rpc"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// attachTo attaches to c1 of b, which says what speak does right behind the reply.
func attachTo(t *testing.T, b *fakeBroker, window int64, speak func()) (*Client, *Console) {
	t.Helper()
	b.attach = func(p *protocol.ConsoleAttachParams) (*protocol.ConsoleAttachResult, error) {
		if p.Encoding != protocol.EncodingBase64 || p.Console != "c1" {
			t.Errorf("params of console/attach: %+v", p)
		}
		return &protocol.ConsoleAttachResult{Attachment: "a1", Offset: 100, Mode: protocol.ModeWrite}, nil
	}
	if speak != nil {
		b.after["console/attach"] = speak
	}
	c := b.connect(t, Options{})
	k, err := c.Attach(t.Context(), protocol.ConsoleAttachParams{Console: "c1", Window: window})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return c, k
}

func didClose(reason string) *protocol.ConsoleDidCloseParams {
	return &protocol.ConsoleDidCloseParams{Attachment: "a1", Console: "c1", Exit: protocol.ConsoleExit{Code: 3, Reason: reason}}
}

// TestConsoleOutput: output that follows the reply at once, a snapshot in it, the end.
func TestConsoleOutput(t *testing.T) {
	b := newFakeBroker()
	_, k := attachTo(t, b, 0, func() {
		b.notify(t, "console/output", &protocol.ConsoleOutputParams{
			Attachment: "a1", Console: "c1", Offset: 100, Snapshot: true, Data: base64.StdEncoding.EncodeToString([]byte("<screen>")),
		})
		b.say(t, 100, "one ")
		b.say(t, 104, "two\xff")
		b.notify(t, "console/didClose", didClose("power off"))
	})
	got, err := io.ReadAll(k)
	if err != nil || string(got) != "<screen>one two\xff" {
		t.Errorf("read %q, error %v", got, err)
	}
	if exit := k.Exit(); exit == nil || exit.Code != 3 {
		t.Errorf("exit %+v", exit)
	}
	if k.Attached().Offset != 100 {
		t.Errorf("attached: %+v", k.Attached())
	}
	if err := k.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if _, err := k.Read(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("read after close: %v", err)
	}
}

func TestConsoleAcks(t *testing.T) {
	b := newFakeBroker()
	_, k := attachTo(t, b, 8192, nil)
	b.say(t, 100, strings.Repeat("x", 8192))
	buffer := make([]byte, 1024)
	for range 8 {
		if n, err := k.Read(buffer); n != len(buffer) || err != nil {
			t.Fatalf("read %d, %v", n, err)
		}
	}
	var got []int64
	for range 4 {
		got = append(got, receiveFrom(t, b.acks))
	}
	if diff := cmp.Diff([]int64{2148, 4196, 6244, 8292}, got); diff != "" {
		t.Errorf("acks (-want +got):\n%s", diff)
	}
}

func TestConsoleGap(t *testing.T) {
	b := newFakeBroker()
	_, k := attachTo(t, b, 0, func() {
		b.say(t, 100, "abc")
		b.notify(t, "console/gap", &protocol.ConsoleGapParams{Attachment: "a1", Console: "c1", From: 103, To: 200})
		b.say(t, 200, "def")
		b.say(t, 300, "ghi")
		b.notify(t, "console/didClose", didClose(""))
	})
	var text strings.Builder
	var gaps []GapError
	for {
		_, err := io.Copy(&text, k)
		var gap *GapError
		if !errors.As(err, &gap) {
			break
		}
		gaps = append(gaps, *gap)
	}
	want := []GapError{{"c1", 103, 200}, {"c1", 203, 300}}
	if diff := cmp.Diff(want, gaps); diff != "" || text.String() != "abcdefghi" {
		t.Errorf("read %q with gaps (-want +got):\n%s", text.String(), diff)
	}
}

func TestConsoleRefusesWrongOutput(t *testing.T) {
	output := func(offset, length int64, data string) *protocol.ConsoleOutputParams {
		return &protocol.ConsoleOutputParams{Attachment: "a1", Console: "c1", Offset: offset, Length: length, Data: data}
	}
	tests := []struct {
		name   string
		output *protocol.ConsoleOutputParams
		want   string
	}{
		{"again", output(99, 3, "YWJj"), "sent twice"},
		{"length", output(100, 4, "YWJj"), "has 3 bytes and says 4"},
		{"encoding", output(100, 3, "abc"), "illegal base64"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newFakeBroker()
			_, k := attachTo(t, b, 0, func() { b.notify(t, "console/output", test.output) })
			if _, err := io.ReadAll(k); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("read: %v, want %q", err, test.want)
			}
		})
	}
}

func TestOutputIsBounded(t *testing.T) {
	var o output
	o.init("c1", 0, 4096)
	data := base64.StdEncoding.EncodeToString(make([]byte, 1<<20))
	var err error
	for offset := int64(0); err == nil && offset < 16<<20; offset += 1 << 20 {
		err = o.add(&protocol.ConsoleOutputParams{Offset: offset, Length: 1 << 20, Data: data})
	}
	if err == nil || !strings.Contains(err.Error(), "more than the window") {
		t.Errorf("16 MiB in a window of 4 KiB: %v", err)
	}
}

func TestConsoleInput(t *testing.T) {
	b := newFakeBroker()
	var typed strings.Builder
	b.input = func(p *protocol.ConsoleInputParams) (*protocol.ConsoleInputResult, error) {
		text, err := base64.StdEncoding.DecodeString(p.Data)
		if err != nil || p.Console != "c1" || p.Encoding != protocol.EncodingBase64 || len(text) > maxInput {
			t.Errorf("params of console/input: %d bytes, %v", len(text), err)
		}
		typed.Write(text)
		return &protocol.ConsoleInputResult{Offset: int64(typed.Len())}, nil
	}
	_, k := attachTo(t, b, 0, nil)
	text := strings.Repeat("uname -a\r\xff", maxInput/4)
	if n, err := io.WriteString(k, text); n != len(text) || err != nil {
		t.Errorf("wrote %d of %d, error %v", n, len(text), err)
	}
	if typed.String() != text {
		t.Errorf("the console got %d bytes, other than the %d written", typed.Len(), len(text))
	}
	if offset, err := k.Input(t.Context(), []byte("x")); offset != int64(len(text))+1 || err != nil {
		t.Errorf("offset %d, error %v", offset, err)
	}
	if err := k.Resize(protocol.Size{Cols: 80, Rows: 24}); err != nil {
		t.Error(err)
	}
	b.wantCall(t, "console/resize")
}

func TestConsoleWriteRefused(t *testing.T) {
	b := newFakeBroker()
	refusal := protocol.Errorf(protocol.CodeBusy, "emacs types")
	b.input = func(*protocol.ConsoleInputParams) (*protocol.ConsoleInputResult, error) { return nil, refusal }
	_, k := attachTo(t, b, 0, nil)
	n, err := k.Write([]byte("x"))
	var got *protocol.Error
	if n != 0 || !errors.As(err, &got) || got.Code != protocol.CodeBusy {
		t.Errorf("wrote %d, error %v", n, err)
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Write([]byte("x")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("write after close: %v", err)
	}
}

func TestConsoleEvents(t *testing.T) {
	b := newFakeBroker()
	_, k := attachTo(t, b, 0, nil)
	b.notify(t, "console/didChange", &protocol.ConsoleDidChangeParams{Attachment: "a1", Console: "c1", Mode: protocol.ModeRead, Writer: "emacs"})
	b.notify(t, "console/inputRefused", &protocol.ConsoleInputRefusedParams{Console: "c1", Length: 7})
	b.notify(t, "console/didClose", didClose("gone"))
	var got []string
	for e := range k.Events() {
		switch {
		case e.Changed != nil:
			got = append(got, "changed "+e.Changed.Writer)
		case e.Refused != nil:
			got = append(got, "refused")
		case e.Closed != nil:
			got = append(got, "closed "+e.Closed.Exit.Reason)
		}
	}
	if diff := cmp.Diff([]string{"changed emacs", "refused", "closed gone"}, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestOldEventsGo(t *testing.T) {
	var o output
	o.init("c1", 0, 0)
	for i := range maxEvents + 10 {
		o.happen(Event{Refused: &protocol.ConsoleInputRefusedParams{Length: i}})
	}
	o.end(io.EOF, false)
	o.happen(Event{})
	var got []int
	for e := range o.events {
		got = append(got, e.Refused.Length)
	}
	if len(got) != maxEvents || got[0] != 10 || got[maxEvents-1] != maxEvents+9 {
		t.Errorf("events %v", got)
	}
}

func TestConsoleCloseDetaches(t *testing.T) {
	b := newFakeBroker()
	c, k := attachTo(t, b, 0, nil)
	b.detach = func(p *protocol.ConsoleDetachParams) error {
		if p.Attachment != "a1" {
			t.Errorf("detached %s", p.Attachment)
		}
		return protocol.Errorf(protocol.CodeNotFound, "it has just ended")
	}
	blocked := make(chan error, 1)
	go func() {
		_, err := k.Read(make([]byte, 1))
		blocked <- err
	}()
	if err := k.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := receiveFrom(t, blocked); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the blocked read: %v", err)
	}
	b.wantCall(t, "console/detach")
	if len(c.router.consoles) != 0 {
		t.Error("a closed console is still known")
	}
}

func TestConsoleOutlivedByNothing(t *testing.T) {
	b := newFakeBroker()
	_, k := attachTo(t, b, 0, nil)
	b.say(t, 100, "last words")
	b.conn.Stop()
	got, err := io.ReadAll(k)
	if string(got) != "last words" || !errors.Is(err, rpc.ErrClosed) {
		t.Errorf("read %q, error %v", got, err)
	}
	if err := k.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestAttachRefused(t *testing.T) {
	b := newFakeBroker()
	b.attach = func(*protocol.ConsoleAttachParams) (*protocol.ConsoleAttachResult, error) {
		return nil, protocol.Errorf(protocol.CodeNotFound, "no console c9")
	}
	c := b.connect(t, Options{})
	_, err := c.Attach(t.Context(), protocol.ConsoleAttachParams{Console: "c9"})
	var got *protocol.Error
	if !errors.As(err, &got) || got.Code != protocol.CodeNotFound || c.router.attaching != 0 {
		t.Errorf("attach: %v, attaching %d", err, c.router.attaching)
	}
}
