// Package tlsconf turns the TLS options of a listener (certificate, key, ciphers, client CA,
// verify mode) into what crypto/tls needs, and answers the questions that the XMPP layers ask
// about a TLS connection: which certificate was served, whether the client's certificate holds,
// which XMPP addresses it names, and what channel binding data both sides share.
//
//	cfg, err := tlsconf.Load(tlsconf.Options{Certificate: "cert.pem", Key: "key.pem"})
//	conn.StartTLS(cfg.Server(), timeout)               // STARTTLS
//	conn.StartTLS(cfg.Server("xmpp-client"), timeout)  // direct TLS with ALPN (XEP-0368)
//
// TLS 1.2 and 1.3 are spoken, nothing older. Files are read by Load and Reload only; a Reload
// serves new handshakes and leaves open connections alone. Renegotiation does not exist here.
package tlsconf

// ALPN protocol names of XMPP over direct TLS (XEP-0368 §3).
const (
	ALPNClient = "xmpp-client"
	ALPNServer = "xmpp-server"
)

// Options are the TLS options of one scope of the configuration, as written there.
// The zero value means: no TLS.
type Options struct {
	// Certificate is a PEM file: the certificate, then the intermediates, and perhaps the key.
	// "none" switches TLS off in this scope whatever else is set.
	Certificate string
	// Key is a PEM file with the private key. Empty or "none": the key is in Certificate.
	Key string
	// Ciphers is a cipher string in OpenSSL's form, see ParseCiphers. Empty means DEFAULT.
	Ciphers string
	// KeyExchange is how keys are agreed on: "hybrid", which empty means, is the choice of
	// crypto/tls, X25519MLKEM768 first; "classic" is X25519 and P-256 alone, which takes less
	// computing (netio/DESIGN.md) and does not hold against who records today and has a quantum
	// computer later.
	KeyExchange string
	// ClientCA is a PEM bundle of the authorities that may sign client certificates.
	// Empty or "none": those of the operating system.
	ClientCA string
	// VerifyMode says what happens to client certificates: "none" does not ask for one,
	// "require" ends the handshake without one that verifies, and empty or any other word asks
	// for one and leaves the verdict to VerifyClient.
	VerifyMode string
	// Extra are further certificates, chosen by the name the client asks for (SNI).
	// Where two certificates cover one name, the earlier serves it.
	Extra []Pair
}

// Pair names the files of one more certificate, with the meanings of Options.Certificate and
// Options.Key. A Pair whose Certificate is empty or "none" is skipped.
type Pair struct{ Certificate, Key string }

// none is the word that cancels an inherited value.
const none = "none"

// set reports whether an option holds a value that is not the cancelling word.
func set(v string) bool { return v != "" && v != none }
