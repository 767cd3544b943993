package conf

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writePair writes a certificate and its key as PEM.
func writePair(t *testing.T, cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"}, NotAfter: time.Unix(1<<33, 0)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	kder, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: kder})
	if key == "" {
		certPEM, keyPEM = append(certPEM, keyPEM...), nil
	}
	put(t, cert, string(certPEM))
	if key != "" {
		put(t, key, string(keyPEM))
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	writePair(t, "both.pem", "")
	writePair(t, "cert.pem", "key.pem")
	put(t, "passwd", "a:b\n")
	put(t, "token", "0123\n")
	put(t, "empty", " \n")
	put(t, "big", strings.Repeat("x", maxKeyFile+1))
	c := parse(t, strings.ReplaceAll(minimal(`
  Listen "*:1" { AuthPlainParameters = [ uri = "file://DIR/passwd" ] tls_certificate = both.pem tls_ciphers = "GOOD" }
  Listen "*:2" { AuthPlainParameters = [ uri = "file://DIR/none" ] tls_certificate = cert.pem tls_key = key.pem tls_client_ca = cert.pem }
  Listen "*:3" { AuthDigestMD5Parameters = [ uri = "digest://DIR/passwd" ] tls_certificate = cert.pem tls_ciphers = "BAD" }
  Listen "*:4" { tls_certificate = none.pem AuthPlainParameters = [ uri = "file://DIR" ] }
  Listen "*:5" { tls_certificate = both.pem tls_key = key.pem }
  Listen "*:6" { tls_certificate = both.pem tls_key = none.key tls_client_ca = passwd }
  Listen "*:7" { tls_certificate = big tls_client_ca = none.ca Peer "::1" { idle_time = 3 } }
`)+`
domain "#xmpp#b.example" { XMPP_Role = server tls_certificate = "passwd" tls_ciphers = BAD }
HTTP_Listener { Listen "*:80" { Auth_Token = "file://DIR/token" } Listen "*:81" { Auth_Token = "file://DIR/empty" } Listen "*:82" { Auth_Token = "file://DIR/none" } }
xmpp_logger { logfile = "DIR/log" }
xmpp_logger "b" { logfile = "DIR/none/log" }
`, "DIR", dir))
	err := c.Check(Checker{
		Ciphers: func(s string) error {
			if s == "BAD" {
				return errors.New("unknown cipher BAD")
			}
			return nil
		},
		Passwords: func(scheme, path string) error {
			if scheme == "digest" {
				return errors.New("line 1: not user:realm:hex")
			}
			return nil
		},
	})
	want := `f:7:48: uri in AuthPlainParameters = "DIR/none": the password file cannot be read: no such file or directory
f:8:52: uri in AuthDigestMD5Parameters = "DIR/passwd": line 1: not user:realm:hex
f:8:76: tls_certificate = "cert.pem": found a certificate rather than a key in the PEM for the private key (no tls_key is set, so the key must stand in this file too)
f:8:103: tls_ciphers = "BAD": unknown cipher BAD
f:9:18: tls_certificate = "none.pem": the certificate cannot be read: no such file or directory
f:9:75: uri in AuthPlainParameters = "DIR": the password file cannot be read: it is not a regular file
f:10:18: tls_certificate = "both.pem": with tls_key "key.pem": private key does not match public key
f:11:18: tls_certificate = "both.pem": its tls_key "none.key" cannot be read: no such file or directory
f:11:64: tls_client_ca = "passwd": the file holds no certificate in PEM form
f:12:18: tls_certificate = "big": the certificate cannot be read: it is larger than 4194304 bytes
f:12:40: tls_client_ca = "none.ca": the authorities cannot be read: no such file or directory
f:16:47: tls_certificate = "passwd": failed to find any PEM data in certificate input (no tls_key is set, so the key must stand in this file too)
f:16:70: tls_ciphers = "BAD": unknown cipher BAD
f:17:80: Auth_Token = "DIR/empty": the token file "DIR/empty" is empty; it must hold the token
f:17:123: Auth_Token = "DIR/none": the token file "DIR/none" cannot be read: no such file or directory
f:19:19: logfile = "DIR/none/log": the directory DIR/none is not there; make it or name another file`
	got := ""
	if err != nil {
		got = strings.ReplaceAll(err.Error(), dir, "DIR")
	}
	shorten := func(s string) string { // columns move with the length of DIR
		var out []string
		for line := range strings.SplitSeq(s, "\n") {
			p := strings.SplitN(line, ":", 4)
			out = append(out, strings.Join([]string{p[0], p[1], p[len(p)-1]}, ":"))
		}
		return strings.Join(out, "\n")
	}
	if shorten(got) != shorten(want) {
		t.Errorf("got\n%s\nwant\n%s", shorten(got), shorten(want))
	}
	for want, tok := range map[string]Token{"": {}, "lit": {Literal: "lit"}, "0123": {File: "token"}} {
		if got, err := tok.Load(); got != want || err != nil {
			t.Errorf("%+v: %q, %v", tok, got, err)
		}
	}
	put(t, filepath.Join(dir, "none"), "a:b\n")
	c = parse(t, strings.ReplaceAll(minimal(`Listen "*:1" { AuthPlainParameters = [ uri = "file://DIR/none" ] tls_certificate = both.pem }`), "DIR", dir))
	if err := c.Check(Checker{}); err != nil {
		t.Error(err)
	}
}
