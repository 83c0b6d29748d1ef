// Demo does conbroker's main job once, over the protocol that every frontend speaks: it starts "conbroker stdio", creates the
// machine tst100 on this computer, waits for the guest's prompt on its console, runs a command in the guest, lists the session and
// cancels it. Nothing is left running.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/conbroker/conbroker/rpc/client"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// prompt is what the guest's shell shows when it waits for a command.
const prompt = `root@tst100:~# `

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: demo CONBROKER")
		os.Exit(2)
	}
	if err := run(ctx, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run makes the machine's configuration in a directory of its own and does the job with it.
func run(ctx context.Context, conbroker string) error {
	dir, err := os.MkdirTemp("", "conbroker-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	say("building the demo guest (cached)")
	build := exec.CommandContext(ctx, filepath.Join("testdata", "guest", "machine.sh"), "tst100", dir)
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build the demo guest: %w", err)
	}
	conn, err := client.Start(ctx, []string{conbroker, "stdio", "--remote=off"}, client.Options{
		Name: "demo", Handler: client.Handlers{OnShowMessage: func(_ context.Context, m *protocol.MessageParams) error {
			say(m.Message)
			return nil
		}},
	})
	if err != nil {
		return err
	}
	return errors.Join(work(ctx, conn, dir, conbroker), conn.Close())
}

// work creates the machine, uses it, and cancels it whatever happened in between.
func work(ctx context.Context, conn *client.Client, dir, conbroker string) (err error) {
	started := time.Now()
	say("session/create tst100")
	address := protocol.Address{Label: "tst100", BasePath: []string{dir}}
	created, err := conn.SessionCreate(client.WithProgress(ctx, func(p protocol.ProgressValue) {
		if p.Message != "" {
			say("  " + p.Message)
		}
	}), &protocol.SessionCreateParams{Type: "QEMU", Address: address, Console: protocol.ConsoleCLI})
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, cancel(conn, created.Session.Key))
	}()
	if _, err := expect(ctx, conn, created.Console, prompt); err != nil {
		return err
	}
	say(fmt.Sprintf("the guest's prompt was there after %.1f s", time.Since(started).Seconds()))
	if err := command(ctx, conn, created.Console, "uname -a"); err != nil {
		return err
	}
	return list(ctx, conbroker)
}

// command types a line at the prompt and shows what the guest answers.
func command(ctx context.Context, conn *client.Client, console, line string) error {
	say("console/input " + line)
	if _, err := conn.ConsoleInput(ctx, &protocol.ConsoleInputParams{Console: console, Data: line + "\r"}); err != nil {
		return err
	}
	answer, err := expect(ctx, conn, console, prompt)
	if err != nil {
		return err
	}
	_, said, _ := strings.Cut(answer.Before, "\n")
	fmt.Print("\n    ", strings.TrimSpace(said), "\n\n")
	if !strings.Contains(said, "Linux tst100 ") {
		return fmt.Errorf("the answer to %q is not the guest's: %q", line, said)
	}
	return nil
}

// expect waits for a text on the console.
func expect(ctx context.Context, conn *client.Client, console, text string) (*protocol.ConsoleExpectResult, error) {
	timeout := 120.0
	return conn.ConsoleExpect(ctx, &protocol.ConsoleExpectParams{Console: console, Pattern: text, Timeout: &timeout})
}

// list shows the table as a person sees it, and checks that the machine is in it.
func list(ctx context.Context, conbroker string) error {
	say("conbroker list --type=QEMU")
	var table bytes.Buffer
	show := exec.CommandContext(ctx, conbroker, "list", "--remote=off", "--type=QEMU")
	show.Stdout, show.Stderr = &table, os.Stderr
	if err := show.Run(); err != nil {
		return fmt.Errorf("conbroker list: %w", err)
	}
	fmt.Print("\n", table.String(), "\n")
	if !strings.Contains(table.String(), "tst100") {
		return errors.New("tst100 is not in the list")
	}
	return nil
}

// cancel powers the guest off, as a person would, and checks that it is gone. It is given its own time, so that an interrupted demo
// clears up as well.
func cancel(conn *client.Client, key string) error {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	say("session/cancel tst100, poweroff")
	started := time.Now()
	result, err := conn.SessionCancel(ctx, &protocol.SessionCancelParams{Session: protocol.SessionRef(key)})
	if err != nil {
		return err
	}
	outcome := result.Results[0]
	if outcome.Error != nil {
		return outcome.Error
	}
	left, err := conn.SessionList(ctx, &protocol.SessionListParams{Types: []string{"QEMU"}})
	if err != nil {
		return err
	}
	for _, s := range left.Sessions {
		if s.Key == key {
			return fmt.Errorf("tst100 is still %s after the cancel", s.State)
		}
	}
	say(fmt.Sprintf("tst100 is %s after %.1f s; nothing of it is left running", outcome.State, time.Since(started).Seconds()))
	return nil
}

// say prints one step.
func say(text string) { fmt.Println("==>", text) }
