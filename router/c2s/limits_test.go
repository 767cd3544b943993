package c2s_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"roost/netio"
	"roost/netio/netiotest"
	"roost/router/c2s"
	"roost/router/sasl"
	"roost/xmlstream/stanza"
)

// TestAuthTimeout: whoever is not bound in time is cut, in every state; whoever is, is not.
func TestAuthTimeout(t *testing.T) {
	h := newHouse(t, options{tls: true, cfg: func(c *c2s.Config) { c.AuthTimeout = time.Second }})
	bound := h.dial().login("bob", "b").check(t)
	slow := map[string]*client{}
	for name, to := range states {
		if name != "bound" {
			slow[name] = to(h.dial())
		}
	}
	for name, c := range slow {
		if c.ends(stanza.StreamConnectionTimeout); c.err != nil {
			t.Errorf("%s: %v", name, c.err)
		}
	}
	bound.ask("here", "1").logout().check(t)
	h.empty(t)
}

// TestHandshakeTimeout: a TLS handshake that stops is cut without a word.
func TestHandshakeTimeout(t *testing.T) {
	h := newHouse(t, options{tls: true, cfg: func(c *c2s.Config) { c.AuthTimeout = 500 * time.Millisecond }})
	c := h.dial().open().send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
	c.want("<proceed")
	c.check(t)
	if s, err := c.read(); err == nil {
		t.Errorf("got %q", s)
	}
	c.Close()
	h.empty(t)
}

// TestIdleTime: a silent client is cut, one that sends white space is not (RFC 6120 §4.6.1, §4.6.3).
func TestIdleTime(t *testing.T) {
	h := newHouse(t, options{cfg: func(c *c2s.Config) { c.IdleTime = time.Second }})
	silent := h.dial().login("alice", "a").check(t)
	alive := h.dial().login("bob", "b").check(t)
	for waiting := true; waiting; { // until the silent one hears something, a sign of life now and then
		alive.send(" ").check(t)
		silent.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		n, err := silent.Conn.Read(silent.grow())
		silent.buf = silent.buf[:len(silent.buf)+n]
		if waiting = errors.Is(err, os.ErrDeadlineExceeded); !waiting && err != nil {
			t.Fatal(err)
		}
	}
	silent.SetReadDeadline(time.Now().Add(netiotest.Patience))
	silent.ends(stanza.StreamConnectionTimeout).check(t)
	alive.ask("here", "1").logout().check(t)
	h.empty(t)
}

// TestIdleBeforeLogin: idle_time counts for those who have not logged in, too, in every state; and
// auth_timeout for those who are not idle.
func TestIdleBeforeLogin(t *testing.T) {
	h := newHouse(t, options{tls: true, cfg: func(c *c2s.Config) { c.IdleTime, c.AuthTimeout = time.Second, 3*time.Second }})
	silent := map[string]*client{}
	for name, to := range states {
		silent[name] = to(h.dial())
	}
	for name, c := range silent {
		if c.ends(stanza.StreamConnectionTimeout).err != nil {
			t.Errorf("%s: %v", name, c.err)
		}
	}
	c := h.dial().open()
	for c.err == nil {
		c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		n, err := c.Conn.Read(c.grow())
		if c.buf = c.buf[:len(c.buf)+n]; !errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		c.send(" ")
	}
	c.SetReadDeadline(time.Now().Add(netiotest.Patience))
	if got := c.want("not logged in within 3s"); !strings.Contains(got, condition(stanza.StreamConnectionTimeout)) {
		t.Error(got)
	}
	c.check(t).Close()
	h.empty(t)
}

// grow makes room behind what was read.
func (c *client) grow() []byte {
	c.buf = append(make([]byte, 0, len(c.buf)+4096), c.buf...)
	return c.buf[len(c.buf):cap(c.buf)]
}

// TestMaxFailures: the last attempt that the limit allows to fail ends the stream.
func TestMaxFailures(t *testing.T) {
	const response = "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>AA==</response>"
	const abort = "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"
	for _, cut := range cuts {
		h := newHouse(t, options{net: netio.Config{ReadBuffer: cut}})
		c := h.dial().open()
		for _, a := range []struct{ send, want string }{
			{plain("alice", "wrong"), "<not-authorized/>"},
			{"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='NONE'/>", "<invalid-mechanism/>"},
			{response, "<malformed-request/>"},
			{abort, "<aborted/>"},
			{plain("nobody", "nobody"), "<not-authorized/>"},
		} {
			c.send(a.send)
			c.want(a.want)
		}
		c.ends(stanza.StreamPolicyViolation).check(t)

		// One less, and the client is let in.
		c = h.dial().open().send(strings.Repeat(plain("alice", "wrong"), 4))
		for range 4 {
			c.want("<not-authorized/>")
		}
		c.auth("alice").bind("a").logout().check(t)
		h.empty(t)
	}
}

// TestFloodBeforeAuth: no kind of flood from a stranger grows past the limits.
func TestFloodBeforeAuth(t *testing.T) {
	floods := map[string]struct {
		open  bool
		first string
		again string
		want  stanza.StreamCondition
	}{
		"stanza without end":  {true, "<message to='", strings.Repeat("x", 1000), stanza.StreamPolicyViolation},
		"header without end":  {false, "<stream:stream to='", strings.Repeat("x", 1000), stanza.StreamPolicyViolation},
		"declaration":         {false, "<?xml ", strings.Repeat(" ", 1000), stanza.StreamPolicyViolation},
		"depth":               {true, "", strings.Repeat("<a>", 300), stanza.StreamPolicyViolation},
		"attributes":          {true, "<a", " a='b'", stanza.StreamPolicyViolation},
		"stanzas":             {true, "", "<message/>", stanza.StreamNotAuthorized},
		"logins":              {true, "", plain("alice", "wrong"), stanza.StreamPolicyViolation},
		"logins that have to": {true, "", "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/><abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", stanza.StreamPolicyViolation},
		"text":                {true, "", "text", stanza.StreamBadFormat},
	}
	for _, cut := range cuts {
		h := newHouse(t, options{net: netio.Config{ReadBuffer: cut}})
		for name, f := range floods {
			c := h.dial()
			if f.open {
				c.open()
			}
			c.check(t)
			go func() { // it goes on when nobody listens any more
				io.WriteString(c.Conn, f.first)
				for range 1000 {
					if _, err := io.WriteString(c.Conn, f.again); err != nil {
						return
					}
				}
			}()
			for got := ""; c.err == nil && got != "</stream>"; {
				if got = c.next(); strings.HasPrefix(got, "<stream:error>") && !strings.Contains(got, condition(f.want)) {
					t.Errorf("%s, cut %d: %s, want %s", name, cut, got, f.want)
				}
			}
			if c.Close(); c.err != nil {
				t.Errorf("%s, cut %d: %v", name, cut, c.err)
			}
		}
		h.empty(t)
	}
}

// stuck is a store that does not answer.
type stuck struct {
	passwords
	asked, answer chan struct{}
}

func (s stuck) Verify(ctx context.Context, user, domain, password string) error {
	s.asked <- struct{}{}
	<-s.answer
	return s.passwords.Verify(ctx, user, domain, password)
}

var _ sasl.Store = stuck{}

// TestFloodWhileWaiting: while a login waits for its store the client is not read from: what it
// sends stays with it.
func TestFloodWhileWaiting(t *testing.T) {
	s := stuck{asked: make(chan struct{}), answer: make(chan struct{})}
	h := newHouse(t, options{cfg: func(c *c2s.Config) { c.Store = s }})
	c := h.dial().open().send(plain("alice", "alice"))
	<-s.asked
	c.check(t)
	c.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
	sent, err := io.Copy(c.Conn, strings.NewReader(strings.Repeat(" ", 64<<20)))
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d bytes were taken, then %v", sent, err)
	}
	if in := h.engine.Stats().BytesIn; in > 128<<10 {
		t.Errorf("%d bytes were read while the stream waits", in)
	}
	close(s.answer)
	c.SetDeadline(time.Now().Add(netiotest.Patience))
	c.want("<success")
	c.check(t).Close()
	h.empty(t)
}

// TestGoneWhileWaiting: clients that go while their logins wait for the store leave nothing, and
// their logins are not tried any more.
func TestGoneWhileWaiting(t *testing.T) {
	s := stuck{asked: make(chan struct{}, 1000), answer: make(chan struct{})}
	h := newHouse(t, options{cfg: func(c *c2s.Config) { c.Store = s }})
	for range 2 { // all that the pool does at the same time
		defer h.dial().open().send(plain("alice", "alice")).check(t).Close()
		<-s.asked
	}
	for range 50 {
		c := h.dial().open().send(plain("alice", "alice")).check(t)
		eventually(t, "the login waits", func() bool { return h.c2s.Auth.Backlog() > 0 })
		c.reset()
	}
	eventually(t, "they are gone", func() bool { return h.engine.Stats().Conns == 2 })
	close(s.answer)
	h.c2s.Auth.Wait()
	if n := len(s.asked); n != 0 {
		t.Errorf("%d passwords were checked for nobody", n)
	}
}

// TestOverflow: a client that does not read is cut with a stream error, and the others go on.
func TestOverflow(t *testing.T) {
	h := newHouse(t, options{send: 64 << 10, net: netio.Config{LingerTimeout: netiotest.Patience}}) // the deaf one reads late
	deaf := h.dial()
	deaf.online("bob", "b").check(t)
	alice, carol := h.dial().online("alice", "a"), h.dial().online("carol", "c")
	message := "<message to='bob@x/b' type='headline'><body>" + strings.Repeat("x", 30000) + "</body></message>"
	for i := 0; h.engine.Stats().Overflows == 0; i++ {
		alice.send(message).ask("here", "1")
		carol.ask("beside", "2")
		if alice.check(t); i > 5000 {
			t.Fatal("the queue has no limit")
		}
	}
	deaf.ends(stanza.StreamResourceConstraint).check(t)
	alice.send("<message to='carol@x'><body>still here</body></message>")
	carol.want("still here")
	alice.logout().check(t)
	carol.logout().check(t)
	h.empty(t)
}
