package prepare

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"roost/xmlstream"
	"roost/xmlstream/stanza"
)

// An Admin is an account that may make others by XEP-0133, and where it logs in.
type Admin struct {
	Addr     string // host:port
	StartTLS bool   // before the password is sent; certificates are not looked at, as these are test accounts
	User     string // local part, in the society's domain
	Password string
}

const (
	nsCommands = "http://jabber.org/protocol/commands"
	nsAddUser  = "http://jabber.org/protocol/admin#add-user"
	nsAdmin    = "http://jabber.org/protocol/admin"
	nsData     = "jabber:x:data"
	adminWait  = 30 * time.Second // for any one answer
)

// AddUsers makes all accounts of s, one after the other, by XEP-0133 §4.1; step is told how many there are. Servers say in different
// ways that an account exists, so that the first error ends it.
func (a *Admin) AddUsers(ctx context.Context, s *Society, step func(n int)) error {
	d := net.Dialer{Timeout: adminWait}
	nc, err := d.DialContext(ctx, "tcp", a.Addr)
	if err != nil {
		return err
	}
	c := &client{Conn: nc, domain: s.Names.Domain, buf: make([]byte, 64<<10)}
	defer func() { c.Close() }()
	stop := context.AfterFunc(ctx, func() { nc.Close() })
	defer stop()
	if err := c.login(a); err != nil {
		return fmt.Errorf("admin %s: %w", a.User, err)
	}
	for u := range s.Graph.Users {
		if err := c.addUser(u, s.Names.Bare(u), s.Names.PasswordOf(u)); err != nil {
			return errors.Join(ctx.Err(), fmt.Errorf("account %s: %w", s.Names.Bare(u), err))
		}
		step(u + 1)
	}
	return nil
}

// client is a stream that waits for each answer.
type client struct {
	net.Conn
	domain string
	tok    xmlstream.Tokenizer
	buf    []byte // room to read into
	in     []byte // what is not used; the last element is a view of what was in front
}

// next returns the next element of the stream, a view until the next call.
func (c *client) next() (xmlstream.Element, error) {
	if err := c.SetDeadline(time.Now().Add(adminWait)); err != nil {
		return xmlstream.Element{}, err
	}
	for {
		ev, el, n, err := c.tok.Next(c.in)
		c.in = c.in[n:]
		switch {
		case err == xmlstream.ErrShort:
			n, err := c.Read(c.buf)
			if err != nil {
				return xmlstream.Element{}, err
			}
			c.in = append(append([]byte(nil), c.in...), c.buf[:n]...)
		case err != nil:
			return xmlstream.Element{}, err
		case ev == xmlstream.Close:
			return xmlstream.Element{}, errors.New("the server closed the stream")
		case ev == xmlstream.Complete && el.Is(stanza.NSStream, "error"):
			return xmlstream.Element{}, fmt.Errorf("stream error %s", el.First().Local())
		case ev == xmlstream.Complete:
			return el, nil
		}
	}
}

func (c *client) say(format string, args ...any) error {
	_, err := fmt.Fprintf(c, format, args...)
	return err
}

// begin opens a stream and returns its features.
func (c *client) begin() (xmlstream.Element, error) {
	c.tok.Reset(nil)
	c.in = nil
	if err := c.say("<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='%s' version='1.0' to='%s'>", stanza.NSStream, c.domain); err != nil {
		return xmlstream.Element{}, err
	}
	return c.next()
}

// expect returns the next element if it has that name; a SASL failure says why.
func (c *client) expect(space, local string) error {
	el, err := c.next()
	if err == nil && !el.Is(space, local) {
		err = fmt.Errorf("the server answers <%s/> %s", el.Local(), el.First().Local())
	}
	return err
}

// login logs in by PLAIN and binds a resource.
func (c *client) login(a *Admin) error {
	features, err := c.begin()
	if err != nil {
		return err
	}
	if a.StartTLS {
		if err := c.say("<starttls xmlns='%s'/>", stanza.NSTLS); err != nil {
			return err
		}
		if err := c.expect(stanza.NSTLS, "proceed"); err != nil {
			return err
		}
		c.Conn = tls.Client(c.Conn, &tls.Config{ServerName: c.domain, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12})
		if features, err = c.begin(); err != nil {
			return err
		}
	}
	if !strings.Contains(string(features.Raw()), ">PLAIN<") {
		return errors.New("the server does not offer PLAIN here")
	}
	secret := base64.StdEncoding.EncodeToString([]byte("\x00" + a.User + "\x00" + a.Password))
	if err := c.say("<auth xmlns='%s' mechanism='PLAIN'>%s</auth>", stanza.NSSASL, secret); err != nil {
		return err
	}
	if err := c.expect(stanza.NSSASL, "success"); err != nil {
		return err
	}
	if _, err := c.begin(); err != nil {
		return err
	}
	_, err = c.ask("bind", "<iq type='set' id='bind'><bind xmlns='"+stanza.NSBind+"'/></iq>")
	return err
}

// ask sends a request and returns the result; other stanzas that come before it are passed over.
func (c *client) ask(id, iq string) (xmlstream.Element, error) {
	if err := c.say("%s", iq); err != nil {
		return xmlstream.Element{}, err
	}
	for {
		el, err := c.next()
		if err != nil {
			return el, err
		}
		if got, _ := el.Attr("id"); string(el.Local()) != "iq" || string(got) != id {
			continue
		}
		if typ, _ := el.Attr("type"); string(typ) != "result" {
			return el, fmt.Errorf("the server answers %s", el.Child(stanza.NSClient, "error").First().Local())
		}
		return el, nil
	}
}

// addUser runs the command: it is called, and its form is sent back filled in.
func (c *client) addUser(n int, jid, password string) error {
	id := fmt.Sprintf("add%d", n)
	el, err := c.ask(id, fmt.Sprintf("<iq type='set' id='%s' to='%s'><command xmlns='%s' node='%s' action='execute'/></iq>", id, c.domain, nsCommands, nsAddUser))
	if err != nil {
		return err
	}
	session, _ := el.Child(nsCommands, "command").Attr("sessionid")
	b := fmt.Appendf(nil, "<iq type='set' id='%s-form' to='%s'><command xmlns='%s' node='%s'", id, c.domain, nsCommands, nsAddUser)
	b = xmlstream.AppendAttr(b, "sessionid", session)
	b = fmt.Appendf(b, "><x xmlns='%s' type='submit'><field type='hidden' var='FORM_TYPE'><value>%s</value></field>", nsData, nsAdmin)
	for _, f := range [][2]string{{"accountjid", jid}, {"password", password}, {"password-verify", password}} {
		b = fmt.Appendf(b, "<field var='%s'><value>", f[0])
		b = append(xmlstream.AppendText(b, f[1]), "</value></field>"...)
	}
	el, err = c.ask(id+"-form", string(append(b, "</x></command></iq>"...)))
	if err != nil {
		return err
	}
	command := el.Child(nsCommands, "command")
	note := command.Child(nsCommands, "note")
	typ, _ := note.Attr("type")
	if status, _ := command.Attr("status"); string(status) != "completed" || string(typ) == "error" {
		return fmt.Errorf("the command ends as %q: %s", status, note.Inner())
	}
	return nil
}
