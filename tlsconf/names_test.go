package tlsconf

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net"
	"slices"
	"testing"
)

func TestMatchDomain(t *testing.T) {
	for _, c := range []struct {
		name   string
		w      want
		domain string
		match  bool
	}{
		{"dns", want{dns: []string{"example.com"}}, "example.com", true},
		{"case", want{dns: []string{"Example.COM"}}, "eXample.com", true},
		{"dot", want{dns: []string{"example.com"}}, "example.com.", true},
		{"other", want{dns: []string{"example.org"}}, "example.com", false},
		{"sub", want{dns: []string{"example.com"}}, "a.example.com", false},
		{"parent", want{dns: []string{"a.example.com"}}, "example.com", false},
		{"second name", want{dns: []string{"a.example", "b.example"}}, "b.example", true},
		{"idna", want{dns: []string{"xn--bcher-kva.example"}}, "bücher.example", true},
		{"idna both", want{dns: []string{"XN--bcher-kva.example"}}, "xn--bcher-kva.example", true},
		{"wildcard", want{dns: []string{"*.example.com"}}, "a.example.com", true},
		{"wildcard idna", want{dns: []string{"*.xn--bcher-kva.example"}}, "a.bücher.example", true},
		{"wildcard over idna label", want{dns: []string{"*.example.com"}}, "bücher.example.com", true},
		{"wildcard two labels", want{dns: []string{"*.example.com"}}, "a.b.example.com", false},
		{"wildcard no label", want{dns: []string{"*.example.com"}}, "example.com", false},
		{"wildcard part", want{dns: []string{"a*.example.com"}}, "ab.example.com", false},
		{"wildcard inside", want{dns: []string{"a.*.example.com"}}, "a.b.example.com", false},
		{"wildcard alone", want{dns: []string{"*"}}, "com", false},
		{"wildcard all", want{dns: []string{"*."}}, "com", false},
		{"literal star", want{dns: []string{"*.example.com"}}, "*.example.com", true}, // nobody can own it
		{"cn", want{cn: []string{"example.com"}}, "example.com", false},
		{"cn beside dns", want{cn: []string{"example.com"}, dns: []string{"example.org"}}, "example.com", false},
		{"srv", want{srv: []string{"_xmpp-server.example.com"}}, "example.com", true},
		{"srv case", want{srv: []string{"_XMPP-Server.Example.com"}}, "example.com", true},
		{"srv client", want{srv: []string{"_xmpp-client.example.com"}}, "example.com", false},
		{"srv other", want{srv: []string{"_imap.example.com"}}, "example.com", false},
		{"srv bare", want{srv: []string{"_xmpp-server."}}, "example.com", false},
		{"srv idna", want{srv: []string{"_xmpp-server.xn--bcher-kva.example"}}, "bücher.example", true},
		{"xmpp", want{xmpp: []string{"example.com"}}, "example.com", true},
		{"xmpp utf-8", want{xmpp: []string{"bücher.example"}}, "bücher.example", true},
		{"xmpp user", want{xmpp: []string{"juliet@example.com"}}, "example.com", false},
		{"xmpp resource", want{xmpp: []string{"example.com/x"}}, "example.com", false},
		{"xmpp wildcard", want{xmpp: []string{"*.example.com"}}, "a.example.com", false},
		{"empty", want{dns: []string{"example.com"}}, "", false},
		{"dots", want{dns: []string{"example.com"}}, ".", false},
		{"garbage", want{dns: []string{"example.com"}}, "b\xffcher", false},
		{"address as name", want{dns: []string{"127.0.0.1"}}, "127.0.0.1", false},
	} {
		i := issue(t, nil, c.w)
		if got := MatchDomain(i.cert, c.domain); got != c.match {
			t.Errorf("%s: MatchDomain(%+v, %q) = %v", c.name, c.w, c.domain, got)
		}
	}
	ip := &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.ParseIP("fd00::1")}}
	for d, match := range map[string]bool{"127.0.0.1": true, "[fd00::1]": true, "fd00:0::1": true, "127.0.0.2": false, "::ffff:127.0.0.1": true} {
		if MatchDomain(ip, d) != match {
			t.Errorf("address %s: want %v", d, match)
		}
	}
	if MatchDomain(nil, "x") || XMPPAddrs(nil) != nil {
		t.Error("nil certificate")
	}
}

func TestXMPPAddrs(t *testing.T) {
	i := issue(t, nil, want{dns: []string{"example.com"}, xmpp: []string{"juliet@example.com", "Ünder.example"}, srv: []string{"_xmpp-server.example.com"}})
	if got := XMPPAddrs(i.cert); !slices.Equal(got, []string{"juliet@example.com", "Ünder.example"}) {
		t.Errorf("XMPPAddrs %q", got)
	}
	if got := SRVNames(i.cert); !slices.Equal(got, []string{"_xmpp-server.example.com"}) {
		t.Errorf("SRVNames %q", got)
	}
	if got := XMPPAddrs(issue(t, nil, want{cn: []string{"juliet@example.com"}}).cert); got != nil {
		t.Errorf("no extension: %q", got)
	}
	many := make([]string, 300)
	for n := range many {
		many[n] = "a@b"
	}
	if got := XMPPAddrs(issue(t, nil, want{xmpp: many}).cert); len(got) != maxOtherNames {
		t.Errorf("%d names", len(got))
	}
}

// withSAN is a certificate that has nothing but the extension.
func withSAN(der []byte) *x509.Certificate {
	return &x509.Certificate{Extensions: []pkix.Extension{{Id: oidSAN, Value: der}}}
}

func TestMalformedNames(t *testing.T) {
	good, err := asn1.Marshal([]asn1.RawValue{raw(t, oidXMPPAddr, asn1.TagUTF8String, "a@b")})
	if err != nil {
		t.Fatal(err)
	}
	if got := XMPPAddrs(withSAN(good)); !slices.Equal(got, []string{"a@b"}) {
		t.Fatalf("good: %q", got)
	}
	for name, der := range map[string][]byte{
		"empty": {}, "not a sequence": {0x04, 0x00}, "cut": good[:len(good)-1], "tail": append(slices.Clone(good), 0),
		"NUL":    seq(t, raw(t, oidXMPPAddr, asn1.TagUTF8String, "a@b\x00c")),
		"UTF-8":  seq(t, raw(t, oidXMPPAddr, asn1.TagUTF8String, "a\xff")),
		"octets": seq(t, raw(t, oidXMPPAddr, asn1.TagOctetString, "a@b")),
		"void":   seq(t, raw(t, oidXMPPAddr, asn1.TagUTF8String, "")),
		"junk":   {0x30, 0x04, 0xa0, 0x02, 0x06, 0x00},
	} {
		if got := XMPPAddrs(withSAN(der)); got != nil {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func raw(t *testing.T, id asn1.ObjectIdentifier, tag int, s string) asn1.RawValue {
	t.Helper()
	v, err := encodeOther(id, tag, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func seq(t *testing.T, v ...asn1.RawValue) []byte {
	t.Helper()
	b, err := asn1.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// FuzzOtherNames: the extension comes from strangers.
func FuzzOtherNames(f *testing.F) {
	b, err := selfNames([]string{"example.com", "bücher.example", "127.0.0.1"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b, "example.com")
	f.Add([]byte{0x30, 0x04, 0xa0, 0x02, 0x06, 0x00}, "*.example.com")
	f.Fuzz(func(t *testing.T, der []byte, domain string) {
		c := withSAN(der)
		_ = SRVNames(c)
		c.DNSNames = []string{domain, string(der)}
		_ = MatchDomain(c, domain)
	})
}
