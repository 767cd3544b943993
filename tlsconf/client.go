package tlsconf

import (
	"crypto/tls"
	"slices"
)

// Client returns the tls.Config for a connection that we make in the name of the domain local to the
// domain remote, nil when TLS is not Enabled. Our certificate for local is shown to a peer that asks
// for one. The peer's is not judged in the handshake: VerifyClient and MatchDomain do that afterwards,
// where a failure need not be the end (RFC 6120 §13.7.2). With alpn names it is for direct TLS
// (XEP-0368).
func (c *Config) Client(local, remote string, alpn ...string) *tls.Config {
	if !c.Enabled() {
		return nil
	}
	st := c.st.Load()
	cfg := &tls.Config{
		DynamicRecordSizingDisabled: true,

		MinVersion:       tls.VersionTLS12,
		CipherSuites:     st.suites,
		CurvePreferences: c.keys,
		NextProtos:       slices.Clone(alpn),
		ServerName:       ascii(remote),
		// See above: what the certificate is worth, is asked when the handshake is over.
		InsecureSkipVerify: true,
		Time:               c.time,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &st.pick(local).cert, nil
		},
	}
	if len(st.suites) == 0 {
		cfg.MinVersion = tls.VersionTLS13
	}
	return cfg
}
