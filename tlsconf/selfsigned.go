package tlsconf

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 5280 §4.2.1.2 names it for key identifiers
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The files that SelfSigned keeps in its directory, and how long a certificate of it is valid. Nothing renews it from
// outside, so it lasts; SelfSigned makes a new one in its last month.
const (
	selfCertFile = "selfsigned-cert.pem"
	selfKeyFile  = "selfsigned-key.pem"
	selfYears    = 10
	selfRenew    = 30 * 24 * time.Hour
)

// SelfSigned makes sure that dir holds a self-signed certificate for the domains and its key, and returns their paths.
// What is there stays as long as it works, names all the domains and is not about to expire; created says that a new pair
// was made. The key is ECDSA on P-256 in a file of mode 0600; the certificate names each domain as dNSName (or
// iPAddress), as SRVName and as xmppAddr. dir must exist.
func SelfSigned(dir string, domains []string) (cert, key string, created bool, err error) {
	cert, key = filepath.Join(dir, selfCertFile), filepath.Join(dir, selfKeyFile)
	if len(domains) == 0 {
		return cert, key, false, errors.New("self-signed certificate: no domain to make it for")
	}
	now := time.Now()
	s, _, err := loadPair(Pair{cert, key})
	// A file that is there but out of reach would be lost by writing: that is the operator's decision.
	if errors.Is(err, os.ErrPermission) {
		return cert, key, false, err
	}
	if err == nil && s.covers(domains) && now.Add(selfRenew).Before(s.cert.Leaf.NotAfter) {
		return cert, key, false, nil
	}
	certPEM, keyPEM, err := makeSelf(domains, now)
	if err != nil {
		return cert, key, false, fmt.Errorf("self-signed certificate: %w", err)
	}
	// The key goes first: a stop between the two leaves a pair that does not match and is made anew.
	if err := replaceFile(key, keyPEM, 0o600); err != nil {
		return cert, key, false, fmt.Errorf("self-signed certificate: %w", err)
	}
	if err := replaceFile(cert, certPEM, 0o644); err != nil {
		return cert, key, false, fmt.Errorf("self-signed certificate: %w", err)
	}
	return cert, key, true, nil
}

func (s *served) covers(domains []string) bool {
	return !slices.ContainsFunc(domains, func(d string) bool { return !MatchDomain(s.cert.Leaf, d) })
}

// makeSelf returns a new certificate and its key, both in PEM.
func makeSelf(domains []string, now time.Time) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	san, err := selfNames(domains)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, err
	}
	pub, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, nil, err
	}
	id := sha1.Sum(pub) //nolint:gosec // an identifier, not a signature
	t := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: shorten(domains[0], 64), Organization: []string{"Roost self-signed"}},
		NotBefore:             now.Add(-24 * time.Hour).UTC(), // clients' clocks
		NotAfter:              now.AddDate(selfYears, 0, 0).UTC(),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		SubjectKeyId:          id[:],
		AuthorityKeyId:        id[:],
		ExtraExtensions:       []pkix.Extension{{Id: oidSAN, Value: san}},
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), nil
}

// selfNames encodes the subject alternative names (RFC 5280 §4.2.1.6) of the domains.
func selfNames(domains []string) ([]byte, error) {
	var names []asn1.RawValue
	for _, d := range domains {
		if a, err := netip.ParseAddr(strings.Trim(d, "[]")); err == nil {
			names = append(names, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 7, Bytes: a.Unmap().AsSlice()})
		} else {
			dns := ascii(d)
			if dns == "" {
				return nil, fmt.Errorf("%q is not a domain name", d)
			}
			names = append(names, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 2, Bytes: []byte(dns)})
			for _, service := range []string{"_xmpp-client.", "_xmpp-server."} {
				n, err := encodeOther(oidSRVName, asn1.TagIA5String, service+dns)
				if err != nil {
					return nil, err
				}
				names = append(names, n)
			}
		}
		n, err := encodeOther(oidXMPPAddr, asn1.TagUTF8String, d)
		if err != nil {
			return nil, err
		}
		names = append(names, n)
	}
	return asn1.Marshal(names)
}

// encodeOther encodes an otherName.
func encodeOther(id asn1.ObjectIdentifier, tag int, value string) (asn1.RawValue, error) {
	inner, err := asn1.Marshal(asn1.RawValue{Tag: tag, Bytes: []byte(value)})
	if err != nil {
		return asn1.RawValue{}, err
	}
	b, err := asn1.MarshalWithParams(otherName{ID: id, Value: asn1.RawValue{
		Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: inner}}, "tag:0")
	return asn1.RawValue{FullBytes: b}, err
}

// shorten cuts s to n bytes (the upper bound of a common name, RFC 5280 appendix A.1).
func shorten(s string, n int) string { return strings.ToValidUTF8(s[:min(len(s), n)], "") }

// replaceFile writes a file whole: whoever reads it sees the old bytes or the new ones.
func replaceFile(path string, b []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// Fingerprint returns the SHA-256 of the first certificate in the file as pairs of hexadecimal digits joined by colons,
// the way clients show it. A bad file is an *Error.
func Fingerprint(certFile string) (string, error) {
	b, _, err := readFile(optCertificate, certFile)
	if err != nil {
		return "", err
	}
	bs, err := blocks(optCertificate, certFile, b)
	if err != nil {
		return "", err
	}
	certs, err := certificates(optCertificate, certFile, bs)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(certs[0].Raw)
	return string(bytes.ReplaceAll(fmt.Appendf(nil, "% X", sum[:]), []byte(" "), []byte(":"))), nil
}
