package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// newRoot returns the command line.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "conbroker",
		Short: "console broker for virtual machines",
		Long: `conbroker creates, finds and cancels virtual machines on this host and on others, and opens their consoles: in this
terminal, in an editor, or for a script. A console lives in a daemon of yours that starts when it is needed, so it
survives the terminal that shows it.

A machine is named by an address, ADDRESS[@HOST]: its label (tst100), the end of its configuration's path
(tst100/tst100.toml), or keys joined by commas (uuid:..., mac:..., tcp:..., label:...). All keys must match exactly.
Without @HOST the host is this one.

Exit codes: 0 done, 1 the request failed, 2 wrong usage, 3 some hosts or machines failed and the rest was done.`,
		Example: `  conbroker enumerate                what could run here
  conbroker open tst100              start it if need be, and work in it; ^] leaves
  conbroker list                     what runs
  conbroker cancel tst100            power it off
  conbroker doctor                   what is missing, and how to mend it`,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRun: func(*cobra.Command, []string) {
			a.started = true
		},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.config, "config", "", "configuration `FILE` (default: conbroker/config.toml in your configuration directory)")
	flags.StringVar(&a.remote, "remote", "auto", "broker to speak with, `auto|off|unix:PATH`: the daemon, started if absent; one in this process; the one at a socket")
	mustComplete(root, "remote", cobra.FixedCompletions([]string{"auto", "off", "unix:"}, cobra.ShellCompDirectiveNoFileComp))
	root.CompletionOptions.HiddenDefaultCmd = false
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.errs)
	root.AddGroup(
		&cobra.Group{ID: "machines", Title: "Machines:"},
		&cobra.Group{ID: "broker", Title: "The broker:"},
	)
	root.SetHelpCommandGroupID("broker")
	root.SetCompletionCommandGroupID("broker")
	add(root, "machines", a.listCommand(), a.enumerateCommand(), a.showCommand(), a.infoCommand(),
		a.createCommand(), a.openCommand(), a.cancelCommand(), a.attachCommand())
	add(root, "broker", a.stdioCommand(), a.daemonCommand(), a.callCommand(), a.doctorCommand(), a.versionCommand())
	root.AddCommand(a.manCommand())
	return root
}

// add puts commands into a group of the help text.
func add(root *cobra.Command, group string, commands ...*cobra.Command) {
	for _, c := range commands {
		c.GroupID = group
		root.AddCommand(c)
	}
}

// mustComplete gives a flag its completion; it fails only for a flag that does not exist, which is a fault in this program.
func mustComplete(cmd *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err)
	}
}

// exactly is cobra.ExactArgs with words for what is missing.
func exactly(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return fmt.Errorf("%s is missing", names[len(args)])
		case len(args) > len(names):
			return fmt.Errorf("%q is one word too many", args[len(names)])
		}
		return nil
	}
}

// none refuses arguments.
func none(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%q is one word too many", args[0])
	}
	return nil
}

// choice is a flag that takes one of some words.
type choice struct {
	value   string
	allowed []string
}

// newChoice returns a choice whose default is the first word.
func newChoice(allowed ...string) *choice { return &choice{value: allowed[0], allowed: allowed} }

// String returns the word chosen.
func (c *choice) String() string { return c.value }

// Type is what help texts call the value.
func (c *choice) Type() string { return strings.Join(c.allowed, "|") }

// Set takes a word in any case.
func (c *choice) Set(word string) error {
	for _, w := range c.allowed {
		if strings.EqualFold(w, word) {
			c.value = w
			return nil
		}
	}
	return fmt.Errorf("expected one of %s", strings.Join(c.allowed, ", "))
}

// complete offers the words.
func (c *choice) complete() cobra.CompletionFunc {
	return cobra.FixedCompletions(c.allowed, cobra.ShellCompDirectiveNoFileComp)
}

// flag adds the choice to a command.
func (c *choice) flag(cmd *cobra.Command, name, usage string) {
	cmd.Flags().Var(c, name, usage)
	mustComplete(cmd, name, c.complete())
}
