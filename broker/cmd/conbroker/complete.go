package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/conbroker/conbroker/broker/internal/config"
	"github.com/conbroker/conbroker/broker/internal/endpoint"
	"github.com/conbroker/conbroker/broker/internal/inventory"
	"github.com/conbroker/conbroker/rpc/client"
	"github.com/conbroker/conbroker/rpc/protocol"
)

// completionTime is how long the shell may be kept waiting. Whatever is not known by then is left out.
const completionTime = 300 * time.Millisecond

// completeHosts offers the hosts and groups of the configuration.
func (a *app) completeHosts(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return without(a.hostWords(), args), cobra.ShellCompDirectiveNoFileComp
}

// hostWords are the names of hosts and groups.
func (a *app) hostWords() []string {
	settings, err := config.Load(a.config)
	if err != nil {
		return []string{config.LocalName}
	}
	words := settings.HostNames()
	for group := range settings.Groups {
		words = append(words, group)
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// completeMachines offers what is remembered of machines and, after an "@", hosts. No host is touched.
func (a *app) completeMachines(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if address, _, at := strings.Cut(begun, "@"); at {
		var words []string
		for _, host := range a.hostWords() {
			words = append(words, address+"@"+host)
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
	words := a.rememberedMachines()
	held := a.askDaemon()
	for _, c := range held.consoles {
		words = append(words, targetWord(c.Label, c.Host))
	}
	for _, session := range held.sessions {
		words = append(words, targetWord(session.Label, session.Host))
	}
	slices.Sort(words)
	return without(slices.Compact(words), args), cobra.ShellCompDirectiveNoFileComp
}

// rememberedMachines are the labels in the inventory.
func (a *app) rememberedMachines() []string {
	state, err := a.stateDir()
	if err != nil {
		return nil
	}
	var words []string
	for _, found := range inventory.Open(filepath.Join(state, "inventory")).Query(inventory.Filter{}) {
		words = append(words, targetWord(found.Machine.Label, found.Host))
	}
	return words
}

// targetWord is how a machine is named on the command line.
func targetWord(label, host string) string {
	if host == config.LocalName || host == "" {
		return label
	}
	return label + "@" + host
}

// completeConsoles offers the consoles that the daemon holds.
func (a *app) completeConsoles(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var words []string
	for _, c := range a.askDaemon().consoles {
		words = append(words, cobra.CompletionWithDesc(c.Console, plain(c.Label+" on "+c.Host)))
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// held is what the daemon knows without asking another host.
type held struct {
	consoles []protocol.Console
	sessions []protocol.Session
}

// askDaemon asks the daemon, if one runs. An answer that takes too long is not waited for; the process ends soon.
func (a *app) askDaemon() held {
	ctx, cancel := context.WithTimeout(context.Background(), completionTime)
	defer cancel()
	answer := make(chan held, 1)
	go func() { answer <- a.heldByDaemon(ctx) }()
	select {
	case h := <-answer:
		return h
	case <-ctx.Done():
		return held{}
	}
}

// heldByDaemon is what the daemon knows of this computer; an error leaves out what it hides.
func (a *app) heldByDaemon(ctx context.Context) (h held) {
	place, err := endpoint.Find(a.env, a.config)
	if err != nil {
		return h
	}
	conn, _, err := endpoint.Dial(ctx, place, a.hello())
	if err != nil {
		return h
	}
	c, err := client.New(ctx, conn, client.Options{Name: "conbroker completion", Version: a.version})
	if err != nil {
		return h
	}
	defer c.Close()
	if list, err := c.ConsoleList(ctx, nil); err == nil {
		h.consoles = slices.DeleteFunc(list.Consoles, func(k protocol.Console) bool { return k.State != protocol.ConsoleIsOpen })
	}
	local := &protocol.SessionListParams{Hosts: []string{config.LocalName}, Roles: []protocol.Role{protocol.RoleServer}}
	if list, err := c.SessionList(ctx, local); err == nil {
		h.sessions = slices.DeleteFunc(list.Sessions, func(s protocol.Session) bool { return s.Type == "PM" })
	}
	return h
}

// completeTypes offers the session types of this program.
func completeTypes(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return drivers().Types(), cobra.ShellCompDirectiveNoFileComp
}

// completeMethods offers the requests of the protocol.
func completeMethods(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var words []string
	for _, m := range protocol.Methods() {
		if m.Direction == protocol.ClientToServer && !m.Notification && len(args) == 0 {
			words = append(words, cobra.CompletionWithDesc(m.Name, m.Doc))
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// without returns the words that are not given yet.
func without(words, given []string) []string {
	return slices.DeleteFunc(words, func(w string) bool { return slices.Contains(given, w) })
}
