package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// client is an XMPP client: it logs in, asks for its roster, is available, and shows what it is told.
type client struct {
	name, addr string
	board      *board

	conn net.Conn
	in   *xml.Decoder
}

// stay keeps the client logged in.
func (c *client) stay(ctx context.Context) {
	for ctx.Err() == nil {
		err := c.live(ctx)
		c.show(func(s *screen) {
			s.JID, s.Roster, s.here = "", map[string]*item{}, map[string]bool{}
			s.note("login", "off line: %v", err)
		})
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (c *client) show(fn func(*screen)) { c.board.update(func(s *state) { fn(s.Clients[c.name]) }) }

// live is one connection.
func (c *client) live(ctx context.Context) (err error) {
	if c.conn, err = net.DialTimeout("tcp", c.addr, 5*time.Second); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { c.conn.Close() })()
	defer c.conn.Close()
	buf := bufio.NewReader(c.conn) // one for all streams: the decoder takes no byte too many
	if err := c.login(buf); err != nil {
		return fmt.Errorf("login: %w", err)
	}
	fmt.Fprint(c.conn, "<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq><presence/>")
	for {
		st, err := c.next()
		if err != nil {
			return err
		}
		c.take(st)
	}
}

// stanza is as much of what comes as this client understands.
type stanza struct {
	XMLName xml.Name
	Type    string    `xml:"type,attr"`
	ID      string    `xml:"id,attr"`
	From    string    `xml:"from,attr"`
	JID     string    `xml:"urn:ietf:params:xml:ns:xmpp-bind bind>jid"`
	Ping    *struct{} `xml:"urn:xmpp:ping ping"`
	Query   *struct {
		Items []struct {
			JID          string   `xml:"jid,attr"`
			Name         string   `xml:"name,attr"`
			Subscription string   `xml:"subscription,attr"`
			Groups       []string `xml:"group"`
		} `xml:"item"`
	} `xml:"jabber:iq:roster query"`
}

// login goes from the first stream header to the bound resource (RFC 6120 §4 to §7), over loopback and
// therefore without TLS.
func (c *client) login(buf *bufio.Reader) error {
	secret := base64.StdEncoding.EncodeToString([]byte("\x00" + c.name + "\x00" + password))
	c.open(buf)
	fmt.Fprintf(c.conn, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>%s</auth>", secret)
	if err := c.expect("features", "success"); err != nil {
		return err
	}
	c.open(buf)
	fmt.Fprint(c.conn, "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>demo</resource></bind></iq>")
	if err := c.expect("features"); err != nil {
		return err
	}
	bound, err := c.next()
	if err == nil && bound.JID == "" {
		err = errors.New("no resource was bound")
	}
	c.show(func(s *screen) {
		s.JID = bound.JID
		s.note("login", "logged in as %s", bound.JID)
	})
	return err
}

func (c *client) open(buf *bufio.Reader) {
	c.in = xml.NewDecoder(buf)
	fmt.Fprintf(c.conn, "<stream:stream to='%s' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>", domain)
}

func (c *client) expect(names ...string) error {
	for _, name := range names {
		if st, err := c.next(); err != nil || st.XMLName.Local != name {
			return errors.Join(err, fmt.Errorf("%s came instead of %s", st.XMLName.Local, name))
		}
	}
	return nil
}

// next reads the next child of the stream.
func (c *client) next() (st stanza, err error) {
	for {
		tok, err := c.in.Token()
		if err != nil {
			return st, err
		}
		switch t := tok.(type) {
		case xml.EndElement:
			return st, io.EOF // </stream:stream>
		case xml.StartElement:
			if t.Name.Local == "stream" {
				continue
			}
			return st, c.in.DecodeElement(&st, &t)
		}
	}
}

// take shows a stanza, and answers what wants an answer.
func (c *client) take(st stanza) {
	switch {
	case st.XMLName.Local == "presence":
		c.presence(st)
	case st.Query != nil:
		c.roster(st)
	}
	if st.XMLName.Local == "iq" && (st.Type == "set" && st.Query != nil || st.Type == "get" && st.Ping != nil) {
		fmt.Fprintf(c.conn, "<iq type='result' id='%s'/>", escape(st.ID))
	}
}

// roster takes the whole roster, or a push of one item (RFC 6121 §2.1.6).
func (c *client) roster(st stanza) {
	c.show(func(s *screen) {
		for _, it := range st.Query.Items {
			switch {
			case it.Subscription == "remove":
				delete(s.Roster, it.JID)
				s.note("push", "roster push: %s removed", it.JID)
				continue
			case st.Type == "set":
				s.note("push", "roster push: %s, subscription %s", it.JID, it.Subscription)
			}
			s.Roster[it.JID] = &item{it.Name, it.Subscription, it.Groups, s.here[it.JID]}
		}
	})
}

// presence takes that of a contact.
func (c *client) presence(st stanza) {
	bare, _, _ := strings.Cut(st.From, "/")
	if bare == c.name+"@"+domain || st.Type != "" && st.Type != "unavailable" {
		return
	}
	c.show(func(s *screen) {
		word := map[string]string{"": "available", "unavailable": "unavailable"}[st.Type]
		s.note("presence", "presence: %s is %s", bare, word)
		s.here[bare] = st.Type == "" // it may come before the push
		if it := s.Roster[bare]; it != nil {
			it.Available = s.here[bare]
		}
	})
}

func escape(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s))
	return b.String()
}
