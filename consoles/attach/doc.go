// Package attach carries one console's bytes between the process that holds the
// console and a terminal, over a private stream socket.
//
// A terminal of its own - xterm, an Emacs term buffer, a VS Code terminal -
// runs a small program that calls [Dial]; the holder of the consoles runs a
// [Server]. The conversation begins with one line of JSON each way, the client's
// [Hello] and the server's [Welcome] or [Error], each at most 4 KiB long. From
// then on both sides send frames: one byte that says what it is, four bytes of
// length (big-endian, at most 64 KiB), and the payload.
//
//	client to server            server to client
//	i  bytes typed              o  output bytes
//	s  size: cols, rows         p  bytes that repaint the screen, outside of the stream
//	b  send a break             g  gap: from, to
//	d  detach                   c  change: who writes, the size, this client's mode
//	t  take the write role      n  refusal of something the client asked
//	                            x  exit: the console has ended; the last frame
//
// There is no credit: the socket is the window. The server takes output from
// the console only as the socket drains, so a client that is frozen costs its
// socket buffer and nothing else, and when it wakes it gets an exact gap and a
// fresh screen. In the other direction the server does not read the socket while
// the console has no room for input.
package attach
