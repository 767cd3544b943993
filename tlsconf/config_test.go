package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// leafOf is the first name of the certificate that a client with this ServerName gets.
func leafOf(t *testing.T, srv *tls.Config, name string) string {
	t.Helper()
	_, cs, serr, cerr := shake(t, srv, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	if serr != nil || cerr != nil {
		t.Fatalf("%q: %v, %v", name, serr, cerr)
	}
	return cs.PeerCertificates[0].Subject.CommonName
}

func TestSNI(t *testing.T) {
	ca := newCA(t, "ca")
	file := func(w want) Pair {
		i := issue(t, ca, w)
		return Pair{Certificate: put(t, "c.pem", i.certPEM()), Key: put(t, "k.pem", i.keyPEM(t))}
	}
	first := file(want{cn: []string{"first"}, dns: []string{"one.example", "both.example"}})
	c := load(t, Options{Certificate: first.Certificate, Key: first.Key, Extra: []Pair{
		file(want{cn: []string{"second"}, dns: []string{"two.example", "both.example", "deep.two.example"}}),
		file(want{cn: []string{"wild"}, dns: []string{"*.two.example"}}),
		file(want{cn: []string{"idna"}, dns: []string{"xn--bcher-kva.example"}}),
		file(want{cn: []string{"xmpp"}, xmpp: []string{"Ünder.example", "user@four.example"}}),
		file(want{cn: []string{"srv"}, srv: []string{"_xmpp-client.five.example"}}),
		file(want{cn: []string{"six.example"}}),
		{Certificate: "none"}, {},
	}})
	srv := c.Server()
	for _, r := range []struct{ name, want string }{
		{"one.example", "first"}, {"ONE.Example", "first"}, {"both.example", "first"}, {"two.example", "second"},
		{"deep.two.example", "second"}, {"any.two.example", "wild"}, {"a.b.two.example", "first"},
		{"bücher.example", "idna"}, {"xn--nder-zra.example", "xmpp"}, {"four.example", "first"},
		{"five.example", "srv"}, {"six.example", "six.example"}, {"other.example", "first"}, {"", "first"},
	} {
		if got := c.Leaf(r.name).Subject.CommonName; got != r.want {
			t.Errorf("Leaf(%q) = %s, want %s", r.name, got, r.want)
		}
		if strings.ContainsRune(r.name, 'ü') {
			continue // the wire carries A-labels
		}
		if got := leafOf(t, srv, r.name); got != r.want {
			t.Errorf("handshake for %q: %s, want %s", r.name, got, r.want)
		}
	}
	if c.Leaf("two.example.").Subject.CommonName != "second" {
		t.Error("a final dot changes the answer")
	}
}

func TestCertificateForms(t *testing.T) {
	ca := newCA(t, "ca")
	i := issue(t, ca, want{cn: []string{"x"}, dns: []string{"x.example"}})
	rsaPKCS1, ecSEC1 := keyForms(t)
	both := put(t, "both.pem", []byte("Some words before\n"), i.keyPEM(t), i.certPEM(), ca.certPEM())
	for name, o := range map[string]Options{
		"two files":      {Certificate: put(t, "c.pem", i.certPEM()), Key: put(t, "k.pem", i.keyPEM(t))},
		"one file":       {Certificate: both},
		"key none":       {Certificate: both, Key: "none"},
		"same file":      {Certificate: both, Key: both},
		"PKCS#1":         {Certificate: put(t, "c.pem", rsaPKCS1)},
		"SEC 1":          {Certificate: put(t, "c.pem", ecSEC1)},
		"only an extra":  {Extra: []Pair{{Certificate: both}}},
		"crlf":           {Certificate: put(t, "c.pem", []byte(strings.ReplaceAll(string(i.pair(t)), "\n", "\r\n")))},
		"ca none":        {Certificate: both, ClientCA: "none"},
		"chain included": {Certificate: both, ClientCA: put(t, "ca.pem", ca.certPEM()), VerifyMode: "require"},
	} {
		c, err := Load(o)
		if err != nil || !c.Enabled() || c.Server() == nil || c.Leaf("") == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNoTLS(t *testing.T) {
	i := issue(t, nil, want{dns: []string{"x.example"}})
	for name, o := range map[string]Options{
		"nothing":             {},
		"none":                {Certificate: "none", Key: "/nowhere", ClientCA: "/nowhere", VerifyMode: "require"},
		"none beats an extra": {Certificate: "none", Extra: []Pair{{Certificate: put(t, "c.pem", i.pair(t))}}},
	} {
		c, err := Load(o)
		if err != nil || c.Enabled() || c.Server() != nil || c.Leaf("x") != nil || c.Changed() || c.Reload() != nil {
			t.Errorf("%s: %v", name, err)
		}
		if at, file := c.Expires(); !at.IsZero() || file != "" {
			t.Errorf("%s: expires %v", name, at)
		}
	}
	var c *Config
	if ok, err := VerifyClient(c, &tls.ConnectionState{}); c.Enabled() || c.Requires() || c.Changed() || c.Reload() != nil ||
		c.Notes() != nil || c.Leaf("") != nil || c.Server() != nil || ok || err != nil {
		t.Error("a nil Config is not one without TLS")
	}
}

func TestReload(t *testing.T) {
	old := issue(t, nil, want{cn: []string{"old"}, dns: []string{"x.example"}})
	path := put(t, "c.pem", old.pair(t))
	c := load(t, Options{Certificate: path})
	srv := c.Server()
	if got := leafOf(t, srv, "x.example"); got != "old" || c.Changed() {
		t.Fatalf("%s, changed %v", got, c.Changed())
	}

	// An open connection is not touched.
	ss, _, _, _ := shake(t, srv, &tls.Config{InsecureSkipVerify: true})
	before := c.Leaf("")

	fresh := issue(t, nil, want{cn: []string{"new"}, dns: []string{"x.example"}, to: today.AddDate(0, 3, 0), from: today})
	overwrite(t, path, fresh.pair(t))
	later(t, path)
	if !c.Changed() {
		t.Error("a new file is not seen")
	}
	if got := leafOf(t, srv, "x.example"); got != "old" {
		t.Errorf("before Reload: %s", got)
	}
	if err := c.Reload(); err != nil || c.Changed() {
		t.Fatalf("%v, changed %v", err, c.Changed())
	}
	if got := leafOf(t, srv, "x.example"); got != "new" || c.Leaf("").Subject.CommonName != "new" {
		t.Errorf("after Reload: %s", got)
	}
	if at, file := c.Expires(); !at.Equal(fresh.cert.NotAfter) || file != path {
		t.Errorf("expires %v %s", at, file)
	}
	if b := Bindings(&ss, before); len(b) != 2 {
		t.Errorf("bindings of the open connection: %v", b)
	}

	// A bad file changes nothing, and is reported as changed only once.
	overwrite(t, path, []byte("-----BEGIN CERTIFICATE-----\nAAAA"))
	if !c.Changed() {
		t.Error("a damaged file is not seen")
	}
	if err := c.Reload(); err == nil || c.Changed() {
		t.Errorf("damaged: %v, changed %v", err, c.Changed())
	}
	if err := os.Remove(path); err != nil || !c.Changed() {
		t.Error("a removed file is not seen")
	}
	if err := c.Reload(); err == nil || c.Changed() || leafOf(t, srv, "") != "new" {
		t.Errorf("removed: %v", err)
	}
}

// later moves a file's time on, for file systems whose clock is coarse.
func later(t *testing.T, path string) {
	t.Helper()
	at := time.Now().Add(time.Hour)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

// TestReloadConcurrently is for the race detector.
func TestReloadConcurrently(t *testing.T) {
	path := put(t, "c.pem", issue(t, nil, want{cn: []string{"x"}, dns: []string{"x.example"}}).pair(t))
	c := load(t, Options{Certificate: path})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 5 {
				_, _, serr, cerr := shake(t, c.Server(ALPNClient), &tls.Config{InsecureSkipVerify: true})
				if serr != nil || cerr != nil {
					t.Error(serr, cerr)
				}
				_ = c.Changed()
				_ = c.Leaf("x.example")
			}
		})
	}
	for range 20 {
		if err := c.Reload(); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}

// TestResumption: tickets work, but not across certificates, nor across names.
func TestResumption(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		one := issue(t, nil, want{cn: []string{"one"}, dns: []string{"x.example"}})
		path := put(t, "c.pem", one.pair(t))
		c := load(t, Options{Certificate: path})
		client := &tls.Config{ServerName: "x.example", InsecureSkipVerify: true, MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(4)}
		resumed := func() bool {
			ss, cs, serr, cerr := shake(t, c.Server(), client)
			if serr != nil || cerr != nil {
				t.Fatal(serr, cerr)
			}
			same(t, Bindings(&ss, c.Leaf(ss.ServerName)), Bindings(&cs, cs.PeerCertificates[0]))
			return ss.DidResume
		}
		if resumed() {
			t.Errorf("%x: the first handshake was resumed", version)
		}
		if !resumed() {
			t.Errorf("%x: the second handshake was not resumed", version)
		}
		if err := c.Reload(); err != nil {
			t.Fatal(err)
		}
		if !resumed() {
			t.Errorf("%x: not resumed after a Reload of the same certificate", version)
		}
		overwrite(t, path, issue(t, nil, want{cn: []string{"two"}, dns: []string{"x.example"}}).pair(t))
		if err := c.Reload(); err != nil {
			t.Fatal(err)
		}
		if resumed() {
			t.Errorf("%x: resumed with a certificate that is gone", version)
		}
	}
}

func same(t *testing.T, a, b []Binding) {
	t.Helper()
	if len(a) != len(b) || len(a) == 0 {
		t.Errorf("bindings %v and %v", a, b)
		return
	}
	for i := range a {
		if a[i].Type != b[i].Type || string(a[i].Data) != string(b[i].Data) {
			t.Errorf("%s: %x and %x", a[i].Type, a[i].Data, b[i].Data)
		}
	}
}

func TestALPN(t *testing.T) {
	c := load(t, Options{Certificate: put(t, "c.pem", issue(t, nil, want{dns: []string{"x.example"}}).pair(t))})
	for _, r := range []struct {
		server, client []string
		want           string
		refused        bool
	}{
		{server: []string{ALPNClient}, client: []string{"xmpp-client"}, want: "xmpp-client"},
		{server: []string{ALPNClient, ALPNServer}, client: []string{"xmpp-server"}, want: "xmpp-server"},
		{server: []string{ALPNClient}, client: []string{"h2", "xmpp-client"}, want: "xmpp-client"},
		{server: []string{ALPNClient}},
		{server: []string{ALPNClient}, client: []string{"h2"}, refused: true},
		{server: []string{ALPNClient}, client: []string{"http/1.1"}, refused: true},
		{server: []string{ALPNClient}, client: []string{"xmpp-server"}, refused: true},
		{client: []string{"h2"}}, // STARTTLS has no ALPN
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			ss, cs, serr, cerr := shake(t, c.Server(r.server...), &tls.Config{NextProtos: r.client, InsecureSkipVerify: true, MaxVersion: version})
			if r.refused {
				if serr == nil || cerr == nil || !strings.Contains(cerr.Error(), "no application protocol") {
					t.Errorf("%v/%v: %v, %v", r.server, r.client, serr, cerr)
				}
				continue
			}
			if serr != nil || cerr != nil || ss.NegotiatedProtocol != r.want || cs.NegotiatedProtocol != r.want {
				t.Errorf("%v/%v: %q, %v, %v", r.server, r.client, ss.NegotiatedProtocol, serr, cerr)
			}
		}
	}
}

func TestVersions(t *testing.T) {
	i := issue(t, nil, want{dns: []string{"x.example"}})
	o := Options{Certificate: put(t, "c.pem", i.pair(t))}
	for _, r := range []struct {
		ciphers  string
		min, max uint16
		ok       bool
	}{
		{"", tls.VersionTLS10, tls.VersionTLS11, false},
		{"", tls.VersionTLS10, tls.VersionTLS12, true},
		{"", tls.VersionTLS12, tls.VersionTLS13, true},
		{"TLS_AES_256_GCM_SHA384", tls.VersionTLS12, tls.VersionTLS12, false},
		{"TLS_AES_256_GCM_SHA384", tls.VersionTLS13, tls.VersionTLS13, true},
		{"aRSA", tls.VersionTLS12, tls.VersionTLS12, false}, // the certificate has an ECDSA key
		{"aRSA", tls.VersionTLS12, tls.VersionTLS13, true},
		{"ECDSA+CHACHA20", tls.VersionTLS12, tls.VersionTLS12, true},
	} {
		o.Ciphers = r.ciphers
		ss, _, serr, cerr := shake(t, load(t, o).Server(), &tls.Config{InsecureSkipVerify: true, MinVersion: r.min, MaxVersion: r.max})
		if ok := serr == nil && cerr == nil; ok != r.ok {
			t.Errorf("%q %x-%x: %v, %v", r.ciphers, r.min, r.max, serr, cerr)
		} else if ok && r.ciphers == "ECDSA+CHACHA20" && ss.CipherSuite != tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 {
			t.Errorf("%s", tls.CipherSuiteName(ss.CipherSuite))
		}
	}
}

// TestClientRefuses: what a client that checks says about certificates that are loaded nevertheless.
func TestClientRefuses(t *testing.T) {
	ca := newCA(t, "ca")
	for _, r := range []struct {
		name, note string
		w          want
	}{
		{"expired", "expired on 2026-10-21; clients will refuse it", want{dns: []string{"x.example"}, from: today.AddDate(-1, 0, 0), to: today.AddDate(0, -1, 0)}},
		{"early", "is not valid before 2026-12-21; clients will refuse it", want{dns: []string{"x.example"}, from: today.AddDate(0, 1, 0), to: today.AddDate(1, 0, 0)}},
		{"ends", "expires on 2026-11-28", want{dns: []string{"x.example"}, from: today.AddDate(-1, 0, 0), to: today.AddDate(0, 0, 7)}},
		{"wrong name", "", want{dns: []string{"y.example"}}},
		{"only cn", "names no domain (the subject's common name does not count); clients will refuse it", want{cn: []string{"x.example"}}},
	} {
		path := put(t, "c.pem", issue(t, ca, r.w).pair(t))
		c := load(t, Options{Certificate: path})
		if err := c.Reload(); err != nil { // with the clock of the tests
			t.Fatal(err)
		}
		note := strings.Join(c.Notes(), "|")
		if r.note != "" {
			r.note = `tls_certificate "` + path + `": ` + r.note
		}
		if note != r.note {
			t.Errorf("%s: notes %q, want %q", r.name, note, r.note)
		}
		_, _, _, cerr := shake(t, c.Server(), &tls.Config{ServerName: "x.example", RootCAs: pool(ca)})
		if (cerr == nil) != (r.name == "ends") {
			t.Errorf("%s: %v", r.name, cerr)
		}
	}
	// A chain without its end, and one that does not hold together.
	other := newCA(t, "other")
	c := load(t, Options{Certificate: put(t, "c.pem", issue(t, ca, want{dns: []string{"x.example"}}).pair(t), other.certPEM())})
	if n := strings.Join(c.Notes(), "|"); !strings.Contains(n, "certificate 2 in the file did not sign the one before it") {
		t.Errorf("notes %q", n)
	}
	_, _, _, cerr := shake(t, c.Server(), &tls.Config{ServerName: "x.example", RootCAs: pool(other)})
	if _, ok := errors.AsType[x509.UnknownAuthorityError](cerr); !ok {
		t.Errorf("no chain: %v", cerr)
	}
}

func TestKeyNotes(t *testing.T) {
	i := issue(t, nil, want{dns: []string{"x.example"}, to: today.AddDate(30, 0, 0), from: today.AddDate(-5, 0, 0)})
	path := put(t, "c.pem", i.pair(t))
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	c := load(t, Options{Certificate: path, Ciphers: "kRSA"})
	n := strings.Join(c.Notes(), "|")
	for _, w := range []string{"no TLS 1.2 suite of tls_ciphers works with a key of type ECDSA",
		"every user of this machine can read the private key (mode 0644); chmod 0600 it"} {
		if !strings.Contains(n, w) {
			t.Errorf("notes %q lack %q", n, w)
		}
	}
}

func TestServerIsShared(t *testing.T) {
	c := load(t, Options{Certificate: put(t, filepath.Base("c.pem"), issue(t, nil, want{dns: []string{"x"}}).pair(t))})
	for _, alpn := range [][]string{nil, {ALPNClient}, {ALPNClient, ALPNServer}} {
		if first, second := c.Server(alpn...), c.Server(alpn...); first != second {
			t.Errorf("%q: not the same tls.Config twice", alpn)
		}
	}
	if c.Server(ALPNClient) == c.Server() {
		t.Error("the same tls.Config with and without ALPN")
	}
}
