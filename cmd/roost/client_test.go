package main

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// patience bounds every wait of these tests; a machine that is slow has it all.
const patience = 60 * time.Second

// errAgain says that something has not happened yet.
var errAgain = errors.New("not yet")

// until calls fn till it no longer gives errAgain.
func (p *place) until(fn func() error) {
	p.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		err := fn()
		if err == nil {
			return
		}
		if !errors.Is(err, errAgain) || time.Now().After(end) {
			p.t.Fatal(err)
		}
	}
}

// client is a connection to a server, read as text.
type client struct {
	t    testing.TB
	conn net.Conn
	to   string // domain; localhost when empty
	buf  []byte // what came and was not looked at
}

func dial(t testing.TB, addr string) *client {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return &client{t: t, conn: conn}
}

// addrOnly is a server of which only the address is known.
type addrOnly struct{ at string }

// login binds user/resource with the password "secret"; user without a domain is of localhost.
func (s *Server) login(t testing.TB, user, resource string) *client {
	t.Helper()
	return (&addrOnly{s.addr()}).login(t, user, resource)
}

func (a *addrOnly) login(t testing.TB, user, resource string) *client {
	t.Helper()
	c := dial(t, a.at)
	user, c.to, _ = strings.Cut(user, "@")
	c.header()
	c.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" +
		base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00secret")) + "</auth>")
	c.until("<success ")
	c.until(">")
	c.header()
	c.send("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>" + resource + "</resource></bind></iq>")
	c.until("</iq>")
	return c
}

// online asks for the roster, and is available.
func (s *Server) online(t testing.TB, user, resource string) *client {
	t.Helper()
	c := s.login(t, user, resource)
	c.send("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>")
	c.until("id='roster'")
	c.until(">")
	c.send("<presence/>")
	c.until("<presence ")
	c.until("/>")
	return c
}

func (c *client) header() {
	c.t.Helper()
	c.send("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='" +
		cmp.Or(c.to, "localhost") + "' version='1.0'>")
	c.until("</stream:features>")
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Fatal(err)
	}
}

// until reads up to and including what, and gives it all.
func (c *client) until(what string) string {
	c.t.Helper()
	for {
		if i := strings.Index(string(c.buf), what); i >= 0 {
			got := string(c.buf[:i+len(what)])
			c.buf = c.buf[i+len(what):]
			return got
		}
		if err := c.more(); err != nil {
			c.t.Fatalf("waiting for %s: %v; got %s", what, err, c.buf)
		}
	}
}

// rest reads to the end of the connection, and ends it from this side, as a client does.
func (c *client) rest() string {
	c.t.Helper()
	for {
		if err := c.more(); err != nil {
			if !errors.Is(err, io.EOF) {
				c.t.Fatalf("%v; got %s", err, c.buf)
			}
			c.conn.Close()
			return string(c.buf)
		}
	}
}

func (c *client) more() error {
	var b [4096]byte
	n, err := c.conn.Read(b[:])
	c.buf = append(c.buf, b[:n]...)
	if n > 0 {
		return nil
	}
	return err
}

// ping proves that all that was sent before is handled, and gives what came meanwhile.
func (c *client) ping() string {
	c.t.Helper()
	id := fmt.Sprintf("p%d", time.Now().UnixNano())
	c.send("<iq type='get' id='" + id + "' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
	got := c.until("id='" + id + "'")
	c.until(">")
	return got
}
