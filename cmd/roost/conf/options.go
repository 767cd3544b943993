package conf

import (
	"io"

	"roost/cmd/internal/ecconf"
)

// Upper limits of numbers. They catch slips of the pen; they do not say what is wise.
const (
	maxSeconds = 366 * 24 * 3600 // a year
	maxBytes   = 1 << 30
	maxCount   = 1 << 30
	maxThreads = 1024
	// Of Memory_Limit: an empty server fits in the least; the most is a slip of the pen.
	minMemory = 64 << 20
	maxMemory = 1 << 50
	// maxRosterWait bounds how long a login may hang on a web application.
	maxRosterWait = 60
	// maxStop is more than a supervisor waits for a stop.
	maxStop = 3600
	// minStanza is what RFC 6120 §13.12 demands that every server accept.
	minStanza = 10000
	// minPreauth leaves room for the longest SASL exchange.
	minPreauth = 1024
)

// Scopes in which the options of a listener may stand, by how far in they reach.
var (
	onGlobal = []string{ecconf.GlobalScope}
	onXMPP   = []string{"xmpp"}
	onDomain = []string{"domain"}
	onLogger = []string{"xmpp_logger"}
	onPool   = []string{"threadpool"}
	onListen = []string{"xmpp_listener", "listen"}
	onPeer   = []string{"xmpp_listener", "listen", "peer"}
	pathways = []string{"pathway", "pathway_group"}
	bindings = []string{"binding", "binding_group"}
	inScript = []string{"scriptlet"}
	onFlags  = []string{"debug_flags"}
)

// join returns one list of the scopes of several.
func join(lists ...[]string) []string {
	var all []string
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// Schema returns the table that every configuration is held against: scopes,
// checks, fallback, messages, the console and the documentation come from it.
func Schema() (*ecconf.Schema, error) {
	var options []ecconf.Option
	for _, part := range [][]ecconf.Option{
		globalOptions(), listenerOptions(), tlsOptions(), limitOptions(), authOptions(),
		domainOptions(), federationOptions(), serviceOptions(), roleOptions(), loggerOptions(), debugOptions(),
	} {
		options = append(options, part...)
	}
	return ecconf.NewSchema(scopes(), options)
}

// WriteMarkdown writes the tables of stanzas and options for the documentation.
func WriteMarkdown(w io.Writer) error {
	s, err := Schema()
	if err != nil {
		return err
	}
	return s.WriteMarkdown(w)
}

func scopes() []ecconf.Scope {
	const none = "it needs no module here; nothing is loaded"
	return []ecconf.Scope{
		{ID: "xmpp", Name: "xmpp", Doc: "The XMPP module. Must stand before the first xmpp_listener."},
		{ID: "xmpp_listener", Name: "xmpp_listener", Naming: ecconf.MayBeNamed, Doc: "Accepts streams of clients and of other servers. Must contain, or every Listen in it must contain, AuthPlainParameters or AuthDigestMD5Parameters. Several listeners are told apart by their names."},
		{ID: "listen", Name: "Listen", In: []string{"xmpp_listener"}, Naming: ecconf.Named, Key: listenKey, Doc: "One socket: `\"*:5222\"` or `\":5222\"` (any IPv4), `\"[::]:5222\"` or `\"[*]:5222\"` (any IPv6), `\"127.0.0.1:5222\"`, `\"[fd00::1]:5222\"`, or the path of a Unix socket."},
		{ID: "peer", Name: "Peer", In: []string{"xmpp_listener", "listen"}, Naming: ecconf.Named, Key: peerKey, Doc: "Options for clients in an address block such as `\"10.0.0.0/8\"` or `\"fd00::/8\"`; the most specific block that matches wins, option by option. Clients of a Unix socket count as 127.0.0.1."},
		{ID: "domain", Name: "domain", Naming: ecconf.Named, Key: domainKey, Doc: "One XMPP domain, `\"#xmpp#NAME\"`; the quotes are needed because of the `#`."},
		{ID: "scriptlet", Name: "scriptlet", Naming: ecconf.MayBeNamed, Doc: "Holds the script stanzas. There can be only one name."},
		{ID: "script", Name: "script", In: []string{"scriptlet"}, Naming: ecconf.Named, Doc: "One script; the source msys.xmpp.presence switches roster and presence on."},
		{ID: "threadpool", Name: "ThreadPool", Naming: ecconf.Named, Doc: "A pool that listeners refer to by pool_name. Here there are event loops instead of threads: its Concurrency asks for that many."},
		{ID: "control_listener", Name: "Control_Listener", Doc: "The console's endpoint; on by default."},
		{ID: "control_listen", Name: "Listen", In: []string{"control_listener"}, Naming: ecconf.Named, Key: controlKey, Doc: "A Unix socket; default `control.sock` in Data_Dir."},
		{ID: "authorization", Name: "Authorization", In: []string{"control_listener"}, Doc: "Says who may give which commands on the console. Where it stands, what no Role allows is refused, to everybody."},
		{ID: "role", Name: "Role", In: []string{"authorization"}, Naming: ecconf.Named, Doc: "Commands for some users of this machine."},
		{ID: "http_listener", Name: "HTTP_Listener", Doc: "HTTP: rosters, roster refresh, status, health; on by default."},
		{ID: "http_listen", Name: "Listen", In: []string{"http_listener"}, Naming: ecconf.Named, Key: listenKey, Doc: "One socket; default `127.0.0.1:5280` and `127.0.0.1:8098`. Beyond loopback an Auth_Token is needed."},
		{ID: "xmpp_logger", Name: "xmpp_logger", Naming: ecconf.MayBeNamed, Doc: "Writes one line per stanza to a log file; several may be configured."},
		{ID: "debug_flags", Name: "Debug_Flags", Doc: "Log levels by subsystem: `NOTICE = ( ALL )`. Without it INFO and above is logged."},
		{ID: "dkim_sign", Name: "dkim_sign", Naming: ecconf.MayBeNamed, Note: none + "; SHA-256 is always there", Doc: "Accepted for old files, with a warning: it only stands for a library with SHA-256, which is always there."},
		{ID: "alerting", Name: "alerting", Note: none, Doc: "Accepted for old files, with a warning: the scriptlet stanza does not need it here."},
		{ID: "pathway", Name: "pathway", In: []string{ecconf.GlobalScope, "pathway_group"}, Naming: ecconf.Named, NotYet: true},
		{ID: "pathway_group", Name: "pathway_group", Naming: ecconf.Named, NotYet: true},
		{ID: "binding", Name: "binding", In: []string{ecconf.GlobalScope, "binding_group"}, Naming: ecconf.Named, NotYet: true},
		{ID: "binding_group", Name: "binding_group", Naming: ecconf.Named, NotYet: true},
	}
}

func globalOptions() []ecconf.Option {
	return []ecconf.Option{
		{Name: "Data_Dir", Kind: ecconf.KindPath, Default: "data", Scopes: onGlobal, Doc: "Directory of the store, the generated certificate and the control socket; relative to where the server is started."},
		{Name: "Hostname", Scopes: onGlobal, Check: checkDomainName, Doc: "Default SASL realm; the first served domain when unset."},
		{Name: "Stop_Timeout", Kind: ecconf.KindSeconds, Default: "2", Min: 1, Max: maxStop, Scopes: onGlobal, Doc: "How long a stop waits for clients that do not take their last bytes, or do not close their side after `</stream:stream>`; then their connections end without them."},
		{Name: "Max_Connections", Kind: ecconf.KindInt, Default: "0", Max: maxCount, Scopes: onGlobal, Doc: "XMPP connections that the server holds at once; those beyond are closed when they come. 0: as many as the file limit carries, less a reserve. A warning at the start says when the machine cannot carry them, and which command mends it."},
		{Name: "Log_Format", Kind: ecconf.KindWord, Words: []string{"text", "json"}, Default: "text", Scopes: onGlobal, Doc: "How the server's own log writes its lines to standard error: name=value, or one JSON object each."},
		{Name: "Log_Rate", Kind: ecconf.KindInt, Default: "1000", Max: maxCount, Scopes: onGlobal, Doc: "Lines of the server's own log per second that have the same message; those beyond are counted, and one line tells how many they were. 0: no bound."},
		{Name: "Memory_Limit", Kind: ecconf.KindBytes, Min: minMemory, Max: maxMemory, ZeroOK: true, Scopes: onGlobal, Doc: "Resident memory that the server may have. From nine tenths of it on, new connections wait in listen_backlog and logins hear resource-constraint, until it is below eight tenths again; sessions go on. Unset: the limit of the control group, less a sixteenth; 0 is no limit."},
		{Name: "TLS_Records", Kind: ecconf.KindWord, Words: []string{"own", "library"}, Default: "own", Scopes: onGlobal, Doc: "Who encrypts after a handshake of TLS 1.3, which is always the Go library's: own keeps 0.2 KB for an idle connection, library leaves it to Go's crypto/tls, as TLS 1.2 always is, and keeps 6 to 7 KB."},
		{Name: "Use_IPv6", Kind: ecconf.KindBool, Default: "false", Scopes: onGlobal, Doc: "Whether IPv6 addresses of other servers are looked up and tried."},
		{Name: "Local_Changes_File", Kind: ecconf.KindPath, Scopes: onGlobal, Doc: "File for changes made on the console, which `config writeback` writes; it is loaded last and need not be there. A relative path begins where this file stands. Must stand outside every stanza and include."},
		{Name: "Local_Changes_Only", Kind: ecconf.KindBool, Default: "false", Scopes: onGlobal, Doc: "true: changes made on the console are written to Local_Changes_File, which must be set, and nowhere else."},
	}
}

// listenerOptions shape sockets and loops (Table 10.1 and our own).
func listenerOptions() []ecconf.Option {
	services := []string{"http_listener", "http_listen"}
	return []ecconf.Option{
		{Name: "enable", Kind: ecconf.KindBool, Default: "true", Scopes: join(onListen, services, []string{"control_listener", "control_listen"}), Doc: "false: the socket is not opened."},
		{Name: "use_ssl", Kind: ecconf.KindBool, Default: "false", Scopes: []string{"listen"}, Doc: "TLS from the first byte (XEP-0368), with ALPN xmpp-client or xmpp-server, instead of STARTTLS."},
		{Name: "listen_backlog", Kind: ecconf.KindInt, Default: "500", Min: 1, Max: 65535, Scopes: onListen, Doc: "Length of the kernel's queue of connections that wait to be accepted, as in listen(2)."},
		{Name: "accept_queue_backlog", Kind: ecconf.KindInt, Default: "0", Max: maxCount, Scopes: onListen, Doc: "Bound on connections that are accepted but not served yet; 0 is no bound. At the bound the socket is left alone until one is served."},
		{Name: "concurrency", Kind: ecconf.KindInt, Default: "0", Max: maxThreads, Scopes: join(onListen, onPool), Doc: "Mapped to the number of event loops, because no thread ever waits in accept here: the server runs as many loops as the largest value asks for; 0 is one per processor."},
		{Name: "events_per_iter", Kind: ecconf.KindInt, Default: "0", Max: maxCount, Scopes: onListen, Doc: "Mapped to the number of connections that one wake-up of a loop accepts before it serves the others; 0 leaves it to the server."},
		{Name: "pool_name", Scopes: onListen, Check: checkNotEmpty, Doc: "The ThreadPool whose Concurrency and Backlog stand in where concurrency and accept_queue_backlog are not set. A name without a ThreadPool is a warning, and the server's own loops are used."},
		{Name: "disable_nagle_algorithm", Kind: ecconf.KindBool, Default: "false", Scopes: join(onGlobal, onListen), Doc: "true sets TCP_NODELAY."},
		{Name: "tcp_recv_buffer_size", Kind: ecconf.KindBytes, Default: "4096", Max: maxBytes, Scopes: onListen, Doc: "SO_RCVBUF; 0 leaves it to the system."},
		{Name: "tcp_send_buffer_size", Kind: ecconf.KindBytes, Default: "4096", Max: maxBytes, Scopes: onListen, Doc: "SO_SNDBUF; 0 leaves it to the system."},
		{Name: "file_mode", Kind: ecconf.KindMode, Default: "0660", Scopes: join(onListen, services), Check: checkFileMode, Doc: "Access rights of a Unix socket's file, in octal."},
		{Name: "file_mode", Kind: ecconf.KindMode, Default: "0600", Scopes: []string{"control_listener", "control_listen"}, Check: checkFileMode, Doc: "Access rights of the control socket, in octal."},
		{Name: "park_after", Kind: ecconf.KindSeconds, Default: "10", Max: maxSeconds, Scopes: onListen, Doc: "Seconds without traffic after which a TLS connection gives its ciphers back, 1.6 KB; they are made again with its next byte, in a few microseconds. 0: within a second. When more than some hundred connections have ciphers, each keeps them for a shorter time, down to a second. Buffers are not kept at all while a connection is idle."},
		{Name: "proxy_protocol", Kind: ecconf.KindBool, Default: "false", Scopes: onPeer, Doc: "Whether connections begin with a header of the PROXY protocol, version 1 or 2, that tells whose they are; that address then counts everywhere. It is believed where true is written in a Peer, and from the machine itself where it is written in the Listen or the listener; all others are refused there, except those of a Peer with false, who are clients without a proxy."},
		{Name: "proxy_protocol_timeout", Kind: ecconf.KindSeconds, Default: "60", Min: 1, Max: maxSeconds, Scopes: onPeer, Doc: "How long to wait for that header."},
	}
}

func tlsOptions() []ecconf.Option {
	all := join(onGlobal, onPeer, onDomain, pathways, bindings)
	noOut := join(onGlobal, onPeer, pathways)
	return []ecconf.Option{
		{Name: "tls_certificate", Kind: ecconf.KindPath, Scopes: all, Doc: "PEM file with the certificate chain, which may also hold the key. `none` cancels an inherited one and switches TLS off. Unset: a certificate is generated in Data_Dir. In a served domain: the certificate for clients that ask for that name."},
		{Name: "tls_key", Kind: ecconf.KindPath, Scopes: all, Doc: "PEM file with the key, unless it stands in the certificate's file. `none` cancels."},
		{Name: "tls_ciphers", Scopes: all, Check: checkNotEmpty, Doc: "Ciphers in OpenSSL's form, such as `HIGH:!aNULL`; applies to TLS 1.2. Unset: the built-in choice. In a domain of role client: for streams to that domain."},
		{Name: "tls_key_exchange", Kind: ecconf.KindWord, Words: []string{"hybrid", "classic"}, Default: "hybrid", Scopes: onPeer, Doc: "How keys of TLS are agreed on. hybrid offers X25519MLKEM768 first, which also holds against who records today and has a quantum computer later; classic offers X25519 and P-256 only, which takes less of the processor for clients that could do the other."},
		{Name: "tls_client_ca", Kind: ecconf.KindPath, Scopes: noOut, Doc: "PEM file with the authorities that client certificates must come from. `none` cancels."},
		{Name: "tls_verify_mode", Default: "none", Scopes: join(onPeer, pathways), Check: checkNotEmpty, Doc: "Client certificates: `none` ignores them, `require` wants one that is valid, any other word (`verify`) checks one that is presented."},
		{Name: "tls_allow_renegotiation", Kind: ecconf.KindBool, Default: "false", Scopes: onPeer, NotYet: true, Why: "renegotiation is never allowed here", Doc: "TLS renegotiation, which is never allowed here."},
		{Name: "tls_protocols", Scopes: onPeer, NotYet: true, Why: "TLS 1.2 and 1.3 are offered", Doc: "Versions of TLS; 1.2 and 1.3 are offered."},
		{Name: "require_tls", Kind: ecconf.KindBool, Scopes: onPeer, Doc: "Whether clients must use TLS before they log in; unset: true when a tls_certificate is set, else false. Only when false is written here is PLAIN offered without TLS."},
	}
}

// limitOptions bound what one client can use; 0 is no limit.
func limitOptions() []ecconf.Option {
	return []ecconf.Option{
		{Name: "idle_time", Kind: ecconf.KindSeconds, Default: "0", Max: maxSeconds, Scopes: join(onPeer, pathways), Doc: "Seconds without a byte from the client after which it is disconnected; 0 is never, 300 is a good value."},
		{Name: "auth_timeout", Kind: ecconf.KindSeconds, Default: "30", Max: maxSeconds, Scopes: onPeer, Doc: "Seconds from the connection to the end of authentication; 0 is no limit."},
		{Name: "max_auth_failures", Kind: ecconf.KindInt, Default: "5", Max: maxCount, Scopes: onPeer, Doc: "Failed attempts to authenticate after which the stream is closed; 0 is no limit."},
		{Name: "max_stanza_size", Kind: ecconf.KindBytes, Default: "262144", Min: minStanza, Max: maxBytes, ZeroOK: true, Scopes: onPeer, Doc: "Bytes in one stanza; 0 is no limit (1 GiB). RFC 6120 §13.12 forbids less than 10000."},
		{Name: "max_stanza_size_preauth", Kind: ecconf.KindBytes, Default: "10000", Min: minPreauth, Max: maxBytes, ZeroOK: true, Scopes: onPeer, Doc: "Likewise before authentication."},
		{Name: "max_depth", Kind: ecconf.KindInt, Default: "64", Min: 8, Max: 65535, ZeroOK: true, Scopes: onPeer, Doc: "How deep elements nest in one stanza; 0 is no limit (65535)."},
		{Name: "send_queue_limit", Kind: ecconf.KindBytes, Default: "1048576", Min: 65536, Max: maxBytes, ZeroOK: true, Scopes: onListen, Doc: "Bytes that wait for a client that reads slowly; beyond it the stream is closed with an error. From half of it on, clients that send it messages or requests are not read from until a quarter is left, for a second at most. 0 is no limit (1 GiB)."},
		{Name: "resource_conflict", Kind: ecconf.KindWord, Words: []string{"replace", "refuse", "rename"}, Default: "replace", Scopes: onPeer, Doc: "A client binds a resource that is in use (RFC 6120 §7.7.2.2): replace closes the older stream, refuse answers with a conflict, rename gives the newer one a resource of its own."},
		{Name: "max_connections_per_ip", Kind: ecconf.KindInt, Default: "0", Max: maxCount, Scopes: onPeer, Doc: "Connections from one IPv4 address, or from one /64 of IPv6, at the same time; those beyond are closed when they come. Connections that come where it is 0 are not counted; 0 is no limit."},
		{Name: "accept_rate", Kind: ecconf.KindRate, Default: "0", Scopes: onPeer, Doc: "New connections, `N` per second or `N/seconds`; 0 is no limit. Those beyond wait in listen_backlog; in a Peer they are closed at once, because nobody is known before. All clients to whom one setting applies share one rate."},
		{Name: "login_rate", Kind: ecconf.KindRate, Default: "0", Scopes: onPeer, Doc: "Attempts to log in, likewise. Those beyond wait for their turn, up to 5 seconds; further ones hear temporary-auth-failure."},
		{Name: "auth_failure_delay", Kind: ecconf.KindSeconds, Default: "1", Max: maxSeconds, Scopes: onPeer, Doc: "How long the answer waits after the sixth wrong password for one account from one address (/64 of IPv6); twice as long for each further one. An address with more than 50, for whatever accounts, may make an attempt in this time at most. Half of them are forgotten in a minute. From elsewhere nobody waits, and whether the account exists makes no difference. 0 is no delay."},
		{Name: "auth_failure_max_delay", Kind: ecconf.KindSeconds, Default: "15", Max: maxSeconds, Scopes: onPeer, Doc: "Where that ends; attempts that would have to wait for longer, behind others, hear temporary-auth-failure."},
		{Name: "stanza_rate", Kind: ecconf.KindRate, Default: "0", Scopes: onPeer, Doc: "Stanzas that one session may send, `N` per second or `N/seconds`. One that sends more is not read from until it may go on: nothing is lost. 0 is no limit, and costs nothing."},
		{Name: "stanza_burst", Kind: ecconf.KindInt, Default: "0", Max: maxCount, Scopes: onPeer, Doc: "How many of them may come at once after a rest; 0: what comes in two seconds, or the N of `N/seconds` when that is more."},
		{Name: "byte_rate", Kind: ecconf.KindRate, Default: "0", Scopes: onPeer, Doc: "Bytes that one session may send, likewise."},
		{Name: "byte_burst", Kind: ecconf.KindBytes, Default: "0", Max: maxBytes, Scopes: onPeer, Doc: "Likewise, in bytes."},
	}
}

func authOptions() []ecconf.Option {
	uri := ecconf.Option{Name: "uri", Kind: ecconf.KindURI, Required: true, Check: checkAuthURI, NotYetFor: []string{"http://", "https://"}, Doc: "`file:///path` (lines `user:password` or `user@domain:password` in clear text), `digest:///path` (lines `user:realm:hex` as htdigest makes them), `accounts://` (the embedded store)."}
	logAuth := ecconf.Option{Name: "log_authentication", Kind: ecconf.KindBool, Default: "false", Doc: "Log every attempt with its outcome."}
	return []ecconf.Option{
		{Name: "AuthPlainParameters", Kind: ecconf.KindDict, Scopes: join(onListen, pathways), Keys: []ecconf.Option{uri, logAuth}, Doc: "The store behind PLAIN and, where it can, SCRAM and the rest."},
		{Name: "AuthDigestMD5Parameters", Kind: ecconf.KindDict, Scopes: join(onPeer, pathways), Keys: []ecconf.Option{
			uri,
			{Name: "realm", Check: checkNotEmpty, Doc: "Realm that is offered; Hostname when unset."},
			{Name: "stored_cleartext", Kind: ecconf.KindBool, Doc: "Whether the store holds clear text instead of hashes; unset: what the scheme of the uri implies."},
			logAuth,
		}, Doc: "The store behind DIGEST-MD5."},
	}
}

func domainOptions() []ecconf.Option {
	var contacts []ecconf.Option
	for _, role := range contactRoles {
		contacts = append(contacts, ecconf.Option{Name: role, Kind: ecconf.KindList, Check: checkContact, Doc: "one URI or a list."})
	}
	return []ecconf.Option{
		{Name: "XMPP_Role", Kind: ecconf.KindWord, Words: []string{"server", "client"}, Scopes: onDomain, Doc: "server: the domain is served here. client: it is another server's, and stanzas go to it and come from it."},
		{Name: "XMPP_Dialback_Secret", Scopes: onDomain, Secret: true, Check: checkNotEmpty, Doc: "Secret behind the keys by which other servers know this one (XEP-0220, XEP-0185). In a served domain: for its keys, a random one when unset. In a domain of role client: for keys made for that domain, instead."},
		{Name: "routes", Kind: ecconf.KindList, Scopes: onDomain, Check: checkRoute, Doc: "`( \"host:port\" … )` instead of DNS, for a domain of role client; the first that answers is used."},
		{Name: "XMPP_Federation", Kind: ecconf.KindWord, Words: []string{"listed", "open", "closed"}, Default: "listed", Scopes: onDomain, Doc: "Which other domains a served domain speaks with: listed are those that have a stanza of role client, open are all that DNS finds, closed is none."},
		{Name: "Registration", Kind: ecconf.KindWord, Words: []string{"off", "on", "invite"}, Default: "off", Scopes: onDomain, NotYetFor: []string{"invite"}, Doc: "Whether clients may create accounts (XEP-0077)."},
		{Name: "Contact_Addresses", Kind: ecconf.KindDict, Scopes: onDomain, Keys: contacts, Doc: "Addresses that service discovery shows (XEP-0157): `[ admin = \"mailto:admin@example.org\" ]`."},
		{Name: "offline_max_messages", Kind: ecconf.KindInt, Default: "100", Max: maxCount, Scopes: join(onDomain, onXMPP), Doc: "Messages that are kept for one user who is not there; 0 keeps none."},
		{Name: "offline_max_bytes", Kind: ecconf.KindBytes, Default: "1048576", Max: maxBytes, Scopes: join(onDomain, onXMPP), Doc: "Bytes in those messages together; 0 keeps none."},
		{Name: "HTTP_Roster_URL", Scopes: onDomain, Check: checkRosterURL, Doc: "Web application that owns the rosters of this domain, such as `https://app.example.org/contacts/%s`: `%s` stands for the user's name, `%h` for the domain, both URL-encoded. Unset: rosters are in the embedded store."},
		{Name: "HTTP_Roster_Token", Scopes: onDomain, Secret: true, Check: checkToken, Doc: "Token for both directions, or `file:///path` of a file that holds it: this application is shown it (`Authorization: Bearer TOKEN`), and must show it, or sign with it, where it refreshes rosters."},
		{Name: "HTTP_Roster_Fetch", Kind: ecconf.KindWord, Words: []string{"need", FetchAtBind}, Default: "need", Scopes: onDomain, Doc: "When a roster is asked for: need is when a client asks for it or sends presence; bind is as soon as the first client of a user is there, so that it is at hand by then."},
		{Name: "HTTP_Roster_Timeout", Kind: ecconf.KindSeconds, Default: "5", Min: 1, Max: maxRosterWait, Scopes: onDomain, Doc: "How long a client waits for that application at most."},
		{Name: "Block_Subscriptions", Kind: ecconf.KindBool, Scopes: onDomain, Doc: "Whether subscription requests and answers, from clients and to them, are dropped without a word; unset: true with HTTP_Roster_URL, else false."},
	}
}

// serviceOptions are those of the module, the scripts, the pools and the HTTP listener.
func serviceOptions() []ecconf.Option {
	const noLua = "no Lua runs here"
	number := func(name, def string) ecconf.Option {
		return ecconf.Option{Name: name, Kind: ecconf.KindInt, Default: def, Max: maxCount, Scopes: inScript, NotYet: true, Why: noLua, Doc: "Of the Lua machine, which is not here."}
	}
	return []ecconf.Option{
		{Name: "enabled", Kind: ecconf.KindBool, Default: "true", Scopes: join(onXMPP, onLogger), Doc: "false: the stanza is checked, but has no effect; with xmpp no xmpp_listener is opened."},
		{Name: "source", Scopes: []string{"script"}, Required: true, Check: checkSource, Doc: "What the script is: `msys.xmpp.presence` switches roster and presence on; `msys.boot` is accepted with a warning and does nothing; all others are not yet supported."},
		number("script_ttl", "300"), number("reap_interval", "120"), number("gc_pause", "200"), number("gc_stepmul", "200"),
		{Name: "always_gc", Kind: ecconf.KindBool, Default: "false", Scopes: inScript, NotYet: true, Why: noLua, Doc: "Of the Lua machine, which is not here."},
		{Name: "Stack_Size", Kind: ecconf.KindBytes, Min: 4096, Max: maxBytes, Scopes: onPool, Note: "stacks grow by themselves here; the value has no effect", Doc: "Accepted with a warning: stacks grow by themselves here."},
		{Name: "Backlog", Kind: ecconf.KindInt, Default: "0", Max: maxCount, Scopes: onPool, Doc: "Mapped to accept_queue_backlog of the listeners that use the pool and set none; 0 is no bound."},
		{Name: "Auth_Token", Scopes: []string{"http_listener", "http_listen"}, Secret: true, Check: checkToken, Doc: "Bearer token that requests must show, or `file:///path` of a file that holds it."},
	}
}

func loggerOptions() []ecconf.Option {
	return []ecconf.Option{
		{Name: "heartbeat", Kind: ecconf.KindSeconds, Default: "60", Min: 1, Max: maxSeconds, ZeroOK: true, Scopes: onLogger, Doc: "Seconds between M records; 0 writes none."},
		{Name: "log_delivery", Kind: ecconf.KindBool, Default: "true", Scopes: onLogger, Doc: "Write a D record for every stanza that is sent."},
		{Name: "log_delivery_format", Default: "%t+D+%st+%at+%af+%ai+%ay+%H", Scopes: onLogger, Check: checkFormat, Doc: "Its format: %t time, %st kind, %so stanza with its text hidden, %sr stanza, %af from, %at to, %ai id, %ay type, %H remote address and port; all else stands for itself."},
		{Name: "log_heartbeat_format", Default: "%t+M", Scopes: onLogger, Check: checkFormat, Doc: "Format of an M record."},
		{Name: "log_reception", Kind: ecconf.KindBool, Default: "true", Scopes: onLogger, Doc: "Write an R record for every stanza that is received."},
		{Name: "log_reception_format", Default: "%t+R+%st+%at+%af+%ai+%ay+%H", Scopes: onLogger, Check: checkFormat, Doc: "Format of an R record."},
		{Name: "logfile", Kind: ecconf.KindPath, Default: "/var/log/ecelerity/xmpplog.ec", Scopes: onLogger, NotYetFor: []string{"*://"}, Doc: "The file; `reopen logs` on the console opens it anew after a rotation."},
		{Name: "logmode", Kind: ecconf.KindMode, Default: "0644", Scopes: onLogger, Doc: "Access rights of the file, in octal."},
		{Name: "namespace", Default: "xmpp_logger,sieve,custom_logger", Scopes: onLogger, Check: checkNamespace, Doc: "Where macros are looked up, in this order. The macros are those of xmpp_logger; the other two names are accepted and hold none."},
	}
}

func debugOptions() []ecconf.Option {
	rows := []ecconf.Option{
		{Name: "debug_level", Kind: ecconf.KindWord, Words: levelNames, Scopes: join(onXMPP, onLogger), Doc: "The least severe messages of this module that are logged; unset: what Debug_Flags says."},
	}
	for _, level := range levelNames {
		rows = append(rows, ecconf.Option{Name: level, Kind: ecconf.KindList, Scopes: onFlags, Check: checkSubsystem, Doc: "Subsystems that log messages of this severity and worse."})
	}
	return rows
}
