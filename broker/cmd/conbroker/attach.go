package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/conbroker/conbroker/broker/internal/endpoint"
	"github.com/conbroker/conbroker/broker/internal/terminal"
	"github.com/conbroker/conbroker/consoles"
	"github.com/conbroker/conbroker/consoles/attach"
	"github.com/conbroker/conbroker/rpc/client"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// attaching is how a terminal is to be attached to a console.
type attaching struct {
	socket      string
	readOnly    bool
	takeover    bool
	detachOnEOF bool
	escape      string
	dialect     *choice
	replay      *choice
}

// newAttaching returns the defaults: under Emacs there is no escape character, as its own keys leave.
func (a *app) newAttaching() *attaching {
	at := &attaching{escape: "^]", dialect: newChoice("auto", "xterm", "eterm", "none"), replay: newChoice("auto", "screen", "raw", "none")}
	if a.env("INSIDE_EMACS") != "" {
		at.escape = "none"
	}
	return at
}

// flags adds what both attach and open take.
func (at *attaching) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVarP(&at.readOnly, "read-only", "r", false, "watch only; ^C leaves as well")
	f.BoolVar(&at.takeover, "takeover", false, "take the typing away from who has it")
	f.StringVar(&at.escape, "escape", at.escape, "`^X` is the key that leaves the console, none for no such key")
	f.BoolVar(&at.detachOnEOF, "detach-on-eof", false, "leave when standard input, which is no terminal, ends")
	at.dialect.flag(cmd, "dialect", "which escape sequences are passed to the terminal; auto knows Emacs' term-mode")
	mustComplete(cmd, "escape", cobra.FixedCompletions([]string{"^]", "^A", "none"}, cobra.ShellCompDirectiveNoFileComp))
}

func (a *app) attachCommand() *cobra.Command {
	at := a.newAttaching()
	cmd := &cobra.Command{
		Use:   "attach [--read-only] CONSOLE",
		Short: "Join this terminal to a console",
		Long: `attach shows a console that the broker holds in this terminal, and types into it. CONSOLE is its key, as list, create and
console/open give it, or the label of its machine. The terminal shows the screen as it is now.

^] leaves, as in virsh and xl: the console and the guest go on. The exit code is that of the program behind the console, 0
after ^]. Several may watch a console; one at a time types. What the guest prints is filtered, so that it cannot set your
clipboard or make your terminal type.

If standard input is no terminal, its bytes are typed as they are, and the output is written until the console ends.`,
		Example: `  conbroker attach c1
  conbroker attach --read-only tst100
  echo uptime | conbroker attach --detach-on-eof c1`,
		Args:              exactly("CONSOLE"),
		ValidArgsFunction: a.completeConsoles,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.attach(cmd.Context(), at, args[0])
		},
	}
	at.flags(cmd)
	cmd.Flags().StringVar(&at.socket, "socket", "", "attach socket of the broker (default: the daemon's)")
	at.replay.flag(cmd, "replay", "what comes first: screen as it is now, raw bytes that are still kept, or none; auto is screen on a terminal")
	return cmd
}

// escapeByte reads --escape.
func (at *attaching) escapeByte() (byte, error) {
	escape, err := terminal.Escape(at.escape)
	if err != nil {
		return 0, usageError{fmt.Errorf("--escape: %w", err)}
	}
	return escape, nil
}

// attach joins this terminal to a console, known by its key or its label.
func (a *app) attach(ctx context.Context, at *attaching, console string) error {
	if _, err := at.escapeByte(); err != nil {
		return err
	}
	place, err := endpoint.Find(a.env, a.config)
	if err != nil {
		return err
	}
	socket := at.socket
	if socket == "" {
		socket = place.Attach
	}
	err = a.attachTo(ctx, at, socket, console)
	var refused *attach.Error
	if at.socket == "" && errors.As(err, &refused) && refused.Code == attach.CodeNotFound {
		key, labelErr := a.consoleOf(ctx, place, console)
		if labelErr != nil {
			return errors.Join(err, labelErr)
		}
		if key != "" {
			return a.attachTo(ctx, at, socket, key)
		}
	}
	if err != nil && errors.Is(err, os.ErrNotExist) {
		return errors.New("no broker runs that holds consoles; \"conbroker open ADDRESS\" starts a machine and opens its console")
	}
	return err
}

// consoleOf returns the key of the open console with a label; empty if there is none.
func (a *app) consoleOf(ctx context.Context, place endpoint.Place, label string) (string, error) {
	conn, _, err := endpoint.Dial(ctx, place, a.hello())
	if err != nil {
		return "", err
	}
	c, err := client.New(ctx, conn, client.Options{Name: "conbroker attach", Version: a.version})
	if err != nil {
		return "", err
	}
	list, err := c.ConsoleList(ctx, nil)
	err = errors.Join(err, c.Close())
	if err != nil {
		return "", err
	}
	key := ""
	for _, k := range list.Consoles {
		if k.Label != label || k.State != protocol.ConsoleIsOpen {
			continue
		}
		if key != "" {
			return "", fmt.Errorf("%s has more than one console: %s and %s; name one of them", label, key, k.Console)
		}
		key = k.Console
	}
	return key, nil
}

// attachTo joins this terminal to a console at a socket.
func (a *app) attachTo(ctx context.Context, at *attaching, socket, console string) error {
	escape, err := at.escapeByte()
	if err != nil {
		return err
	}
	dialect, err := terminal.ParseDialect(at.dialect.value, a.env("INSIDE_EMACS"), isTerminal(a.out))
	if err != nil {
		return usageError{fmt.Errorf("--dialect: %w", err)}
	}
	c, err := attach.Dial(ctx, socket, a.attachHello(at, console))
	if err != nil {
		return err
	}
	code, err := terminal.Run(ctx, terminal.Options{
		Client: c, In: a.in, Out: a.out, Err: a.errs, Dialect: dialect, Escape: escape,
		ReadOnly: at.readOnly, DetachOnEOF: at.detachOnEOF,
	})
	if err == nil && code != 0 {
		err = exitCode(code)
	}
	return err
}

// attachHello is what this terminal asks for.
func (a *app) attachHello(at *attaching, console string) attach.Hello {
	h := attach.Hello{
		Console: console, Takeover: at.takeover, Term: a.env("TERM"),
		Client: fmt.Sprintf("terminal, process %d", os.Getpid()), Replay: consoles.Replay(at.replay.value),
	}
	if a.env("INSIDE_EMACS") != "" {
		h.Client = fmt.Sprintf("Emacs, process %d", os.Getppid())
	}
	if at.readOnly {
		h.Mode = consoles.Read
	}
	if at.replay.value == "auto" {
		h.Replay = consoles.ReplayScreen
		if !isTerminal(a.out) {
			h.Replay = consoles.ReplayNone
		}
	}
	if size := a.size(); size != nil {
		h.Size = &attach.Size{Cols: size.Cols, Rows: size.Rows}
	}
	return h
}

// size is that of the terminal at standard output, nil if that is none.
func (a *app) size() *protocol.Size {
	cols, rows, err := term.GetSize(int(a.out.Fd()))
	if err != nil || cols <= 0 || rows <= 0 {
		return nil
	}
	return &protocol.Size{Cols: cols, Rows: rows}
}
