package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Requires reports whether tls_verify_mode is require. Handshakes without a certificate that verifies fail then.
func (c *Config) Requires() bool { return c != nil && c.mode == verifyRequire }

func (c *Config) time() time.Time { return c.now() }

// ErrNoClientCert says that the client presented no certificate although one is required.
var ErrNoClientCert = errors.New("the client presented no certificate")

// maxChain bounds the certificates that a client may send, its own among them. Chains have three or four; every pair of
// certificates may cost a signature verification.
const maxChain = 8

// VerifyClient says whether the client's certificate is signed by one of the authorities of tls_client_ca and valid
// now. The error says why not; it is nil when the client presented none and none is required, and in mode none. Whose
// certificate it is, the caller finds with XMPPAddrs or MatchDomain. The check runs in the caller's goroutine and costs
// one or a few signature verifications.
func VerifyClient(cfg *Config, st *tls.ConnectionState) (verified bool, err error) {
	if cfg == nil || st == nil {
		return false, nil
	}
	return cfg.verify(cfg.st.Load(), st)
}

func (c *Config) verify(st *state, cs *tls.ConnectionState) (bool, error) {
	if c.mode == verifyNone {
		return false, nil
	}
	if len(cs.PeerCertificates) == 0 {
		if c.mode == verifyRequire {
			return false, ErrNoClientCert
		}
		return false, nil
	}
	leaf := cs.PeerCertificates[0]
	if n := len(cs.PeerCertificates); n > maxChain {
		return false, fmt.Errorf("client certificate %s: it comes with %d others, the limit is %d", describe(leaf), n-1, maxChain-1)
	}
	pool := x509.NewCertPool()
	for _, i := range cs.PeerCertificates[1:] {
		pool.AddCert(i)
	}
	_, err := handled(leaf).Verify(x509.VerifyOptions{
		Roots:         st.roots,
		Intermediates: pool,
		CurrentTime:   c.now(),
		// A server that connects to a server may have a certificate for serving only: public authorities stopped
		// issuing the other kind.
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return false, fmt.Errorf("client certificate %s: %s%w", describe(leaf), why(leaf, err, c.now()), quiet{err})
	}
	return true, nil
}

// quiet keeps an error in the chain without printing it twice.
type quiet struct{ error }

func (quiet) Error() string   { return "" }
func (q quiet) Unwrap() error { return q.error }

// why is the reason of a failed verification in a few words.
func why(leaf *x509.Certificate, err error, now time.Time) string {
	if inv, ok := errors.AsType[x509.CertificateInvalidError](err); ok && inv.Reason == x509.Expired {
		bad := inv.Cert
		switch {
		case bad == nil:
		case now.Before(bad.NotBefore):
			return "not valid before " + bad.NotBefore.UTC().Format(time.RFC3339)
		case bad.Equal(leaf):
			return "expired on " + bad.NotAfter.UTC().Format(time.RFC3339)
		default:
			return fmt.Sprintf("its issuer %s expired on %s", describe(bad), bad.NotAfter.UTC().Format(time.RFC3339))
		}
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fmt.Sprintf("signed by %q, which is not in tls_client_ca", leaf.Issuer.String())
	}
	return reason(err)
}

// handled returns cert, or a copy without the mark that crypto/x509 leaves when the subject alternative name is critical
// and holds only kinds of names that it does not know: the XMPP kinds are known here. RFC 5280 §4.2.1.6 makes the
// extension critical when the subject is empty.
func handled(cert *x509.Certificate) *x509.Certificate {
	isSAN := func(id asn1.ObjectIdentifier) bool { return id.Equal(oidSAN) }
	if !slices.ContainsFunc(cert.UnhandledCriticalExtensions, isSAN) || len(XMPPAddrs(cert))+len(SRVNames(cert)) == 0 {
		return cert
	}
	c := *cert
	c.UnhandledCriticalExtensions = slices.DeleteFunc(slices.Clone(cert.UnhandledCriticalExtensions), isSAN)
	return &c
}
