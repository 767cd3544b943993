package c2s_test

import (
	"fmt"
	"testing"

	"roost/netio"
	"roost/netio/netiotest"
	"roost/router/c2s"
	"roost/router/routertest"
	"roost/xmlstream/stanza"
)

// step is one piece of a client's conversation and what it then reads; tls does a handshake instead.
type step struct {
	send string
	read []string
	tls  bool
}

// conversation is a whole life of a client.
var conversation = []step{
	{send: header, read: []string{"<stream>", "<stream:features>"}},
	{send: "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", read: []string{"<proceed"}},
	{tls: true},
	{send: header, read: []string{"<stream>", "<stream:features>"}},
	{send: "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>", read: []string{"<challenge"}},
	{send: "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>AGFsaWNlAGFsaWNl</response>", read: []string{"<success"}},
	{send: header, read: []string{"<stream>", "<stream:features>"}},
	{send: bind("a"), read: []string{"<jid>"}},
	{send: "<presence/>", read: []string{"<presence"}},
	{send: "<iq type='get' id='1'><beside xmlns='t'/></iq>", read: []string{"id='1'"}},
	{send: "<message to='bob@x'><body>for later</body></message>"},
	{send: footer, read: []string{"</stream>"}},
}

func (s step) play(c *client) {
	if s.tls {
		c.handshake()
		return
	}
	if s.send == header {
		c.tok.Reset(nil)
	}
	c.send(s.send)
	for _, r := range s.read {
		c.want(r)
	}
}

// cutOff are the ways in which a connection ends without a word.
var cutOff = map[string]func(*client){
	"close": func(c *client) { c.Close() },
	"reset": (*client).reset,
	"half close": func(c *client) {
		if conn, ok := c.Conn.(interface{ CloseWrite() error }); ok {
			conn.CloseWrite()
		}
		for { // the server ends it, one way or the other
			if _, err := c.Conn.Read(make([]byte, 1024)); err != nil {
				c.Close()
				return
			}
		}
	},
}

// TestCutOff cuts the connection behind every step, in the middle of every step, and right after a
// step was sent, in every way. Neither session nor connection, goroutine nor descriptor is left.
func TestCutOff(t *testing.T) {
	netiotest.Shutdown(t, netiotest.Engine(t, netio.Config{Loops: 1})) // netpoll's poller stays with the process
	before := netiotest.Descriptors(t)
	for name, cut := range cutOff {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, options{tls: true, net: netio.Config{Loops: 1}})
			for n := range conversation {
				for _, how := range []string{"before", "half", "sent"} {
					c := h.dial()
					for _, s := range conversation[:n] {
						s.play(c)
					}
					switch s := conversation[n]; {
					case s.tls && how != "before":
						c.Conn.Write([]byte{22, 3, 1, 0, 200, 1}) // the beginning of a ClientHello
					case how == "half":
						c.send(s.send[:len(s.send)/2])
					case how == "sent":
						c.send(s.send)
					}
					if cut(c); c.err != nil {
						t.Fatalf("step %d, %s: %v", n, how, c.err)
					}
				}
			}
			h.empty(t)
			h.stop(t)
		})
	}
	if after := netiotest.Descriptors(t); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// TestLostUnavailable: whoever saw the session is told, however it ends.
func TestLostUnavailable(t *testing.T) {
	h := newHouse(t, options{})
	h.Friends("alice@x", "bob@x")
	bob := h.dial().online("bob", "b")
	bob.want("<presence from='alice@x' to='bob@x/b' type='unavailable'/>")
	for name, end := range map[string]func(*client){
		"close":   func(c *client) { c.Close() },
		"reset":   (*client).reset,
		"footer":  func(c *client) { c.logout() },
		"error":   func(c *client) { c.send("<a b>").ends(stanza.StreamNotWellFormed) },
		"away":    func(c *client) { c.send("<presence type='unavailable'/>") },
		"replace": func(c *client) { h.dial().login("alice", "a").logout(); c.ends(stanza.StreamConflict) },
	} {
		t.Run(name, func(t *testing.T) {
			c := h.dial().online("alice", "a")
			c.want("from='bob@x/b'")
			bob.want("from='alice@x/a'")
			end(c)
			bob.want("type='unavailable'")
			bob.check(t)
			if name == "away" {
				c.want("type='unavailable'")
				c.logout()
			}
			c.check(t)
		})
	}
	bob.logout().check(t)
	h.empty(t)
}

// TestErrorEndsSession: a stream that has said its last word has no session, although its connection
// lingers because the client does not close it.
func TestErrorEndsSession(t *testing.T) {
	h := newHouse(t, options{net: netio.Config{LingerTimeout: netiotest.Patience}})
	c := h.dial().online("alice", "a").send("<x xmlns='t'/>")
	c.want("<stream:error>")
	eventually(t, "the session has ended", func() bool { return len(h.Router.Sessions(routertest.JID(t, "alice@x"))) == 0 })
	if n := h.engine.Stats().Conns; n != 1 {
		t.Errorf("%d connections, want the one that lingers", n)
	}
	c.check(t).Close()
	h.empty(t)
}

// TestShutdown: a server that stops tells every stream, whatever its state (RFC 6120 §4.9.3.20). In a
// TLS handshake, which the server may end later than the client, it can say nothing.
func TestShutdown(t *testing.T) {
	h := newHouse(t, options{tls: true})
	streams := map[string]*client{}
	for name, to := range states {
		if name != "tls header" {
			streams[name] = to(h.dial()).check(t)
		}
	}
	eventually(t, "all are accepted", func() bool { return h.engine.Stats().Accepted == uint64(len(streams)) })
	bye := stanza.StreamSystemShutdown.New()
	h.engine.Each(func(_ *netio.Conn, s netio.Handler) { s.(*c2s.Stream).End(bye) })
	go netiotest.Shutdown(t, h.engine)
	for name, c := range streams {
		if c.ends(stanza.StreamSystemShutdown); c.err != nil {
			t.Errorf("%s: %v", name, c.err)
		}
	}
	h.stop(t)
}

// TestPanic: a fault in handling a stanza ends one stream, and nothing else.
func TestPanic(t *testing.T) {
	h := newHouse(t, options{})
	bob := h.dial().online("bob", "b")
	for i, where := range []string{"panic-beside", "panic-here"} {
		c := h.dial().online("alice", "a")
		c.send("<iq type='get' id='1'><" + where + " xmlns='t'/></iq>").ends(stanza.StreamInternalServerError).check(t)
		bob.ask("here", fmt.Sprint(i))
	}
	bob.logout().check(t)
	h.empty(t)
}

// TestRelease: Unbind and the end of the stream meet while a stanza is handled beside the loop.
func TestRelease(t *testing.T) {
	h := newHouse(t, options{})
	for range 200 {
		c := h.dial().login("alice", "a")
		c.send("<iq type='get' id='1'><beside xmlns='t'/></iq>").check(t)
		for _, s := range h.Router.Sessions(routertest.JID(t, "alice@x")) {
			go s.End(stanza.StreamConflict.New())
		}
		c.reset()
	}
	h.empty(t)
}
