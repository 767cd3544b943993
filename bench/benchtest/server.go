// Package benchtest has a small XMPP server whose every fault is ordered and counted: the truth that the load tester's figures are held
// against in tests.
package benchtest

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/xmlstream"
	"roost/xmlstream/stanza"
)

// A Fault is what happens to one stanza.
type Fault uint8

// The faults.
const (
	Deliver   Fault = iota
	Lose            // it goes nowhere
	Duplicate       // it is delivered twice
	Swap            // it is delivered after the next one
	Corrupt         // a letter of its text is another
	Refuse          // it comes back with an error
)

// A Plan orders the faults of the n-th message or presence delivery, counted from 0 in the order in which the server reads them.
type Plan func(n int) Fault

// A Server is a running fake. Its counts may be read when nobody is under way.
type Server struct {
	Addr     string
	Delay    time.Duration // of every message
	Messages Plan          // nil: all are delivered
	Presence Plan          // likewise, for each receiver
	Mechs    []string      // PLAIN without any
	TLS      *tls.Config   // direct TLS

	mu     sync.Mutex // guards all below, and delivery: while it is held, the server stands still
	conns  map[string]*conn
	held   []byte // a message that is delivered after the next
	holder *conn
	nMsg   int
	nPres  int
	Counts [Refuse + 1]int // faults that were done, messages and presence
	Binds  int
	// Accounts that were made by XEP-0133: addresses and passwords.
	Accounts map[string]string
	ln       net.Listener
	wg       sync.WaitGroup
}

// Start listens on a free port of the loopback until the test ends. The fields are set by then.
func (s *Server) Start(t testing.TB) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Addr = ln.Addr().String()
	if s.TLS != nil {
		ln = tls.NewListener(ln, s.TLS)
	}
	s.ln, s.conns = ln, make(map[string]*conn)
	s.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			s.wg.Go(func() { s.serve(c) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		s.mu.Lock()
		for _, c := range s.conns {
			c.Close()
		}
		s.mu.Unlock()
		s.wg.Wait()
	})
}

// Pause stops the server for d: nobody gets anything.
func (s *Server) Pause(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	time.Sleep(d)
}

// Kick closes the connection of a full JID.
func (s *Server) Kick(full string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.conns[full]; c != nil {
		c.Close()
	}
}

type conn struct {
	net.Conn
	user, full string
	authed     bool
}

func (s *Server) serve(nc net.Conn) {
	c := &conn{Conn: nc}
	defer nc.Close()
	defer func() {
		s.mu.Lock()
		if s.conns[c.full] == c {
			delete(s.conns, c.full)
		}
		s.mu.Unlock()
	}()
	var tok xmlstream.Tokenizer
	var in []byte
	buf := make([]byte, 16<<10)
	for {
		n, err := nc.Read(buf)
		if err != nil {
			return
		}
		in = append(in, buf[:n]...)
		used := 0
		for {
			ev, el, k, err := tok.Next(in[used:])
			used += k
			if err == xmlstream.ErrShort {
				break
			}
			if err != nil {
				return
			}
			switch ev {
			case xmlstream.Open:
				s.open(c)
			case xmlstream.Close:
				s.write(c, "</stream:stream>")
				return
			default:
				if s.element(c, el) {
					tok.Reset(nil)
				}
			}
		}
		in = append(in[:0], in[used:]...)
	}
}

func (s *Server) write(c *conn, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = c.Write([]byte(text))
}

func (s *Server) open(c *conn) {
	features := "<bind xmlns='" + stanza.NSBind + "'/>"
	if !c.authed {
		mechs := s.Mechs
		if mechs == nil {
			mechs = []string{"PLAIN"}
		}
		features = "<mechanisms xmlns='" + stanza.NSSASL + "'><mechanism>" + strings.Join(mechs, "</mechanism><mechanism>") + "</mechanism></mechanisms>"
	}
	s.write(c, "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='x' from='localhost' version='1.0'><stream:features>"+
		features+"</stream:features>")
}

// element serves one element; true when a new stream begins.
func (s *Server) element(c *conn, el xmlstream.Element) bool {
	id, _ := el.Attr("id")
	switch string(el.Local()) {
	case "auth":
		b, _ := base64.StdEncoding.DecodeString(string(el.Inner()))
		if f := bytes.Split(b, []byte{0}); len(f) == 3 && string(f[2]) == "secret" {
			c.user, c.authed = string(f[1]), true
			s.write(c, "<success xmlns='"+stanza.NSSASL+"'/>")
			return true
		}
		s.write(c, "<failure xmlns='"+stanza.NSSASL+"'><not-authorized/></failure>")
	case "iq":
		s.iq(c, el, string(id))
	case "presence":
		s.presence(c, el)
	case "message":
		s.message(c, el)
	}
	return false
}

func (s *Server) iq(c *conn, el xmlstream.Element, id string) {
	body := ""
	if b := el.Child(stanza.NSBind, "bind"); !b.IsZero() {
		full := c.user + "@localhost/" + string(b.Child(stanza.NSBind, "resource").Inner())
		s.mu.Lock()
		c.full = full
		s.conns[full] = c
		s.Binds++
		s.mu.Unlock()
		body = "<bind xmlns='" + stanza.NSBind + "'><jid>" + full + "</jid></bind>"
	}
	if !el.Child(stanza.NSRoster, "query").IsZero() {
		body = "<query xmlns='" + stanza.NSRoster + "'/>"
	}
	if cmd := el.Child("http://jabber.org/protocol/commands", "command"); !cmd.IsZero() {
		body = s.command(cmd)
	}
	s.write(c, "<iq type='result' id='"+id+"'>"+body+"</iq>")
}

// command is XEP-0133's for adding users: the call is answered with a session, the form makes an account, once.
func (s *Server) command(cmd xmlstream.Element) string {
	status, note := "executing", ""
	if form := cmd.Child("jabber:x:data", "x"); !form.IsZero() {
		status = "completed"
		var account, password string
		for f := range form.Children() {
			switch v, _ := f.Attr("var"); string(v) {
			case "accountjid":
				account = string(f.First().Inner())
			case "password":
				password = string(f.First().Inner())
			}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.Accounts == nil {
			s.Accounts = make(map[string]string)
		}
		if _, ok := s.Accounts[account]; ok {
			note = "<note type='error'>it exists</note>"
		}
		s.Accounts[account] = password
	}
	return "<command xmlns='http://jabber.org/protocol/commands' sessionid='s&amp;1' status='" + status + "'>" + note + "</command>"
}

// presence goes to everybody, as if all were friends, and back to its sender.
func (s *Server) presence(c *conn, el xmlstream.Element) {
	if typ, ok := el.Attr("type"); ok {
		s.subscription(c, el, typ)
		return
	}
	out := fmt.Appendf(nil, "<presence from='%s'>%s</presence>", c.full, el.Inner())
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(el.Inner()) == 0 { // initial presence: only to himself, so that nothing is delivered that nobody counts
		_, _ = c.Write(out)
		return
	}
	for _, o := range s.conns {
		if o == c {
			continue
		}
		f := Deliver
		if s.Presence != nil {
			f = s.Presence(s.nPres)
		}
		s.nPres++
		s.Counts[f]++
		s.do(o, f, out)
	}
}

// subscription takes a subscription stanza to the sessions of its receiver; no roster is kept.
func (s *Server) subscription(c *conn, el xmlstream.Element, typ []byte) {
	to, _ := el.Attr("to")
	s.mu.Lock()
	defer s.mu.Unlock()
	for full, o := range s.conns {
		if bare, _, _ := strings.Cut(full, "/"); bare == string(to) {
			fmt.Fprintf(o, "<presence from='%s@localhost' to='%s' type='%s'/>", c.user, to, typ)
		}
	}
}

func (s *Server) message(c *conn, el xmlstream.Element) {
	to, _ := el.Attr("to")
	id, _ := el.Attr("id")
	out := fmt.Appendf(nil, "<message from='%s' to='%s' id='%s' type='chat'>%s</message>", c.full, to, id, el.Inner())
	receiver, name := string(to), string(id) // copies: el is borrowed
	if s.Delay > 0 {
		time.AfterFunc(s.Delay, func() { s.forward(c, receiver, name, out) })
		return
	}
	s.forward(c, receiver, name, out)
}

func (s *Server) forward(c *conn, to, id string, out []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.conns[to]
	f := Deliver
	if s.Messages != nil {
		f = s.Messages(s.nMsg)
	}
	s.nMsg++
	if o == nil {
		return // off line: stored for ever
	}
	s.Counts[f]++
	if f == Refuse {
		fmt.Fprintf(c, "<message from='%s' id='%s' type='error'><error type='cancel'><service-unavailable xmlns='%s'/></error></message>", to, id, stanza.NSStanzas)
		return
	}
	s.do(o, f, out)
}

// do delivers out to o with a fault. s.mu is held.
func (s *Server) do(o *conn, f Fault, out []byte) {
	switch f {
	case Lose:
		return
	case Swap:
		s.held, s.holder = out, o
		return
	case Corrupt:
		// A letter behind the stamp's first ones, in the text or in the numbers.
		at := bytes.Index(out, []byte("</")) - 1
		out[at] ^= 1
	}
	_, _ = o.Write(out)
	if f == Duplicate {
		_, _ = o.Write(out)
	}
	if s.held != nil && s.holder == o {
		_, _ = o.Write(s.held)
		s.held = nil
	}
}
