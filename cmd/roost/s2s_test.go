package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"roost/cmd/roost/conf"
	"roost/netio"
	"roost/router/s2s"
)

// hosts finds the servers of a test, wherever they listen at the moment.
type hosts struct {
	direct bool // they want TLS from the first byte
	real   bool // DNS finds them, see serveDNS

	mu sync.Mutex
	at map[string]netip.AddrPort
}

func (h *hosts) set(domain string, at netip.AddrPort) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at[domain] = at
}

func (h *hosts) Service(_ context.Context, domain string) ([]s2s.Candidate, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at, ok := h.at[domain]
	if !ok {
		return nil, s2s.ErrNoServer
	}
	return []s2s.Candidate{{Host: domain, Addr: at, Direct: h.direct}}, nil
}

func (h *hosts) Host(_ context.Context, host string, port uint16) ([]s2s.Candidate, error) {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return nil, s2s.ErrNoServer
	}
	return []s2s.Candidate{{Host: host, Addr: netip.AddrPortFrom(ip, port)}}, nil
}

// island is one of several servers that speak with each other.
type island struct {
	*Server
	t      *testing.T
	name   string
	conf   string
	hosts  *hosts
	log    *lockedText
	listen string
}

// lockedText gathers a log.
type lockedText struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newIsland starts a server of the domain name with the users alice and bob. global and listener are
// further options.
func newIsland(t *testing.T, h *hosts, name, global, listener string) *island {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "users"), []byte("alice:secret\nbob:secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	is := &island{t: t, name: name, hosts: h, log: &lockedText{}, listen: "127.0.0.1:0"}
	is.conf = fmt.Sprintf(`Data_Dir = "%[1]s/data"
xmpp {}
%[3]s
domain "#xmpp#%[2]s" { XMPP_Role = server XMPP_Federation = open }
xmpp_listener {
  require_tls = false
  AuthPlainParameters = [ uri = "file://%[1]s/users" ]
  %[4]s
  Listen "LISTEN" {}
  Listen "127.0.0.2:0" { use_ssl = true }
}
scriptlet "scriptlet" { script "xmpp-presence" { source = "msys.xmpp.presence" } }
HTTP_Listener { enable = off }
Control_Listener { enable = off }
`, dir, name, global, listener)
	is.start()
	t.Cleanup(func() {
		is.stop()
		if t.Failed() {
			t.Logf("%s:\n%s", name, is.log)
		}
	})
	return is
}

func (is *island) start() {
	is.t.Helper()
	cfg, err := conf.Parse(is.name, []byte(strings.Replace(is.conf, "LISTEN", is.listen, 1)))
	if err != nil {
		is.t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(is.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o := Options{Log: log, Resolver: is.hosts}
	if is.hosts.real {
		o.Resolver = nil
	}
	if is.Server, err = Start(cfg, o); err != nil {
		is.t.Fatal(err)
	}
	is.listen = is.open()[0].ln.Addr().String() // the same the next time
	at := 0
	if is.hosts.direct {
		at = 1
	}
	is.hosts.set(is.name, netip.MustParseAddrPort(is.open()[at].ln.Addr().String()))
}

func (is *island) stop() {
	if is.Server == nil {
		return
	}
	if err := stopSoon(is.Server); err != nil {
		is.t.Error(err)
	}
	is.Server = nil
}

// here is a client of the island who is available and interested.
func (is *island) here(user string) *client {
	is.t.Helper()
	return is.online(is.t, user+"@"+is.name, "r")
}

// befriend makes two users of two islands see each other.
func befriend(a, b *client, aJID, bJID string) {
	a.t.Helper()
	a.send("<presence to='" + bJID + "' type='subscribe'/>")
	b.until("type='subscribe'")
	b.send("<presence to='" + aJID + "' type='subscribed'/><presence to='" + aJID + "' type='subscribe'/>")
	a.until("type='subscribed'")
	a.until("<presence from='" + bJID + "/r'") // §3.1.5: seen at once
	a.until("type='subscribe'")
	a.send("<presence to='" + bJID + "' type='subscribed'/>")
	b.until("type='subscribed'")
	b.until("<presence from='" + aJID + "/r'")
}

// authority signs certificates for a test.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.sign("the test's authority", time.Hour, nil, nil)
	return a
}

// sign makes NAME.pem and NAME.key, valid until then.
func (a *authority) sign(name string, until time.Duration, parent *x509.Certificate, with *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(until), DNSNames: []string{name}}
	if parent == nil {
		parent, with = tmpl, key
		tmpl.IsCA, tmpl.BasicConstraintsValid, tmpl.KeyUsage, tmpl.DNSNames = true, true, x509.KeyUsageCertSign, nil
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, with)
	if err != nil {
		a.t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(filepath.Join(a.dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

// issue makes a certificate for a domain and gives the options that use it.
func (a *authority) issue(domain string, until time.Duration) (global, listener string) {
	a.sign(domain, until, a.cert, a.key)
	return fmt.Sprintf("tls_ca = %q\n", filepath.Join(a.dir, a.cert.Subject.CommonName+".pem")),
		fmt.Sprintf("tls_certificate = %q\ntls_key = %q\n", filepath.Join(a.dir, domain+".pem"), filepath.Join(a.dir, domain+".key"))
}

// TestFederation: two servers over loopback, in each of the ways to know each other.
func TestFederation(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, options string
		certs, direct bool
		log           string
	}{
		{"dialback", "tls = no", false, false, "by=dialback tls=false"},
		{"dialback after TLS", "tls = required", false, false, "by=dialback tls=true"},
		{"dialback after direct TLS", "tls = required", false, true, "by=dialback tls=true"},
		{"certificates", "tls = required tls_verify = host", true, false, "by=certificate tls=true"},
		{"certificates and direct TLS", "tls = required tls_verify = host", true, true, "by=certificate tls=true"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := &hosts{at: map[string]netip.AddrPort{}, direct: c.direct}
			ca := newAuthority(t)
			isle := func(name string) *island {
				global, listener := c.options, ""
				if c.certs {
					trust, own := ca.issue(name, time.Hour)
					global, listener = global+"\n"+trust, own
				}
				return newIsland(t, h, name, global, listener)
			}
			a, b := isle("a.example"), isle("b.example")
			alice, bob := a.here("alice"), b.here("bob")
			befriend(alice, bob, "alice@a.example", "bob@b.example")
			for who, log := range map[string]*lockedText{"a": a.log, "b": b.log} {
				if !strings.Contains(log.String(), c.log) {
					t.Errorf("%s: no %q in\n%s", who, c.log, log)
				}
			}
			inOrder(t, alice, bob, "bob@b.example/r", 10000)
			inOrder(t, bob, alice, "alice@a.example", 100)
			b.comesBack(alice, bob)
		})
	}
}

// inOrder sends many messages and counts them at the other end.
func inOrder(t *testing.T, from, to *client, addr string, n int) {
	t.Helper()
	go func() {
		for i := range n {
			fmt.Fprintf(from.conn, "<message to='%s' type='chat'><body>n%d.</body></message>", addr, i)
		}
	}()
	for i := range n {
		got := to.until("</message>")
		if want := fmt.Sprintf("<body>n%d.</body>", i); !strings.Contains(got, want) {
			t.Fatalf("want %s, got %s", want, got)
		}
	}
}

// comesBack stops and starts b: whom alice sees there is gone, what she sends meanwhile comes back or
// arrives once, and all is well afterwards.
func (b *island) comesBack(alice, bob *client) {
	b.t.Helper()
	b.stop()
	bob.conn.Close()
	got := alice.until("type='unavailable'/>")
	if !strings.Contains(got, "<presence from='bob@b.example/r'") {
		b.t.Errorf("got %s", got)
	}
	alice.send("<message to='bob@b.example' id='gone'><body>x</body></message>")
	if got := alice.until("</message>"); !strings.Contains(got, "<remote-server-timeout ") || !strings.Contains(got, "id='gone'") {
		b.t.Errorf("got %s", got)
	}
	b.start()
	bob = b.here("bob")
	bob.until("<presence from='alice@a.example/r'") // the answer to the probe
	alice.until("<presence from='bob@b.example/r'")
	bob.send("<message to='alice@a.example'><body>back</body></message>")
	alice.until("<body>back</body>")
	alice.send("<message to='bob@b.example'><body>hello</body></message>")
	bob.until("<body>hello</body>")
}

// TestDomainLost: a server that dies without a word: whom our users saw there is gone, once.
func TestDomainLost(t *testing.T) {
	t.Parallel()
	h := &hosts{at: map[string]netip.AddrPort{}}
	a, b := newIsland(t, h, "a.example", "", ""), newIsland(t, h, "b.example", "", "")
	alice, bob := a.here("alice"), b.here("bob")
	befriend(alice, bob, "alice@a.example", "bob@b.example")
	b.s2s.Close() // as a process that is dead, it says nothing more
	for _, l := range b.open() {
		l.ln.Close()
	}
	b.engine.Each(func(c *netio.Conn, _ netio.Handler) { c.Abort(nil) })
	if got := alice.until("type='unavailable'/>"); !strings.Contains(got, "<presence from='bob@b.example/r' to='alice@a.example' type='unavailable'/>") {
		t.Error(got)
	}
	for i := range 3 {
		alice.send(fmt.Sprintf("<message to='bob@b.example' id='m%d'><body>x</body></message>", i))
		if got := alice.until("</message>"); strings.Contains(got, "unavailable'/><") || !strings.Contains(got, "<remote-server-timeout ") {
			t.Error(got)
		}
	}
	if !strings.Contains(a.log.String(), "connection refused") {
		t.Error("the reason is not logged")
	}
	for end := time.Now().Add(patience); ; { // it is left alone for a second at first, and longer after each failure
		alice.send("<message to='bob@b.example' id='again'><body>x</body></message>")
		alice.until("</message>")
		var status strings.Builder
		a.status(&status)
		links := a.links()
		if len(links) > 0 && links[0].Domain == "b.example" && links[0].State == s2s.LinkWaiting && links[0].Reason != "" &&
			strings.Contains(status.String(), "b.example (out) waiting since ") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("links %+v, status %s", links, &status)
		}
	}
}

// TestDomainCut: connections are lost, the server is not: everybody sees each other as before.
func TestDomainCut(t *testing.T) {
	t.Parallel()
	h := &hosts{at: map[string]netip.AddrPort{}}
	a, b := newIsland(t, h, "a.example", "", ""), newIsland(t, h, "b.example", "", "")
	alice, bob := a.here("alice"), b.here("bob")
	befriend(alice, bob, "alice@a.example", "bob@b.example")
	a.engine.Each(func(c *netio.Conn, h netio.Handler) {
		if _, out := h.(*s2s.Out); out {
			c.Abort(nil)
		}
		if _, in := h.(*s2s.In); in {
			c.Abort(nil)
		}
	})
	for _, line := range []string{"stream to another server ended", "stream from another server ended"} { // b has noticed
		for end := time.Now().Add(patience); !strings.Contains(b.log.String(), line); runtime.Gosched() {
			if time.Now().After(end) {
				t.Fatal("not logged: ", line)
			}
		}
	}
	bob.send("<message to='alice@a.example'><body>still</body></message>")
	if got := alice.until("<body>still</body>"); strings.Contains(got, "unavailable") {
		t.Error(got)
	}
}

// serveDNS answers for the servers of h with SRV records, and gives a resolv.conf.
func (h *hosts) serveDNS(t *testing.T) string {
	t.Helper()
	h.real = true
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan bool)
	server := &dns.Server{PacketConn: pc, NotifyStartedFunc: func() { close(started) }, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		name := strings.TrimSuffix(q.Question[0].Name, ".")
		domain, isService := strings.CutPrefix(name, "_xmpp-server._tcp.")
		h.mu.Lock()
		at, ok := h.at[domain]
		h.mu.Unlock()
		var rr dns.RR
		switch {
		case ok && isService && q.Question[0].Qtype == dns.TypeSRV:
			rr, err = dns.NewRR(fmt.Sprintf("%s. 1 IN SRV 0 5 %d xmpp.%s.", name, at.Port(), domain))
		case strings.HasPrefix(name, "xmpp.") && q.Question[0].Qtype == dns.TypeA:
			rr, err = dns.NewRR(name + ". 1 IN A 127.0.0.1")
		}
		if rr != nil && err == nil {
			m.Answer = append(m.Answer, rr)
		}
		w.WriteMsg(m)
	})}
	go server.ActivateAndServe()
	<-started
	t.Cleanup(func() { server.Shutdown() })
	file := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(file, []byte("nameserver "+pc.LocalAddr().String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestFederationByDNS: servers that find each other by SRV records.
func TestFederationByDNS(t *testing.T) {
	t.Parallel()
	h := &hosts{at: map[string]netip.AddrPort{}}
	conf := fmt.Sprintf("Resolv_Conf = %q", h.serveDNS(t))
	a, b := newIsland(t, h, "a.example", conf, ""), newIsland(t, h, "b.example", conf, "")
	alice, bob := a.here("alice"), b.here("bob")
	befriend(alice, bob, "alice@a.example", "bob@b.example")
	inOrder(t, alice, bob, "bob@b.example/r", 10)
	alice.send("<message to='bob@nowhere.example' id='n'/>")
	if got := alice.until("</message>"); !strings.Contains(got, "<remote-server-not-found ") {
		t.Error(got)
	}
}
