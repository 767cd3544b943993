package main

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
	"time"
)

// attack is one way of abusing a server, by several clients at once.
type attack struct {
	name    string
	workers int
	// once is what one client does, from connecting to the end; it is done again until ctx ends. Errors are what
	// the server's defence looks like, and count for nothing.
	once func(f *fiend) error
}

// attacks are all that TestAttack knows. What no client of Go's can do is done to netio alone: renegotiation
// (TestRenegotiationRefused), floods of key updates (TestKeyUpdateFlood) and of empty records, hang-ups at every
// moment (TestAbuse).
var attacks = []attack{
	{"slow headers", 40, (*fiend).slowHeader},
	{"half-open sockets", 40, (*fiend).halfOpen},
	{"connections", 4, (*fiend).connect},
	{"logins", 4, (*fiend).guess},
	{"giant header", 2, (*fiend).giantHeader},
	{"giant stanzas", 2, (*fiend).giant},
	{"deep stanzas", 2, (*fiend).deep},
	{"entity bombs", 2, (*fiend).entities},
	{"a byte at a time", 10, (*fiend).dribble},
	{"never reads", 2, (*fiend).deaf},
	{"a flood of stanzas", 2, (*fiend).pour},
	{"TLS handshakes", 2, (*fiend).handshakes},
	{"half a TLS handshake", 10, (*fiend).halfHandshake},
	{"TLS 1.2 hello again", 2, (*fiend).helloAgain},
	{"tiny TLS records", 2, (*fiend).tinyRecords},
}

// fiend is a client with bad intentions.
type fiend struct {
	ctx           context.Context
	clear, direct string // addresses of the server
	user          string // whose password is the name
	hits          *atomic.Int64
	net.Conn
}

// run does a's worst until ctx ends.
func (f fiend) run(a attack) {
	for f.ctx.Err() == nil {
		func() {
			defer func() {
				if f.Conn != nil {
					f.Conn.Close()
				}
			}()
			a.once(&f)
		}()
		f.hits.Add(1)
		f.pause(3 * time.Millisecond) // the attackers have the server's processors
	}
}

// pause waits, and says whether to go on.
func (f *fiend) pause(d time.Duration) bool {
	select {
	case <-f.ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// dial connects from one of many addresses.
func (f *fiend) dial(addr string) error {
	from := net.IPv4(127, 66, byte(rand.IntN(16)), byte(1+rand.IntN(250)))
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}, Timeout: 2 * time.Second}
	c, err := d.DialContext(f.ctx, "tcp", addr)
	if err != nil {
		return err
	}
	f.Conn = c
	c.(*net.TCPConn).SetLinger(0) // no TIME_WAIT
	return c.SetDeadline(time.Now().Add(5 * time.Second))
}

func (f *fiend) say(text string) error {
	_, err := io.WriteString(f.Conn, text)
	return err
}

const fiendHeader = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>"

func (f *fiend) open() error {
	if err := f.dial(f.clear); err != nil {
		return err
	}
	return exchange(f.Conn, fiendHeader, "</stream:features>")
}

func fiendAuth(user, password string) string {
	return "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" +
		base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00"+password)) + "</auth>"
}

func (f *fiend) login() error {
	if err := f.open(); err != nil {
		return err
	}
	for _, step := range [][2]string{{fiendAuth(f.user, f.user), ">"}, {fiendHeader, "</stream:features>"},
		{"<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>", "</iq>"}} {
		if err := exchange(f.Conn, step[0], step[1]); err != nil {
			return err
		}
	}
	return nil
}

// rest reads to the end.
func (f *fiend) rest() error {
	_, err := io.Copy(io.Discard, f.Conn)
	return err
}

func (f *fiend) bytewise(text string, every time.Duration) error {
	for i := range len(text) {
		if err := f.say(text[i : i+1]); err != nil {
			return err
		}
		if !f.pause(every) {
			break
		}
	}
	return nil
}

func (f *fiend) slowHeader() error {
	if err := f.dial(f.clear); err != nil {
		return err
	}
	return f.bytewise("<?xml version='1.0'?>"+strings.Repeat(" ", 1000)+fiendHeader, 20*time.Millisecond)
}

func (f *fiend) halfOpen() error {
	if err := f.dial(f.clear); err != nil {
		return err
	}
	if rand.IntN(2) == 0 {
		f.Conn.(*net.TCPConn).CloseWrite()
	}
	return f.rest()
}

func (f *fiend) connect() error { return f.dial(f.clear) }

func (f *fiend) guess() error {
	if err := f.open(); err != nil {
		return err
	}
	for i := range 10 {
		if err := exchange(f.Conn, fiendAuth(fmt.Sprintf("chat%d", rand.IntN(20)), fmt.Sprint(i)), "</failure>"); err != nil {
			return err
		}
	}
	return nil
}

func (f *fiend) giantHeader() error {
	if err := f.dial(f.clear); err != nil {
		return err
	}
	f.say("<stream:stream x='" + strings.Repeat("y", 1<<20))
	return f.rest()
}

func (f *fiend) giant() error {
	if err := f.login(); err != nil {
		return err
	}
	f.say("<message to='" + f.user + "@localhost'><body>" + strings.Repeat("z", 4<<20))
	return f.rest()
}

func (f *fiend) deep() error {
	if err := f.login(); err != nil {
		return err
	}
	f.say("<message>" + strings.Repeat("<a>", 80000))
	return f.rest()
}

func (f *fiend) entities() error {
	if err := f.dial(f.clear); err != nil {
		return err
	}
	var bomb strings.Builder
	bomb.WriteString("<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY l0 'lol'>")
	for i := range 9 {
		fmt.Fprintf(&bomb, "<!ENTITY l%d '%s'>", i+1, strings.Repeat(fmt.Sprintf("&l%d;", i), 10))
	}
	f.say(bomb.String() + "]>" + fiendHeader + "&l9;")
	return f.rest()
}

func (f *fiend) dribble() error {
	if err := f.login(); err != nil {
		return err
	}
	return f.bytewise("<message to='nobody@localhost' type='headline'><body>"+strings.Repeat("x", 200)+"</body></message>", 2*time.Millisecond)
}

func (f *fiend) deaf() error {
	if err := f.login(); err != nil {
		return err
	}
	const ping = "<iq type='get' id='1' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"
	for f.ctx.Err() == nil {
		if err := f.say(strings.Repeat(ping, 200)); err != nil {
			return err
		}
	}
	return nil
}

func (f *fiend) pour() error {
	if err := f.login(); err != nil {
		return err
	}
	go io.Copy(io.Discard, f.Conn)
	const message = "<message to='nobody@localhost' type='headline'><body>x</body></message>"
	for f.ctx.Err() == nil {
		if err := f.say(strings.Repeat(message, 200)); err != nil {
			return err
		}
	}
	return nil
}

// secure shakes hands on the socket that begins with TLS.
func (f *fiend) secure(cfg *tls.Config) (*tls.Conn, error) {
	if err := f.dial(f.direct); err != nil {
		return nil, err
	}
	cfg.InsecureSkipVerify = true
	cfg.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
	c := tls.Client(f.Conn, cfg)
	return c, c.Handshake()
}

func (f *fiend) handshakes() error {
	_, err := f.secure(&tls.Config{})
	return err
}

// firstWrite keeps the first bytes that are written, which are the ClientHello.
type firstWrite struct {
	net.Conn
	hello []byte
}

func (w *firstWrite) Write(b []byte) (int, error) {
	if w.hello == nil {
		w.hello = append(w.hello, b...)
	}
	return w.Conn.Write(b)
}

func (f *fiend) halfHandshake() error {
	if err := f.dial(f.direct); err != nil {
		return err
	}
	c := tls.Client(halfWrite{f.Conn}, &tls.Config{InsecureSkipVerify: true})
	return c.Handshake()
}

// halfWrite says half of what it should.
type halfWrite struct{ net.Conn }

func (w halfWrite) Write(b []byte) (int, error) {
	_, err := w.Conn.Write(b[:len(b)/2])
	return len(b), err
}

// helloAgain begins a handshake in the middle of a connection of TLS 1.2.
func (f *fiend) helloAgain() error {
	if err := f.dial(f.direct); err != nil {
		return err
	}
	w := &firstWrite{Conn: f.Conn}
	c := tls.Client(w, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12})
	if err := c.Handshake(); err != nil {
		return err
	}
	if err := exchange(c, fiendHeader, "</stream:features>"); err != nil {
		return err
	}
	f.Conn.Write(w.hello)
	return f.rest()
}

func (f *fiend) tinyRecords() error {
	c, err := f.secure(&tls.Config{})
	if err != nil {
		return err
	}
	if err := exchange(c, fiendHeader, "</stream:features>"); err != nil {
		return err
	}
	for range 20000 {
		if _, err := c.Write([]byte(" ")); err != nil || f.ctx.Err() != nil {
			return err
		}
	}
	return nil
}
