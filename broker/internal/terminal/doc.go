// Package terminal joins this process's terminal to a console.
//
// What a guest prints is hostile input: a terminal obeys escape sequences that
// set the clipboard, type answers, print, lock the keyboard or, in Emacs, change
// the directory of the buffer. [Filter] lets through what draws, and drops what
// acts. [Run] does the rest: raw mode and its end on every way out, the size,
// the escape character, and the modes that a guest leaves behind.
package terminal
