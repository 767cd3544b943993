// Package tlsconf turns the TLS options of a listener into what crypto/tls needs.
package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"time"
)

var errTODO = errors.New("tlsconf: not built yet")

// Options are the TLS options of Table 10.1. "none" as a Certificate cancels TLS.
type Options struct {
	Certificate, Key, Ciphers, ClientCA, VerifyMode string
	Extra                                           []Pair // further certificates (domain stanzas), chosen by SNI
}

// Pair names the files of one more certificate; Key may be empty.
type Pair struct{ Certificate, Key string }

// Config is a loaded set of options; safe for concurrent use.
type Config struct{}

// Load reads every file that o names.
func Load(o Options) (*Config, error) { return nil, errTODO }

// Enabled reports whether there is a certificate to serve.
func (c *Config) Enabled() bool { return false }

// Server returns the configuration for accepted connections; nil when not Enabled.
func (c *Config) Server(alpn ...string) *tls.Config { return nil }

// Reload reads the files again for new handshakes; on error the old state stays.
func (c *Config) Reload() error { return errTODO }

// Changed reports whether a file differs from what was last read.
func (c *Config) Changed() bool { return false }

// Leaf returns the certificate that a client asking for serverName is served.
func (c *Config) Leaf(serverName string) *x509.Certificate { return nil }

// Expires returns the earliest end of validity and the file.
func (c *Config) Expires() (at time.Time, file string) { return time.Time{}, "" }

// Notes returns sentences for the log.
func (c *Config) Notes() []string { return nil }

// VerifyClient checks the client's certificate.
func VerifyClient(cfg *Config, st *tls.ConnectionState) (verified bool, err error) {
	return false, errTODO
}

// ParseCiphers maps an OpenSSL cipher string onto Go's suites.
func ParseCiphers(s string) ([]uint16, error) { return nil, errTODO }

// SelfSigned makes sure that dir holds a certificate for domains.
func SelfSigned(dir string, domains []string) (cert, key string, created bool, err error) {
	return "", "", false, errTODO
}

// Fingerprint returns the SHA-256 of the first certificate in the file, as AA:BB:….
func Fingerprint(certFile string) (string, error) { return "", errTODO }

// Binding is one channel binding of a connection.
type Binding struct {
	Type string
	Data []byte
}

// Bindings returns tls-exporter and tls-server-end-point where they exist.
func Bindings(st *tls.ConnectionState, leaf *x509.Certificate) []Binding { return nil }

// XMPPAddrs returns the id-on-xmppAddr values of cert.
func XMPPAddrs(cert *x509.Certificate) []string { return nil }

// SRVNames returns the id-on-dnsSRV values of cert.
func SRVNames(cert *x509.Certificate) []string { return nil }

// MatchDomain reports whether cert speaks for domain.
func MatchDomain(cert *x509.Certificate, domain string) bool { return false }
