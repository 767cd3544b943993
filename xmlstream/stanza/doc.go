// Package stanza knows the envelope of the three XMPP stanzas (RFC 6120 §8), the two error
// vocabularies of the protocol (§4.9.3 stream errors, §8.3.3 stanza errors), and the serialized
// form in which a stanza travels between sessions.
//
// Stanza is a borrowed view of bytes that a Tokenizer has cut. Frame is the owned, shared,
// reference-counted copy that goes into the out queues of connections. Exactly one copy is made
// between the two.
package stanza

// Namespaces of streams and of the core protocol.
const (
	NSStream     = "http://etherx.jabber.org/streams"
	NSClient     = "jabber:client"
	NSServer     = "jabber:server"
	NSTLS        = "urn:ietf:params:xml:ns:xmpp-tls"
	NSSASL       = "urn:ietf:params:xml:ns:xmpp-sasl"
	NSBind       = "urn:ietf:params:xml:ns:xmpp-bind"
	NSSession    = "urn:ietf:params:xml:ns:xmpp-session"
	NSStreams    = "urn:ietf:params:xml:ns:xmpp-streams" // stream error conditions
	NSStanzas    = "urn:ietf:params:xml:ns:xmpp-stanzas" // stanza error conditions
	NSXML        = "http://www.w3.org/XML/1998/namespace"
	NSErrors     = "urn:xmpp:errors" // application-specific conditions (XEP-0205 and others)
	NSRoster     = "jabber:iq:roster"
	NSRosterVer  = "urn:xmpp:features:rosterver"
	NSPreApprove = "urn:xmpp:features:pre-approval"
)
