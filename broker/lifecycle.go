package broker

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
	"unicode"

	"github.com/conbroker/conbroker/rpc/protocol"
)

// Initialize implements protocol.Server.
func (s *session) Initialize(_ context.Context, params *protocol.InitializeParams) (*protocol.InitializeResult, error) {
	if err := checkVersion(params.ProtocolVersion); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.phase = phaseReady
	s.client = clientName(params)
	s.prompts = params.Capabilities.Prompt
	s.mu.Unlock()
	s.conn.RaiseLimit()
	b := s.broker
	var methods []string
	for _, m := range protocol.Methods() {
		if m.Direction == protocol.ClientToServer {
			methods = append(methods, m.Name)
		}
	}
	return &protocol.InitializeResult{
		ProtocolVersion: protocol.Version,
		ServerInfo:      protocol.PeerInfo{Name: "conbroker", Version: b.options.Version},
		Capabilities: protocol.ServerCapabilities{
			Methods: methods, Types: b.options.Drivers.Types(), Persistent: b.options.Persistent, MaxBody: maxBody,
		},
	}, nil
}

// checkVersion refuses a client of another major version.
func checkVersion(version string) error {
	if version == "" {
		return nil
	}
	major, _, _ := strings.Cut(version, ".")
	ours, _, _ := strings.Cut(protocol.Version, ".")
	if major != ours {
		return invalid("protocolVersion %q: this broker speaks %s; use a client and a broker of the same release", version, protocol.Version)
	}
	return nil
}

// clientName is what other clients see: the program and its process, with nothing in it that a terminal would obey.
func clientName(params *protocol.InitializeParams) string {
	name := "client"
	if params.ClientInfo != nil && params.ClientInfo.Name != "" {
		name = strings.Map(printable, params.ClientInfo.Name)
	}
	if len(name) > 64 {
		name = strings.ToValidUTF8(name[:64], "")
	}
	if params.ProcessID > 0 {
		name = fmt.Sprintf("%s, process %d", name, params.ProcessID)
	}
	return name
}

// printable drops control characters.
func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return -1
}

// Initialized implements protocol.Server.
func (s *session) Initialized(context.Context, *protocol.Empty) error { return nil }

// Shutdown implements protocol.Server.
func (s *session) Shutdown(context.Context, *protocol.Empty) (*protocol.Empty, error) {
	s.mu.Lock()
	s.phase = phaseShutdown
	s.mu.Unlock()
	return &protocol.Empty{}, nil
}

// Exit implements protocol.Server.
func (s *session) Exit(context.Context, *protocol.Empty) error {
	s.mu.Lock()
	s.unclean = s.phase != phaseShutdown
	s.mu.Unlock()
	s.conn.Stop()
	return nil
}

// BrokerStatus implements protocol.Server.
func (s *session) BrokerStatus(context.Context, *protocol.Empty) (*protocol.BrokerStatusResult, error) {
	b := s.broker
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	result := &protocol.BrokerStatusResult{
		Version: b.options.Version, Build: b.options.Build, ProtocolVersion: protocol.Version, PID: os.Getpid(),
		Uptime: time.Since(b.started).Seconds(), Persistent: b.options.Persistent, Consoles: b.hub.Len(),
		Tunnels: b.tunnels.len(), Goroutines: runtime.NumGoroutine(), MemoryBytes: int64(memory.Sys),
		Connections: []protocol.ConnectionStatus{},
	}
	for _, c := range b.hub.List() {
		result.ConsoleBytes += c.Offset
	}
	for _, other := range b.allSessions() {
		result.Connections = append(result.Connections, other.status())
	}
	return result, nil
}

// status describes the connection.
func (s *session) status() protocol.ConnectionStatus {
	load := s.conn.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	return protocol.ConnectionStatus{
		Client: s.client, InFlight: load.InFlight, QueuedBytes: load.QueuedBytes, Attachments: len(s.viewers),
	}
}

// owner names this broker in the records of machines that it starts.
func (b *Broker) owner() string {
	return fmt.Sprintf("conbroker %s, process %d", b.options.Version, os.Getpid())
}
