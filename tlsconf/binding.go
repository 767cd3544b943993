package tlsconf

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
)

// Names of channel binding types (IANA; XEP-0440 §2).
const (
	TLSExporter       = "tls-exporter"
	TLSServerEndPoint = "tls-server-end-point"
	TLSUnique         = "tls-unique"
)

// Binding is one channel binding of a connection: both ends compute the same Data.
type Binding struct {
	Type string
	Data []byte // owned by the caller
}

// Bindings returns the channel bindings of a connection, the strongest first: tls-exporter, tls-server-end-point and, last,
// because only old clients know nothing better, tls-unique. leaf is the certificate that was served on it,
// Config.Leaf(st.ServerName); nil gives no tls-server-end-point.
func Bindings(st *tls.ConnectionState, leaf *x509.Certificate) []Binding {
	var out []Binding
	if st == nil || !st.HandshakeComplete {
		return nil
	}
	// RFC 9266 §2: the label, a context that is there but empty, 32 bytes. §4.2: only TLS 1.3, or 1.2 with an extended
	// master secret; crypto/tls refuses otherwise.
	exporter, err := st.ExportKeyingMaterial("EXPORTER-Channel-Binding", []byte{}, 32)
	if err == nil {
		out = append(out, Binding{TLSExporter, exporter})
	}
	if b := endPoint(leaf); b != nil {
		out = append(out, Binding{TLSServerEndPoint, b})
	}
	// RFC 5929 §3 gives TLS 1.2 tls-unique; RFC 7627 §7 makes it safe with an extended master secret, which is there when the
	// exporter works. TLS 1.3 has none (RFC 8446 appendix C.5).
	if err == nil && st.Version == tls.VersionTLS12 && len(st.TLSUnique) > 0 {
		out = append(out, Binding{TLSUnique, bytes.Clone(st.TLSUnique)})
	}
	return out
}

// endPointHash is the hash of the certificate's signature; MD5 and SHA-1 become SHA-256 (RFC 5929 §4.1). Algorithms that
// are missing have no hash of their own: for them the binding is undefined, Ed25519 among them.
var endPointHash = map[x509.SignatureAlgorithm]crypto.Hash{
	x509.MD5WithRSA: crypto.SHA256, x509.SHA1WithRSA: crypto.SHA256, x509.DSAWithSHA1: crypto.SHA256, x509.ECDSAWithSHA1: crypto.SHA256,
	x509.SHA256WithRSA: crypto.SHA256, x509.SHA256WithRSAPSS: crypto.SHA256, x509.DSAWithSHA256: crypto.SHA256, x509.ECDSAWithSHA256: crypto.SHA256,
	x509.SHA384WithRSA: crypto.SHA384, x509.SHA384WithRSAPSS: crypto.SHA384, x509.ECDSAWithSHA384: crypto.SHA384,
	x509.SHA512WithRSA: crypto.SHA512, x509.SHA512WithRSAPSS: crypto.SHA512, x509.ECDSAWithSHA512: crypto.SHA512,
}

// endPoint returns the tls-server-end-point data of a certificate, nil when undefined (RFC 5929 §4.1).
func endPoint(leaf *x509.Certificate) []byte {
	if leaf == nil {
		return nil
	}
	h, ok := endPointHash[leaf.SignatureAlgorithm]
	if !ok || !h.Available() {
		return nil
	}
	d := h.New()
	d.Write(leaf.Raw)
	return d.Sum(nil)
}
