package c2s_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"roost/netio"
	"roost/router/c2s"
	"roost/tlsconf"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

const saslNS = " xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"

// TestSASL: what a client may send about authentication, and each answer. None of it ends the stream.
func TestSASL(t *testing.T) {
	const begin = "<auth" + saslNS + " mechanism='PLAIN'/>"
	cases := []struct {
		name, send string
		want       []string
	}{
		{"right", plain("alice", "alice"), []string{"<success"}},
		{"in two steps", begin + "<response" + saslNS + ">AGFsaWNlAGFsaWNl</response>", []string{"<challenge", "<success"}},
		{"wrong password", plain("alice", "bob"), []string{"<not-authorized/>"}},
		{"no such user", plain("dave", "dave"), []string{"<not-authorized/>"}}, // the store knows, the server does not
		{"empty initial response", "<auth" + saslNS + " mechanism='PLAIN'>=</auth>", []string{"<malformed-request/>"}},
		{"empty response", begin + "<response" + saslNS + "/>", []string{"<challenge", "<malformed-request/>"}},
		{"not base64", "<auth" + saslNS + " mechanism='PLAIN'>!!!</auth>", []string{"<incorrect-encoding/>"}},
		{"a line end in base64", "<auth" + saslNS + " mechanism='PLAIN'>AGFsaWNl\nAGFsaWNl</auth>", []string{"<incorrect-encoding/>"}},
		{"bits behind base64", "<auth" + saslNS + " mechanism='PLAIN'>AB==</auth>", []string{"<incorrect-encoding/>"}},
		{"an element in base64", "<auth" + saslNS + " mechanism='PLAIN'>AGFsaWNl<x/></auth>", []string{"<incorrect-encoding/>"}},
		{"not base64 in response", begin + "<response" + saslNS + ">!</response>", []string{"<challenge", "<incorrect-encoding/>"}},
		{"no mechanism", "<auth" + saslNS + "/>", []string{"<invalid-mechanism/>"}},
		{"abort", begin + "<abort" + saslNS + "/>", []string{"<challenge", "<aborted/>"}},
		{"auth in exchange", begin + begin, []string{"<challenge", "<malformed-request/>"}},
		{"response without exchange", "<response" + saslNS + "/>", []string{"<malformed-request/>"}},
		{"another identity", "<auth" + saslNS + " mechanism='PLAIN'>Ym9iQHgAYWxpY2UAYWxpY2U=</auth>", []string{"<invalid-authzid/>"}},
	}
	for _, cut := range cuts {
		h := newHouse(t, options{net: netio.Config{ReadBuffer: cut}})
		for _, k := range cases {
			c := h.dial().open().send(k.send)
			for _, w := range k.want {
				c.want(w)
			}
			if !strings.Contains(k.want[len(k.want)-1], "success") {
				c.auth("alice")
			}
			if c.Close(); c.err != nil {
				t.Errorf("%s, cut %d: %v", k.name, cut, c.err)
			}
		}
		h.empty(t)
	}
}

// broken is a store that fails, one way or another.
type broken struct{ passwords }

func (broken) Verify(context.Context, string, string, string) error {
	return errors.New("the disk is on fire")
}

func (broken) Exists(jid.JID) (bool, error) { return false, errors.New("the disk is on fire") }

type panics struct{ passwords }

func (panics) Verify(context.Context, string, string, string) error { panic("a fault of ours") }

// TestStoreFails: neither a store that fails nor one that panics lets anybody in, or tells why.
func TestStoreFails(t *testing.T) {
	h := newHouse(t, options{cfg: func(c *c2s.Config) { c.Store = broken{} }})
	c := h.dial().open().send(plain("alice", "alice"))
	if got := c.want("<temporary-auth-failure/>"); strings.Contains(got, "fire") {
		t.Errorf("the client is told: %s", got)
	}
	c.check(t).Close()

	h = newHouse(t, options{srv: func(s *c2s.Server) { s.Accounts = broken{} }})
	c = h.dial().open().send(plain("alice", "alice"))
	c.want("<temporary-auth-failure/>")
	c.check(t).Close()

	h = newHouse(t, options{cfg: func(c *c2s.Config) { c.Store = panics{} }})
	h.dial().open().send(plain("alice", "alice")).ends(stanza.StreamInternalServerError).check(t)

	h = newHouse(t, options{cfg: func(c *c2s.Config) { c.Store = nil }})
	c = h.dial().send(header)
	c.want("<stream>")
	if got := c.want("<stream:features>"); strings.Contains(got, "mechanisms") {
		t.Errorf("no mechanism is offered: %s", got)
	}
	c.check(t).Close()
}

// TestBind: which resource a client gets, and what it may not have.
func TestBind(t *testing.T) {
	h := newHouse(t, options{})
	const ask = "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'"
	one, two := h.dial().open().auth("alice"), h.dial().open().auth("alice")
	a := one.send(ask + "/></iq>").want("<jid>alice@x/")
	b := two.send(ask + "><resource/></bind></iq>").want("<jid>alice@x/")
	if a == b {
		t.Errorf("two streams have one resource: %s", a)
	}
	one.logout().check(t)
	two.logout().check(t)

	c := h.dial().open().auth("alice").send(bind(strings.Repeat("x", 2000)))
	c.want("<bad-request")
	c.bind("a").check(t).logout()

	h.dial().open().auth("alice").send("<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><x xmlns='t'/></iq>").
		ends(stanza.StreamNotAuthorized).check(t)
	h.empty(t)
}

// registrar takes everybody in.
type registrar struct{}

func (registrar) StreamFeature(domain string) string { return "<register xmlns='for-" + domain + "'/>" }

func (registrar) IsRequest(st *stanza.Stanza) bool {
	return st.Kind == stanza.IQ && st.Bad == nil && string(st.Payload().Space()) == "jabber:iq:register"
}

func (registrar) Handle(domain string, peer netip.Addr, st *stanza.Stanza) ([]byte, bool) {
	return []byte("<iq type='result' id='" + string(st.ID) + "' from='" + domain + "' to='" + peer.String() + "'/>"), true
}

// TestRegister: a stranger may ask for an account where that is offered, and for nothing else.
func TestRegister(t *testing.T) {
	h := newHouse(t, options{tls: true, srv: func(s *c2s.Server) { s.Registrar = registrar{} }, cfg: func(c *c2s.Config) { c.RequireTLS = true }})
	const request = "<iq type='get' id='reg'><query xmlns='jabber:iq:register'/></iq>"
	h.dial().open().send(request).ends(stanza.StreamNotAuthorized).check(t) // not in plain text
	c := h.dial().open().secure().send(header)
	c.want("<stream>")
	c.want("<register xmlns='for-x'/>")
	c.send(request + request)
	for range 2 {
		c.want("id='reg' from='x' to='127.0.0.1'")
	}
	c.send("<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>").ends(stanza.StreamNotAuthorized).check(t)
	h.empty(t)
}

// TestExternal: a client's certificate that verifies logs its address in; another is as good as none.
func TestExternal(t *testing.T) {
	known, ca := clientCert(t, "alice@x")
	stranger, _ := clientCert(t, "alice@x")
	dir := t.TempDir()
	cert, key, _, err := tlsconf.SelfSigned(dir, []string{"x"})
	if err != nil {
		t.Fatal(err)
	}
	cas := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(cas, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	server, err := tlsconf.Load(tlsconf.Options{Certificate: cert, Key: key, ClientCA: cas, VerifyMode: "optional"})
	if err != nil {
		t.Fatal(err)
	}
	for _, cut := range cuts {
		h := newHouse(t, options{net: netio.Config{ReadBuffer: cut}, cfg: func(c *c2s.Config) { c.TLS, c.Direct = server, true }})
		for _, k := range []struct {
			name string
			cert tls.Certificate
			want string
		}{{"known", known, "<success"}, {"stranger", stranger, "<invalid-mechanism/>"}} {
			c := h.dial().check(t)
			c.Conn = tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{k.cert}})
			c.send(header + "<auth" + saslNS + " mechanism='EXTERNAL'>=</auth>")
			c.want("<stream>")
			if got := c.next(); strings.Contains(got, "EXTERNAL") != (k.name == "known") {
				t.Errorf("%s is offered %s", k.name, got)
			}
			c.want(k.want)
			if c.Close(); c.err != nil {
				t.Errorf("%s, cut %d: %v", k.name, cut, c.err)
			}
		}
		h.empty(t)
	}
}

// clientCert makes a certificate with an id-on-xmppAddr (RFC 6120 §13.7.1.4), signed by itself.
func clientCert(t *testing.T, addr string) (tls.Certificate, []byte) {
	t.Helper()
	der := func(v any, params string) []byte {
		b, err := asn1.MarshalWithParams(v, params)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	tagged := func(b []byte) asn1.RawValue {
		return asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: b}
	}
	name := append(der(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 8, 5}, ""), der(tagged(der(addr, "utf8")), "")...)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: addr}, NotAfter: time.Now().Add(time.Hour),
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: der([]asn1.RawValue{tagged(name)}, "")}}}
	raw, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
}
