package c2s_test

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"roost/netio/netiotest"
	"roost/xmlstream"
	"roost/xmlstream/stanza"
)

const (
	header = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='x' version='1.0'>"
	footer = "</stream:stream>"
)

// client is the other end of a stream. The first error stays; check reports it. It may be used on
// any goroutine.
type client struct {
	net.Conn
	tok  xmlstream.Tokenizer
	buf  []byte
	used int
	err  error
}

func (h *house) dial() *client {
	conn, err := net.DialTimeout(h.addr.Network(), h.addr.String(), netiotest.Patience)
	c := &client{Conn: conn, err: err}
	if err == nil {
		conn.SetDeadline(time.Now().Add(netiotest.Patience))
		c.tok.Reset(nil)
	}
	return c
}

// check ends the test with the client's error.
func (c *client) check(t testing.TB) *client {
	t.Helper()
	if c.err != nil {
		t.Fatal(c.err)
	}
	return c
}

func (c *client) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

func (c *client) send(text string) *client {
	if c.err == nil {
		if _, err := io.WriteString(c.Conn, text); err != nil {
			c.fail("sending %.60s: %w", text, err)
		}
	}
	return c
}

// read gives the next event: an element as it came, "<stream>" or "</stream>".
func (c *client) read() (string, error) {
	for {
		ev, el, n, err := c.tok.Next(c.buf[c.used:])
		c.used += n
		switch {
		case err == nil && ev == xmlstream.Open:
			return "<stream>", nil
		case err == nil && ev == xmlstream.Close:
			return "</stream>", nil
		case err == nil:
			return string(el.Raw()), nil
		case err != xmlstream.ErrShort:
			return "", err
		}
		c.buf, c.used = append(c.buf[:0], c.buf[c.used:]...), 0
		more := make([]byte, 4096)
		n, err = c.Conn.Read(more)
		if n == 0 {
			return "", err
		}
		c.buf = append(c.buf, more[:n]...)
	}
}

func (c *client) next() string {
	if c.err != nil {
		return ""
	}
	s, err := c.read()
	if err != nil {
		c.fail("reading: %w", err)
	}
	return s
}

// want reads one event, which must hold part.
func (c *client) want(part string) string {
	got := c.next()
	if !strings.Contains(got, part) {
		c.fail("got %q, want %q", got, part)
	}
	return got
}

// open begins a stream and reads the features.
func (c *client) open() *client {
	c.tok.Reset(nil)
	c.send(header)
	c.want("<stream>")
	c.want("<stream:features>")
	return c
}

func plain(user, password string) string {
	return "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" +
		base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00"+password)) + "</auth>"
}

// auth logs in on an open stream and opens the next.
func (c *client) auth(user string) *client {
	c.send(plain(user, user))
	c.want("<success")
	return c.open()
}

func bind(resource string) string {
	return "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>" + resource + "</resource></bind></iq>"
}

func (c *client) bind(resource string) *client {
	c.send(bind(resource))
	c.want("<jid>")
	return c
}

// login goes the whole way.
func (c *client) login(user, resource string) *client { return c.open().auth(user).bind(resource) }

// online is login with initial presence, whose echo is read.
func (c *client) online(user, resource string) *client {
	c.login(user, resource).send("<presence/>")
	c.want("<presence from='" + user + "@x/" + resource + "'")
	return c
}

func (c *client) secure() *client {
	c.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
	c.want("<proceed")
	return c.handshake()
}

func (c *client) handshake() *client {
	if c.err == nil {
		conn := tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true})
		if err := conn.Handshake(); err != nil {
			c.fail("client's handshake: %w", err)
		}
		c.Conn = conn
		c.tok.Reset(nil)
	}
	return c
}

// ask sends a request that the server answers with an empty result, in turn.
func (c *client) ask(local, id string) *client {
	c.send("<iq type='get' id='" + id + "'><" + local + " xmlns='t'/></iq>")
	c.want("id='" + id + "'")
	return c
}

// ends reads the stream's last words, skipping what comes before: the condition of an error ("" for
// none), and nothing behind them.
func (c *client) ends(want stanza.StreamCondition) *client {
	var got string
	for c.err == nil && got != "</stream>" {
		got = c.next()
		if strings.HasPrefix(got, "<stream:error>") {
			if want == "" || !strings.Contains(got, condition(want)) {
				c.fail("the stream ends with %s, want %q", got, want)
			}
			want = ""
		}
	}
	if want != "" {
		c.fail("the stream ends without %s", want)
	}
	c.gone()
	return c
}

// gone reads the end of the connection.
func (c *client) gone() {
	if c.err != nil {
		return
	}
	if s, err := c.read(); !errors.Is(err, io.EOF) {
		c.fail("after the end of the stream: %q, %v", s, err)
	}
	c.Close()
}

// logout ends a stream in order.
func (c *client) logout() *client { return c.send(footer).ends("") }

// reset cuts the connection so that the server's system reports an error.
func (c *client) reset() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	c.Close()
}
