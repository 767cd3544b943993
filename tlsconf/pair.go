package tlsconf

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"slices"
	"time"
)

// served is one certificate with its chain and key, ready for a handshake.
type served struct {
	cert tls.Certificate // Leaf is set
	file string          // where the certificate came from
	sum  [sha256.Size]byte
}

// stamp is what tells one version of a file from another without reading it.
type stamp struct {
	path string
	mod  time.Time
	size int64
	mode os.FileMode // 0: there was no such file
}

func stampOf(path string, fi os.FileInfo) stamp {
	return stamp{path: path, mod: fi.ModTime(), size: fi.Size(), mode: fi.Mode()}
}

// stat returns the present stamp of a file; one without mode when it cannot be looked at.
func stat(path string) stamp {
	fi, err := os.Stat(path)
	if err != nil {
		return stamp{path: path}
	}
	return stampOf(path, fi)
}

// loadPair reads a certificate with its key. The stamps cover every file it looked at, also on error.
func loadPair(p Pair) (*served, []stamp, error) {
	var stamps []stamp
	read := func(option, path string) ([]*pem.Block, error) {
		b, st, err := readFile(option, path)
		stamps = append(stamps, st)
		if err != nil {
			return nil, err
		}
		return blocks(option, path, b)
	}
	bs, err := read(optCertificate, p.Certificate)
	if err != nil {
		return nil, stamps, err
	}
	chain, err := certificates(optCertificate, p.Certificate, bs)
	if err != nil {
		return nil, stamps, err
	}
	option, path := optCertificate, p.Certificate
	if set(p.Key) {
		option, path = optKey, p.Key
		if bs, err = read(option, path); err != nil {
			return nil, stamps, err
		}
	}
	key, err := privateKey(option, path, bs)
	if err != nil {
		return nil, stamps, err
	}
	if key == nil {
		return nil, stamps, noKey(option, path, p)
	}
	if err := match(option, path, p.Certificate, key, chain); err != nil {
		return nil, stamps, err
	}
	s := &served{file: p.Certificate, sum: sha256.Sum256(chain[0].Raw)}
	s.cert = tls.Certificate{PrivateKey: key, Leaf: chain[0]}
	for _, c := range chain {
		s.cert.Certificate = append(s.cert.Certificate, c.Raw)
	}
	return s, stamps, nil
}

func noKey(option, path string, p Pair) error {
	if option == optKey {
		return &Error{Option: option, Value: path, Why: "no private key in the file",
			Do: "name the file with the -----BEGIN PRIVATE KEY----- line"}
	}
	return &Error{Option: option, Value: path, Why: "the file holds a certificate but no private key",
		Do: "set tls_key to the file with the key, or append the key to this file"}
}

// match checks that the key belongs to the first certificate of the chain.
func match(option, path, certFile string, key crypto.Signer, chain []*x509.Certificate) error {
	pub, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok {
		return &Error{Option: option, Value: path, Why: fmt.Sprintf("keys of type %T cannot serve TLS", key)}
	}
	for i, c := range chain {
		if !pub.Equal(c.PublicKey) {
			continue
		}
		if i == 0 {
			return nil
		}
		return &Error{Option: optCertificate, Value: certFile,
			Why: fmt.Sprintf("the certificate of this server is number %d in the file", i+1),
			Do:  "put it first, then the intermediate certificates in order"}
	}
	return &Error{Option: option, Value: path,
		Why: fmt.Sprintf("this key does not belong to the certificate for %s in %s", describe(chain[0]), certFile),
		Do:  "name the key that the certificate was requested with, or ask for a certificate for this key"}
}

// describe names a certificate for people.
func describe(c *x509.Certificate) string {
	for _, list := range [][]string{c.DNSNames, XMPPAddrs(c)} {
		if len(list) > 0 {
			return fmt.Sprintf("%q", list[0])
		}
	}
	if c.Subject.CommonName != "" {
		return fmt.Sprintf("%q", c.Subject.CommonName)
	}
	return fmt.Sprintf("serial %x", c.SerialNumber)
}

// soon is how long before the end of validity the notes begin to warn.
const soon = 14 * 24 * time.Hour

// notes returns what the operator should know about a certificate that works nevertheless.
func (s *served) notes(now time.Time, tls12 []uint16) []string {
	var out []string
	note := func(format string, a ...any) {
		out = append(out, fmt.Sprintf("tls_certificate %q: ", s.file)+fmt.Sprintf(format, a...))
	}
	leaf := s.cert.Leaf
	const day = time.DateOnly
	switch {
	case now.After(leaf.NotAfter):
		note("expired on %s; clients will refuse it", leaf.NotAfter.Format(day))
	case now.Add(soon).After(leaf.NotAfter):
		note("expires on %s", leaf.NotAfter.Format(day))
	case now.Before(leaf.NotBefore):
		note("is not valid before %s; clients will refuse it", leaf.NotBefore.Format(day))
	}
	if len(leaf.DNSNames)+len(XMPPAddrs(leaf))+len(SRVNames(leaf))+len(leaf.IPAddresses) == 0 {
		note("names no domain (the subject's common name does not count); clients will refuse it")
	}
	chain := []*x509.Certificate{leaf}
	for _, der := range s.cert.Certificate[1:] {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			break
		}
		if chain[len(chain)-1].CheckSignatureFrom(c) != nil {
			note("certificate %d in the file did not sign the one before it; some clients will refuse the chain", len(chain)+1)
			break
		}
		chain = append(chain, c)
	}
	if len(tls12) > 0 && !serves(leaf, tls12) {
		note("no TLS 1.2 suite of tls_ciphers works with a key of type %s; clients need TLS 1.3", leaf.PublicKeyAlgorithm)
	}
	if k, ok := leaf.PublicKey.(*rsa.PublicKey); ok && k.N.BitLen() < 2048 {
		note("an RSA key of %d bits is weak", k.N.BitLen())
	}
	return out
}

// serves reports whether one of the TLS 1.2 suites can be used with the certificate's key.
func serves(leaf *x509.Certificate, ids []uint16) bool {
	want := aECDSA // Ed25519 too goes with the suites that say ECDSA (RFC 8422 §5.10)
	if _, ok := leaf.PublicKey.(*rsa.PublicKey); ok {
		want = aRSA
	}
	for _, s := range suites {
		if s.attr&want != 0 && slices.Contains(ids, s.id) {
			return true
		}
	}
	return false
}
