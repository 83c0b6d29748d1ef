// Package consoles holds live byte streams to guests and shells and shares each
// of them among many clients.
//
// A console is an append-only stream of bytes with absolute offsets: the first
// byte ever read from the guest has offset 0. The newest bytes are kept in a
// ring in memory. Every client is a cursor in that stream, so that replay, many
// watchers, and reconnection without loss or repetition all follow from one
// rule. A client that falls behind the ring is told exactly which bytes it
// missed (an event of kind [Gap]); it never slows down the guest, the recording
// or another client, and never costs more than bounded memory.
//
// The package knows neither virtual machines nor the protocol of the broker. It
// takes a [Stream] from whoever opened it and owns it from then on:
//
//	hub := consoles.NewHub(consoles.Options{})
//	con, err := hub.Open(consoles.Spec{ID: "c1", Label: "tst100"}, stream)
//	att, err := con.Attach(consoles.AttachOptions{Client: "me", Mode: consoles.Write})
//	for {
//		ev, err := att.Wait(ctx, 32<<10)
//		...
//	}
//
// What a guest prints is hostile input. It is stored, recorded and handed on as
// bytes; only the screen model of consoles/vt interprets it.
package consoles
