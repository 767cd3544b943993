package tlsconf

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"slices"
	"testing"
)

// TestBindings: both sides compute the same.
func TestBindings(t *testing.T) {
	one, two := issue(t, nil, want{dns: []string{"one.example"}}), issue(t, nil, want{dns: []string{"two.example"}})
	c := load(t, Options{Certificate: put(t, "c.pem", one.pair(t)), Extra: []Pair{{Certificate: put(t, "d.pem", two.pair(t))}}})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, name := range []string{"one.example", "two.example", ""} {
			ss, cs, serr, cerr := shake(t, c.Server(), &tls.Config{ServerName: name, InsecureSkipVerify: true, MaxVersion: version})
			if serr != nil || cerr != nil {
				t.Fatal(serr, cerr)
			}
			b := Bindings(&ss, c.Leaf(ss.ServerName))
			same(t, b, Bindings(&cs, cs.PeerCertificates[0]))
			types := []string{"tls-exporter", "tls-server-end-point"}
			if version == tls.VersionTLS12 {
				types = append(types, "tls-unique")
			}
			if !slices.EqualFunc(b, types, func(b Binding, s string) bool { return b.Type == s }) || len(b[0].Data) != 32 {
				t.Fatalf("%x %q: %v", version, name, b)
			}
			if sum := sha256.Sum256(c.Leaf(name).Raw); string(b[1].Data) != string(sum[:]) {
				t.Errorf("end point %x", b[1].Data)
			}
			if cut := Bindings(&ss, nil); len(cut) != len(b)-1 || cut[0].Type != TLSExporter {
				t.Errorf("without a certificate: %v", cut)
			}
		}
	}
	if b := Bindings(&tls.ConnectionState{}, one.cert); b != nil {
		t.Errorf("before the handshake: %v", b)
	}
	if Bindings(nil, nil) != nil {
		t.Error("no connection")
	}
}

// TestEndPointHash is RFC 5929 §4.1.
func TestEndPointHash(t *testing.T) {
	rk, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, ek, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		key  crypto.Signer
		sign x509.SignatureAlgorithm
		hash crypto.Hash
	}{
		{rk, x509.SHA256WithRSA, crypto.SHA256}, {rk, x509.SHA384WithRSA, crypto.SHA384}, {rk, x509.SHA512WithRSA, crypto.SHA512},
		{rk, x509.SHA256WithRSAPSS, crypto.SHA256}, {rk, x509.SHA512WithRSAPSS, crypto.SHA512},
		{nil, x509.ECDSAWithSHA256, crypto.SHA256}, {nil, x509.ECDSAWithSHA384, crypto.SHA384}, {nil, x509.ECDSAWithSHA512, crypto.SHA512},
		{ek, x509.PureEd25519, 0},
	} {
		i := issue(t, nil, want{dns: []string{"x"}, key: c.key, sign: c.sign})
		var expected []byte
		switch c.hash {
		case crypto.SHA256:
			s := sha256.Sum256(i.cert.Raw)
			expected = s[:]
		case crypto.SHA384:
			s := sha512.Sum384(i.cert.Raw)
			expected = s[:]
		case crypto.SHA512:
			s := sha512.Sum512(i.cert.Raw)
			expected = s[:]
		}
		if got := endPoint(i.cert); string(got) != string(expected) {
			t.Errorf("%s: %x, want %x", c.sign, got, expected)
		}
	}
	// Go signs nothing with the old hashes; the table must still lift them to SHA-256.
	old := issue(t, nil, want{dns: []string{"x"}}).cert
	sum := sha256.Sum256(old.Raw)
	for _, a := range []x509.SignatureAlgorithm{x509.MD5WithRSA, x509.SHA1WithRSA, x509.ECDSAWithSHA1} {
		if old.SignatureAlgorithm = a; string(endPoint(old)) != string(sum[:]) {
			t.Errorf("%s: %x", a, endPoint(old))
		}
	}
	if old.SignatureAlgorithm = x509.UnknownSignatureAlgorithm; endPoint(old) != nil {
		t.Error("unknown algorithm: a binding")
	}
}

// TestEd25519Server: no end point binding, the exporter remains.
func TestEd25519Server(t *testing.T) {
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := load(t, Options{Certificate: put(t, "c.pem", issue(t, nil, want{dns: []string{"x"}, key: k}).pair(t))})
	ss, cs, serr, cerr := shake(t, c.Server(), &tls.Config{InsecureSkipVerify: true})
	if serr != nil || cerr != nil {
		t.Fatal(serr, cerr)
	}
	b := Bindings(&ss, c.Leaf(""))
	same(t, b, Bindings(&cs, cs.PeerCertificates[0]))
	if len(b) != 1 || b[0].Type != TLSExporter {
		t.Errorf("%v", b)
	}
}
