package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manCommand writes the manual pages; it is for those who package the program.
func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "Write the manual pages into a directory",
		Long:   "man writes a manual page for each command, conbroker-COMMAND.1, from the text that --help prints.",
		Hidden: true,
		Args:   exactly("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fmt.Errorf("make the directory for the manual pages: %w", err)
			}
			return writeManual(cmd.Root(), args[0])
		},
	}
}

// writeManual writes the pages of a command and of those below it.
func writeManual(cmd *cobra.Command, dir string) error {
	cmd.InitDefaultHelpFlag()
	name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
	path := filepath.Join(dir, name+".1")
	if err := os.WriteFile(path, md2man.Render([]byte(manualPage(cmd, name))), 0o644); err != nil {
		return fmt.Errorf("write the manual page: %w", err)
	}
	for _, child := range cmd.Commands() {
		if !child.IsAvailableCommand() || child.IsAdditionalHelpTopicCommand() {
			continue
		}
		if err := writeManual(child, dir); err != nil {
			return err
		}
	}
	return nil
}

// manualPage is the page of a command in the Markdown that go-md2man reads.
func manualPage(cmd *cobra.Command, name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%% %s 1\n\n# NAME\n%s - %s\n\n# SYNOPSIS\n**%s**\n\n", strings.ToUpper(name), name, cmd.Short, escapeManual(cmd.UseLine()))
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	fmt.Fprintf(&b, "# DESCRIPTION\n%s\n\n", manualText(text))
	manualFlags(&b, "OPTIONS", cmd.NonInheritedFlags())
	manualFlags(&b, "OPTIONS OF EVERY COMMAND", cmd.InheritedFlags())
	if cmd.Example != "" {
		fmt.Fprintf(&b, "# EXAMPLES\n```\n%s\n```\n\n", cmd.Example)
	}
	if related := relatedPages(cmd); len(related) > 0 {
		fmt.Fprintf(&b, "# SEE ALSO\n%s\n", strings.Join(related, ", "))
	}
	return b.String()
}

// manualText is a text with its indented parts as they are written.
func manualText(text string) string {
	var b strings.Builder
	literal := false
	for _, line := range strings.Split(text, "\n") {
		if indented := strings.HasPrefix(line, "  "); indented != literal && (indented || line != "") {
			b.WriteString("```\n")
			literal = indented
		}
		if !literal {
			line = escapeManual(line)
		}
		b.WriteString(line + "\n")
	}
	if literal {
		b.WriteString("```\n")
	}
	return b.String()
}

// escapeManual keeps Markdown from taking characters of a text for its own.
func escapeManual(text string) string {
	return strings.NewReplacer(`\`, `\\`, "<", `\<`, "*", `\*`, "_", `\_`, "`", "\\`").Replace(text)
}

// manualFlags writes a section of flags.
func manualFlags(b *strings.Builder, title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	fmt.Fprintf(b, "# %s\n", title)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		b.WriteString("**--" + f.Name + "**")
		if value != "" {
			b.WriteString("=" + escapeManual(value))
		}
		if f.Shorthand != "" {
			b.WriteString(", **-" + f.Shorthand + "**")
		}
		fmt.Fprintf(b, "\n:   %s\n\n", escapeManual(usage))
	})
}

// relatedPages are the pages of the command above and of those below.
func relatedPages(cmd *cobra.Command) []string {
	var pages []string
	if cmd.HasParent() {
		pages = append(pages, "**"+strings.ReplaceAll(cmd.Parent().CommandPath(), " ", "-")+"(1)**")
	}
	for _, child := range cmd.Commands() {
		if child.IsAvailableCommand() && !child.IsAdditionalHelpTopicCommand() {
			pages = append(pages, "**"+strings.ReplaceAll(child.CommandPath(), " ", "-")+"(1)**")
		}
	}
	return pages
}
