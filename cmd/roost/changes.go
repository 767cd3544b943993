package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"roost/cmd/internal/ecconf"
	"roost/cmd/roost/conf"
)

// pin is something that a running server cannot change. Every option of the table is either covered by
// pins or stands in liveOptions.
type pin struct {
	options []string // of the table
	name    string   // for people
	value   func(*conf.Config) string
	keep    func(to, from *conf.Config) // nil: nobody looks at it after the start
}

var pins = []pin{
	{[]string{"Data_Dir"}, "Data_Dir", func(c *conf.Config) string { return c.DataDir },
		func(to, from *conf.Config) {
			to.DataDir = from.DataDir
			if l := to.Control.Listens; len(l) == 1 && l[0].Pos.IsZero() { // the socket in it
				for _, was := range from.Control.Listens {
					if was.Pos.IsZero() {
						to.Control.Listens = []conf.Endpoint{was}
					}
				}
			}
		}},
	{[]string{"concurrency"}, "number of event loops (concurrency)", func(c *conf.Config) string { return number(c.EventLoops(), "one per processor") }, nil},
	{[]string{"TLS_Records"}, "TLS_Records", func(c *conf.Config) string { return map[bool]string{true: "library", false: "own"}[c.LibraryRecords] },
		func(to, from *conf.Config) { to.LibraryRecords = from.LibraryRecords }},
	{[]string{"Use_IPv6"}, "Use_IPv6", func(c *conf.Config) string { return fmt.Sprint(c.UseIPv6) },
		func(to, from *conf.Config) { to.UseIPv6 = from.UseIPv6 }},
	{[]string{"Resolv_Conf"}, "Resolv_Conf", func(c *conf.Config) string { return c.ResolvConf },
		func(to, from *conf.Config) { to.ResolvConf = from.ResolvConf }},
	{[]string{"source"}, "roster and presence (source of a script)", func(c *conf.Config) string { return map[bool]string{true: "on", false: "off"}[c.Presence] },
		func(to, from *conf.Config) { to.Presence = from.Presence }},
	{[]string{"Contact_Addresses"}, "Contact_Addresses", func(c *conf.Config) string { return fmt.Sprint(contacts(c)) }, nil},
}

func number(n int, zero string) string {
	if n == 0 {
		return zero
	}
	return fmt.Sprint(n)
}

// liveOptions are the options that take effect at once, by the step of a plan that sees to it.
var liveOptions = map[string][]string{
	"planLimits": {"Max_Connections", "Memory_Limit", "Stop_Timeout", "Log_Format", "Log_Rate", "debug_level", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL"},
	"planSecrets": {"tls_certificate", "tls_key", "tls_ciphers", "tls_key_exchange", "tls_client_ca", "tls_verify_mode", "AuthPlainParameters",
		"AuthDigestMD5Parameters"},
	"planDomains":    {"Hostname", "XMPP_Role", "Registration", "offline_max_messages", "offline_max_bytes"},
	"planFederation": {"XMPP_Dialback_Secret", "XMPP_Federation", "routes", "tls", "tls_verify", "tls_ca", "server_max_outbound_connections", "max_outbound_connections", "connect_timeout", "idle_timeout", "host_failure_retry"},
	"planDelegation": {"HTTP_Roster_URL", "HTTP_Roster_Token", "HTTP_Roster_Fetch", "HTTP_Roster_Timeout", "Block_Subscriptions"},
	"planLogs": {"heartbeat", "log_delivery", "log_delivery_format", "log_heartbeat_format", "log_reception", "log_reception_format",
		"logfile", "logmode", "namespace", "enabled"},
	"planListeners": {"enable", "enabled", "use_ssl", "listen_backlog", "accept_queue_backlog", "events_per_iter", "pool_name", "Backlog",
		"disable_nagle_algorithm", "tcp_recv_buffer_size", "tcp_send_buffer_size", "file_mode", "park_after", "proxy_protocol",
		"proxy_protocol_timeout", "require_tls", "idle_time", "auth_timeout", "max_auth_failures", "max_stanza_size",
		"max_stanza_size_preauth", "max_depth", "send_queue_limit", "resource_conflict", "max_connections_per_ip", "accept_rate", "login_rate",
		"auth_failure_delay", "auth_failure_max_delay", "stanza_rate", "stanza_burst", "byte_rate", "byte_burst"},
	"planControl": {"allow", "users"},
	"planHTTP":    {"Auth_Token"},
	"nothing":     {"Stack_Size"}, // has no effect at any time
	"console":     {"Local_Changes_File", "Local_Changes_Only"},
}

// outcome is what a change of the configuration did.
type outcome struct {
	live               []ecconf.Change
	pending            []string // what takes effect at the next start: "name: old → new"
	certs, files, logs int      // that were read and opened again
	notes              []string
}

// compare tells which differences take effect at once, and which at the next start. first is the
// configuration of the start, old the one in use.
func compare(first, old, next *conf.Config) *outcome {
	o := &outcome{}
	for _, p := range pins {
		if was, is := p.value(first), p.value(next); was != is {
			o.pending = append(o.pending, p.name+": "+was+" → "+is)
		}
	}
	for _, c := range ecconf.Diff(old.Tree, next.Tree) {
		if c.Option != nil && !isPinned(c.Option) || c.Option == nil && !onlyPinned(c.Block) {
			o.live = append(o.live, c)
		}
	}
	return o
}

// isPinned reports whether an option takes effect at the next start.
func isPinned(o *ecconf.Option) bool {
	return slices.ContainsFunc(pins, func(p pin) bool {
		return slices.ContainsFunc(p.options, func(name string) bool { return strings.EqualFold(name, o.Name) })
	})
}

// onlyPinned reports whether a stanza sets something, and nothing but such options.
func onlyPinned(b *ecconf.Block) bool {
	for _, s := range b.Settings() {
		if !isPinned(s.Option) {
			return false
		}
	}
	for _, c := range b.Blocks {
		if !onlyPinned(c) {
			return false
		}
	}
	return len(b.Settings())+len(b.Blocks) > 0
}

// pinned is next with what stays as it was at the start.
func pinned(first, next *conf.Config) *conf.Config {
	c := *next
	for _, p := range pins {
		if p.keep != nil {
			p.keep(&c, first)
		}
	}
	return &c
}

// tell prints what changed, a line each, and that which did not.
func (o *outcome) tell(w io.Writer) {
	for _, c := range o.live {
		fmt.Fprintln(w, c)
	}
	for _, p := range o.pending {
		fmt.Fprintln(w, p+" takes effect at the next start")
	}
	for _, n := range o.notes {
		fmt.Fprintln(w, "warning: "+n)
	}
}
