// Package script plays conversations with a server over real sockets and compares what comes back.
//
// A script is a text file named after the rule that it checks. Statements stand one on a line;
// lines that begin with space continue the one above; # begins a comment. Behind the statements
// may stand sections "-- NAME --" with files for the server's directory: roost.conf and users
// replace the defaults (DefaultConfig, DefaultUsers: alice, bob, carol and dave with the password
// "secret"), listener.conf, domain.conf and global.conf are put into DefaultConfig.
//
// # Actors
//
// Every connection has a name.
//
//	login USER@DOMAIN[/RESOURCE] [as NAME] [tls|direct] [interested] [online] [KEY=VALUE…]
//	          connects, authenticates and binds; NAME is USER unless given. interested asks for
//	          the roster, online sends presence; their answers are skipped. Keys as for auth and tls.
//	connect NAME [direct [refused]] [listen=ADDR] [alpn=…] [sni=…] [version=1.2] [cert=alice]
//	          only the TCP connection, or with direct the TLS listener; refused: which must refuse
//	open NAME [to=DOMAIN]    sends a stream header, takes header and features
//	starttls NAME            asks for TLS and does the handshake
//	tls NAME                 does the handshake alone
//	auth NAME USER [password=] [mech=PLAIN] [authzid=] [binding=tls-exporter] [flag=] [fail=CONDITION]
//	bind NAME [RESOURCE]
//	follow A B               A is subscribed to B's presence; what both hear of it is skipped
//	befriend A B             both see each other
//	interested, online, skip, sync NAME
//	stream NAME [from=remote.test] [to=DOMAIN]   sends a server's header, takes header and features, and
//	          captures the id of the stream as {NAME-id}
//	accept NAME [to=remote.test] [from=DOMAIN] [id=] [features=TEXT] [only]
//	          NAME is the server to which ours connects at {peer}, a place that a configuration may name in
//	          routes; it reads the header and answers, or with only does neither; answer NAME does it later
//	proves NAME [from=] [to=]   dialback (XEP-0220) on NAME's stream; NAME-asks is the server that says yes
//	secures NAME cert=WHO    does the handshake as the server that was connected to
//	logged TEXT…             a line of the server's log has all these
//	close NAME               sends </stream:stream>
//	eof NAME                 ends its own direction of the connection
//	drop NAME                resets the connection
//	deaf NAME                reads no more
//	stop, kill, restart      the server: in order; as SIGKILL does; again on the same files
//
// Statements take effect in their order: before another actor acts, the harness waits for the
// answer to a ping of the one before.
//
// # A web application that owns rosters
//
// A script that has statements of "service" plays one; {service} in the configuration is its URL.
//
//	service> /contacts/alice {"bob@localhost":{"name":"Bob"}}
//	          answers so from now on, with an ETag; other paths are not found
//	service>503 PATH [BODY]  with that status
//	service>cut PATH BODY    with the beginning of something longer
//	service>big PATH         with 10 MB
//	service>hang PATH        not at all
//	service>down, service>up refuses connections; takes them again
//	service< PATH…           all that it was asked for since the last look, in any order
//	service<nothing
//
// # HTTP
//
//	http> POST /roster_admin/refresh ["alice"]
//	http>TOKEN GET /         with a bearer token
//	http< 200 {"status":…}   status and body of the answer; * and {name} as below
//
// # Sending
//
//	alice> <message to='bob@localhost'><body>{x}</body></message>
//	alice>*3 <r id='{#}'/>        three times; {#} is 1, 2, 3
//	alice>raw "\xff\n"            a Go string literal, without {…}
//	alice>raw*100000 "x"
//
// In what is sent, {name} is a captured value, {alice} the full address that alice has bound by
// login or bind, and {base64 "\x00alice\x00secret"} the encoding of a Go string literal.
//
// # Expecting
//
//	alice< <iq type='result' id='1' ...><query xmlns='jabber:iq:roster'/></iq>
//	alice<*3 <r id='{#}'/>
//	alice<? {            these, in any order
//	  <presence .../>
//	  <message .../>
//	}
//	alice<until <r/>     that, after whatever else
//	alice<nothing        what everybody sent is handled, and nothing has come: proved by a ping
//	alice<stream-error host-unknown     that error, </stream:stream>, and the end of the connection
//	alice<close          </stream:stream> and the end of the connection
//	alice<eof            the end of the connection
//	alice<gone           the end of the connection, whatever comes before it
//
// Elements are compared as trees after namespace resolution. "..." as the last thing in a start
// tag allows more attributes; in the content it allows more children and makes their order
// irrelevant; "(any order)" does only the latter; "!" in front of a child forbids it. The value *
// is any value, re:EXPR a regular expression, {name} a value that is captured and from then on
// fixed, {base64 "…"} what decodes to that pattern. The prefixes stream, e (stanza errors), se
// (stream errors), sasl, tls and bind need no declaration. <stream:stream …> and </stream:stream>
// may be expected like elements; namespace declarations of the former are compared as they stand.
package script
