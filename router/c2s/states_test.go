package c2s_test

import (
	"fmt"
	"strings"
	"testing"

	"roost/netio"
	"roost/router/c2s"
	"roost/xmlstream/stanza"
)

// cuts are the read buffers under which conversations run: as it comes, and cut at every byte.
var cuts = []int{0, 1}

// states bring a client to each state of its stream.
var states = map[string]func(*client) *client{
	"header":     func(c *client) *client { return c },
	"tls header": func(c *client) *client { return c.open().secure() },
	"features":   (*client).open,
	"challenge": func(c *client) *client {
		c.open().send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>")
		c.want("<challenge")
		return c
	},
	"auth header": func(c *client) *client {
		c.open().send(plain("alice", "alice"))
		c.want("<success")
		c.tok.Reset(nil)
		return c
	},
	"bind":  func(c *client) *client { return c.open().auth("alice") },
	"bound": func(c *client) *client { return c.login("alice", "a") },
}

// fatal are elements, and their like, that end a stream: in which state, and with what.
var fatal = []struct {
	name, in string
	send     string
	want     stanza.StreamCondition
}{
	{"message", "features challenge bind", "<message to='bob@x'><body>hi</body></message>", stanza.StreamNotAuthorized},
	{"presence", "features challenge bind", "<presence/>", stanza.StreamNotAuthorized},
	{"ping", "features challenge bind", "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>", stanza.StreamNotAuthorized},
	{"bind", "features challenge", bind("a"), stanza.StreamNotAuthorized},
	{"bind get", "bind", "<iq type='get' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>", stanza.StreamNotAuthorized},
	{"unknown", "features bind bound", "<x xmlns='t'/>", stanza.StreamUnsupportedStanzaType},
	{"unknown in exchange", "challenge", "<x xmlns='t'/>", stanza.StreamNotAuthorized},
	{"stanza of a server", "features bind bound", "<message xmlns='jabber:server'/>", stanza.StreamUnsupportedStanzaType},
	{"auth", "bind bound", plain("alice", "alice"), stanza.StreamUnsupportedStanzaType},
	{"sasl", "features", "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", stanza.StreamUnsupportedStanzaType},
	{"starttls", "bind bound", "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", stanza.StreamUnsupportedStanzaType},
	{"starttls in exchange", "challenge", "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", stanza.StreamNotAuthorized},
	{"proceed", "features", "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", stanza.StreamUnsupportedStanzaType},
	{"wrong from", "bound", "<message from='bob@x' to='bob@x'/>", stanza.StreamInvalidFrom},
	{"prefix", "bound", "<c:message xmlns:c='jabber:client' to='bob@x'/>", stanza.StreamBadNamespacePrefix},
	{"no header", "header", "<message/>", stanza.StreamInvalidNamespace},
	{"no header", "tls_header auth_header", "<iq/>", stanza.StreamInvalidNamespace},
	{"text", "features challenge bind bound", "hello", stanza.StreamBadFormat},
	{"broken", "header tls_header features challenge auth_header bind bound", "<a b>", stanza.StreamNotWellFormed},
	{"wrong end tag", "features challenge bind bound", "<a></b>", stanza.StreamNotWellFormed},
	{"comment", "header tls_header features challenge auth_header bind bound", "<!-- -->", stanza.StreamRestrictedXML},
	{"second header", "features challenge bind bound", header, stanza.StreamRestrictedXML},
	{"old header", "header tls_header auth_header", strings.Replace(header, " version='1.0'>", ">", 1), stanza.StreamUnsupportedVersion},
	{"foreign header", "header tls_header auth_header", strings.Replace(header, "to='x'", "to='y'", 1), stanza.StreamHostUnknown},
	{"wrong user", "auth_header", strings.Replace(header, "to='x'", "to='x' from='bob@x'", 1), stanza.StreamInvalidFrom},
}

// TestUnexpected: each state × what must not come there ends with its stream error, and nothing of
// the session or the connection stays.
func TestUnexpected(t *testing.T) {
	for _, cut := range cuts {
		h := newHouse(t, options{tls: true, net: netio.Config{ReadBuffer: cut}})
		for _, f := range fatal {
			for _, in := range strings.Fields(f.in) {
				in = strings.ReplaceAll(in, "_", " ")
				t.Run(fmt.Sprintf("%s in %s, cut %d", f.name, in, cut), func(t *testing.T) {
					c := states[in](h.dial())
					c.send(f.send).ends(f.want).check(t)
				})
			}
		}
		h.empty(t)
	}
}

// TestEnds: in each state the end of the stream, the end of input and an error from the client are
// answered with the end of the stream.
func TestEnds(t *testing.T) {
	ends := map[string]string{"footer": footer, "eof": "",
		"error": "<stream:error><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"}
	for _, cut := range cuts {
		h := newHouse(t, options{tls: true, net: netio.Config{ReadBuffer: cut}})
		for name, end := range ends {
			for in, to := range states {
				if strings.HasSuffix(in, "header") && name != "eof" {
					continue // there is no stream to end
				}
				t.Run(fmt.Sprintf("%s in %s, cut %d", name, in, cut), func(t *testing.T) {
					c := to(h.dial()).send(end)
					if end == "" {
						if err := c.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
							t.Fatal(err)
						}
					}
					c.ends("").check(t)
				})
			}
		}
		h.empty(t)
	}
}

// TestSilenceAfterEnd: what comes behind the end of a stream is not handled (RFC 6120 §4.4).
func TestSilenceAfterEnd(t *testing.T) {
	h := newHouse(t, options{})
	bob := h.dial().online("bob", "b")
	h.dial().login("alice", "a").send(footer + "<message to='bob@x'><body>late</body></message>").ends("").check(t)
	h.dial().login("alice", "a").send("<x xmlns='t'/><message to='bob@x'><body>late</body></message>").
		ends(stanza.StreamUnsupportedStanzaType).check(t)
	bob.ask("here", "1").logout().check(t) // the first thing that bob gets is the answer
}

// TestPipelined sends the whole conversation at once, and many requests that are answered beside
// the loop: each piece waits for the one before.
func TestPipelined(t *testing.T) {
	const requests = 500
	for _, cut := range cuts {
		for range 5 {
			h := newHouse(t, options{net: netio.Config{ReadBuffer: cut}})
			var all strings.Builder
			all.WriteString(header + plain("alice", "wrong") + plain("alice", "alice") + header + bind("a"))
			for i := range requests {
				fmt.Fprintf(&all, "<iq type='get' id='%d'><%s xmlns='t'/></iq>", i, []string{"beside", "here"}[i%2])
			}
			c := h.dial()
			c.send(all.String())
			c.want("<stream>")
			c.want("<stream:features>")
			c.want("<not-authorized/>")
			c.want("<success")
			c.tok.Reset(nil)
			c.want("<stream>")
			c.want("<bind xmlns")
			c.want("<jid>alice@x/a</jid>")
			for i := range requests {
				c.want(fmt.Sprintf("id='%d'", i))
			}
			c.logout().check(t)
			h.stop(t)
		}
	}
}

// TestBindOnce: what is pipelined behind a bind meets a bound stream.
func TestBindOnce(t *testing.T) {
	h := newHouse(t, options{})
	for range 100 {
		c := h.dial().open().auth("alice")
		c.send(bind("a") + bind("b"))
		c.want("<jid>alice@x/a</jid>")
		c.want("<not-allowed")
		c.logout().check(t)
	}
	h.empty(t)
}

// TestStartTLSInjection: what stands behind <starttls/> in plain text is never handled (RFC 6120
// §5.3.3); the handshake, to which it belongs, fails.
func TestStartTLSInjection(t *testing.T) {
	h := newHouse(t, options{tls: true})
	c := h.dial().open().send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>" + header)
	c.want("<proceed")
	c.check(t)
	if s, err := c.read(); err == nil {
		t.Errorf("got %q in plain text", s)
	}
	c.Close()
	h.empty(t)
}

// TestStartTLSLineEnd: a line end behind <starttls/> disturbs nobody, wherever the input is cut.
func TestStartTLSLineEnd(t *testing.T) {
	for _, cut := range cuts {
		h := newHouse(t, options{tls: true, net: netio.Config{ReadBuffer: cut}})
		c := h.dial().open().send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>\r\n")
		c.want("<proceed")
		c.handshake().login("alice", "a").logout().check(t)
		h.empty(t)
	}
}

// TestRequireTLS: without TLS there is neither offer nor login (RFC 6120 §5.3.1, §6.5.4).
func TestRequireTLS(t *testing.T) {
	h := newHouse(t, options{tls: true, cfg: func(c *c2s.Config) { c.RequireTLS = true }})
	c := h.dial()
	c.send(header)
	c.want("<stream>")
	if f := c.want("<required/>"); strings.Contains(f, "<mechanism>") {
		t.Errorf("mechanisms are offered without TLS: %s", f)
	}
	c.send(plain("alice", "alice"))
	c.want("<encryption-required/>")
	c.secure().login("alice", "a").logout().check(t)
}
