package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"
)

// clientKinds are client certificates, by what is the matter with them.
func clientKinds(t *testing.T, ca, other *issued) map[string]*issued {
	t.Helper()
	juliet := []string{"juliet@example.com"}
	return map[string]*issued{
		"good":     issue(t, ca, want{xmpp: juliet}),
		"critical": issue(t, ca, want{xmpp: juliet, critical: true}), // no subject: RFC 5280 §4.2.1.6
		"expired":  issue(t, ca, want{xmpp: juliet, from: today.AddDate(-1, 0, 0), to: today.AddDate(0, -1, 0)}),
		"early":    issue(t, ca, want{xmpp: juliet, from: today.AddDate(0, 1, 0), to: today.AddDate(1, 0, 0)}),
		"stranger": issue(t, other, want{xmpp: juliet}),
		"self":     issue(t, nil, want{xmpp: juliet}),
		"missing":  nil,
	}
}

func TestVerifyModes(t *testing.T) {
	ca, other := newCA(t, "ca"), newCA(t, "other")
	clients := clientKinds(t, ca, other)
	cert := put(t, "c.pem", issue(t, ca, want{dns: []string{"x.example"}}).pair(t))
	roots := put(t, "ca.pem", ca.certPEM())
	for _, r := range []struct {
		mode, client string
		handshake    bool
		verified     bool
		why          string
	}{
		{"none", "good", true, false, ""},
		{"none", "stranger", true, false, ""},
		{"none", "missing", true, false, ""},
		{"", "good", true, true, ""},
		{"optional", "good", true, true, ""},
		{"", "critical", true, true, ""},
		{"", "expired", true, false, `client certificate "juliet@example.com": expired on 2026-10-21T12:00:00Z`},
		{"", "early", true, false, `client certificate "juliet@example.com": not valid before 2026-12-21T12:00:00Z`},
		{"", "stranger", true, false, `client certificate "juliet@example.com": signed by "CN=other", which is not in tls_client_ca`},
		{"", "self", true, false, `client certificate "juliet@example.com": signed by "", which is not in tls_client_ca`},
		{"", "missing", true, false, ""},
		{"require", "good", true, true, ""},
		{"Require", "critical", true, true, ""},
		{"require", "expired", false, false, "expired on"},
		{"require", "stranger", false, false, "not in tls_client_ca"},
		{"require", "self", false, false, "not in tls_client_ca"},
		{"require", "missing", false, false, "client didn't provide a certificate"},
	} {
		c := load(t, Options{Certificate: cert, ClientCA: roots, VerifyMode: r.mode})
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			cc := &tls.Config{InsecureSkipVerify: true, MaxVersion: version, GetClientCertificate: present(clients[r.client])}
			ss, _, serr, cerr := shake(t, c.Server(), cc)
			if ok := serr == nil && cerr == nil; ok != r.handshake {
				t.Errorf("%s/%s %x: handshake %v, %v", r.mode, r.client, version, serr, cerr)
				continue
			}
			if !r.handshake {
				if !strings.Contains(serr.Error(), r.why) {
					t.Errorf("%s/%s: %v", r.mode, r.client, serr)
				}
				continue
			}
			verified, err := VerifyClient(c, &ss)
			if verified != r.verified || (err == nil) != (r.why == "") || err != nil && err.Error() != r.why {
				t.Errorf("%s/%s %x: %v, %v", r.mode, r.client, version, verified, err)
			}
		}
	}
}

// present sends the certificate whatever authorities the server names.
func present(i *issued) func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if i == nil {
			return &tls.Certificate{}, nil
		}
		c := i.tls()
		return &c, nil
	}
}

// TestVerifyAfterResumption: a ticket carries the client's certificate, and its verdict is made anew.
func TestVerifyAfterResumption(t *testing.T) {
	ca := newCA(t, "ca")
	for _, mode := range []string{"", "require"} {
		c := load(t, Options{Certificate: put(t, "c.pem", issue(t, ca, want{dns: []string{"x.example"}}).pair(t)),
			ClientCA: put(t, "ca.pem", ca.certPEM()), VerifyMode: mode})
		cc := &tls.Config{ServerName: "x.example", RootCAs: pool(ca), ClientSessionCache: tls.NewLRUClientSessionCache(1),
			GetClientCertificate: present(issue(t, ca, want{xmpp: []string{"juliet@example.com"}}))}
		for i := range 2 {
			ss, _, serr, cerr := shake(t, c.Server(), cc)
			if serr != nil || cerr != nil || ss.DidResume != (i == 1) {
				t.Fatalf("%q: %v, %v, resumed %v", mode, serr, cerr, ss.DidResume)
			}
			if ok, err := VerifyClient(c, &ss); !ok || err != nil {
				t.Errorf("%q %d: %v, %v", mode, i, ok, err)
			}
		}
		c.now = func() time.Time { return today.AddDate(2, 0, 0) } // the certificate ends meanwhile
		ss := tls.ConnectionState{PeerCertificates: []*x509.Certificate{issue(t, ca, want{xmpp: []string{"a@b"}}).cert}}
		if ok, err := VerifyClient(c, &ss); ok || err == nil {
			t.Error("verified after its end")
		}
	}
}

func TestVerifyChain(t *testing.T) {
	ca := newCA(t, "ca")
	mid := issue(t, ca, want{cn: []string{"mid"}, ca: true})
	late := issue(t, ca, want{cn: []string{"late"}, ca: true, from: today.AddDate(-2, 0, 0), to: today.AddDate(-1, 0, 0)})
	c := load(t, Options{Certificate: put(t, "c.pem", ca.pair(t)), ClientCA: put(t, "ca.pem", ca.certPEM())})
	state := func(is ...*issued) *tls.ConnectionState {
		st := &tls.ConnectionState{}
		for _, i := range is {
			st.PeerCertificates = append(st.PeerCertificates, i.cert)
		}
		return st
	}
	w := want{xmpp: []string{"a@example"}}
	if ok, err := VerifyClient(c, state(issue(t, mid, w), mid)); !ok || err != nil {
		t.Error(ok, err)
	}
	ok, err := VerifyClient(c, state(issue(t, mid, w)))
	if ua, is := errors.AsType[x509.UnknownAuthorityError](err); ok || !is || ua.Cert == nil {
		t.Error(ok, err)
	}
	ok, err = VerifyClient(c, state(issue(t, late, w), late))
	if ok || !strings.Contains(err.Error(), `its issuer "late" expired on 2025-11-21`) {
		t.Error(ok, err)
	}
	long := []*issued{issue(t, ca, w)}
	for range maxChain {
		long = append(long, mid)
	}
	if ok, err = VerifyClient(c, state(long...)); ok || !strings.Contains(err.Error(), "it comes with 8 others, the limit is 7") {
		t.Error(ok, err)
	}
	// A certificate whose critical extension nobody knows is not believed.
	odd := issue(t, ca, w)
	odd.cert.UnhandledCriticalExtensions = append(odd.cert.UnhandledCriticalExtensions, oidSRVName)
	if ok, err = VerifyClient(c, state(odd)); ok || err == nil {
		t.Error("an unknown critical extension is accepted")
	}
	c.mode = verifyRequire
	if ok, err = VerifyClient(c, state()); ok || !errors.Is(err, ErrNoClientCert) {
		t.Error(ok, err)
	}
}
