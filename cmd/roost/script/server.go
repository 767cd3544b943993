package script

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A Server is a server that runs a script's configuration.
type Server interface {
	// Addr is where the endpoint listens that the configuration calls Listen "listen"; "http" is the first
	// of HTTP_Listener.
	Addr(listen string) string
	// Stop ends the server in order: streams are told, the store is closed.
	Stop() error
	// Kill ends it as SIGKILL does.
	Kill() error
}

// Options of a start.
type Options struct {
	Dir     string // of this script: configuration, store, password files
	Config  string // the configuration file
	Cut     bool   // the server reads one byte at a time
	Process bool   // Kill will be called: nothing but the files may outlive it
}

// Start starts a server, the first or a further one on the same Dir.
type Start func(Options) (Server, error)

const (
	defaultDomain = "localhost"
	clearListen   = "127.0.0.1:0"
	directListen  = "127.0.0.2:0"
	password      = "secret"
)

// DefaultUsers is the password file of a script without a section "users".
const DefaultUsers = "alice:secret\nbob:secret\ncarol:secret\ndave:secret\n"

// DefaultConfig is the configuration of a script without a section "roost.conf". {global},
// {domain} and {listener} are replaced by the sections global.conf, domain.conf and listener.conf, {dir} by the directory,
// {cert}, {key} and {ca} by files that the harness makes, {service} by the URL of the service that the
// script plays.
const DefaultConfig = `
Data_Dir = "{dir}/data"
xmpp {}
domain "#xmpp#localhost" {
  XMPP_Role = server
  {domain}
}
domain "#xmpp#example.test" {
  XMPP_Role = server
}
{global}
xmpp_listener {
  require_tls = false
  AuthPlainParameters = [ uri = "file://{dir}/users" ]
  TLS_Certificate = "{cert}"
  TLS_Key = "{key}"
  {listener}
  Listen "127.0.0.1:0" {}
  Listen "127.0.0.2:0" { use_ssl = true }
}
scriptlet "scriptlet" {
  script "xmpp-presence" {
    source = "msys.xmpp.presence"
  }
}
`

// What keeps the servers of scripts that run side by side off the endpoints that are on by default.
const (
	noControl = `
Control_Listener {
  enable = off
}
`
	noHTTP = `
HTTP_Listener {
  enable = off
}
`
	ownHTTP = `
HTTP_Listener {
  Listen "127.0.0.1:0" {}
}
`
)

// prepareDir writes the files that the server reads and gives the configuration's name.
func prepareDir(s *Script, dir string, service *service, peer string) (config string, err error) {
	cert, err := makeCerts(dir)
	if err != nil {
		return "", err
	}
	users, conf := s.files["users"], s.files["roost.conf"]
	if users == "" {
		users = DefaultUsers
	}
	if conf == "" {
		conf = DefaultConfig
	}
	fill := strings.NewReplacer("{global}", s.files["global.conf"], "{listener}", s.files["listener.conf"],
		"{domain}", s.files["domain.conf"])
	conf = fill.Replace(conf) + noControl
	switch {
	case strings.Contains(conf, "HTTP_Listener"):
	case s.names("http"):
		conf += ownHTTP
	default:
		conf += noHTTP
	}
	fill = strings.NewReplacer("{dir}", dir, "{cert}", cert.cert, "{key}", cert.key, "{ca}", cert.ca, "{service}", service.url(), "{peer}", peer)
	files := map[string]string{"users": users, "roost.conf": fill.Replace(conf)}
	for name, body := range s.files {
		if _, ok := files[name]; !ok && !strings.HasSuffix(name, ".conf") {
			files[name] = fill.Replace(body)
		}
	}
	for name, body := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, "roost.conf"), nil
}

// certs are the files that TLS scripts use.
type certs struct{ cert, key, ca string }

// makeCerts makes a self-signed certificate for the server, and an authority that has signed
// client certificates for alice and bob, in client-NAME.pem and client-NAME.key.
func makeCerts(dir string) (c certs, err error) {
	c = certs{filepath.Join(dir, "server.pem"), filepath.Join(dir, "server.key"), filepath.Join(dir, "ca.pem")}
	server := template("localhost")
	server.DNSNames = []string{"localhost", "example.test"}
	if _, _, err = writeCert(server, nil, nil, c.cert, c.key); err != nil {
		return c, err
	}
	ca := template("clients")
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	caCert, caKey, err := writeCert(ca, nil, nil, c.ca, filepath.Join(dir, "ca.key"))
	if err != nil {
		return c, err
	}
	for _, who := range []string{"alice", "bob"} {
		t := template(who)
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		if t.ExtraExtensions, err = xmppAddr(who + "@localhost"); err != nil {
			return c, err
		}
		base := filepath.Join(dir, "client-"+who)
		if _, _, err = writeCert(t, caCert, caKey, base+".pem", base+".key"); err != nil {
			return c, err
		}
	}
	for who, until := range map[string]time.Time{"remote.test": time.Now().Add(time.Hour), "expired": time.Now().Add(-time.Minute)} {
		t := template(who) // another server's
		t.DNSNames, t.NotAfter = []string{"remote.test"}, until
		base := filepath.Join(dir, "client-"+who)
		if _, _, err = writeCert(t, caCert, caKey, base+".pem", base+".key"); err != nil {
			return c, err
		}
	}
	return c, nil
}

func template(cn string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: cn},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

// xmppAddr is a subject alternative name id-on-xmppAddr (RFC 6120 §13.7.1.4).
func xmppAddr(jid string) ([]pkix.Extension, error) {
	text, err := asn1.MarshalWithParams(jid, "utf8")
	if err != nil {
		return nil, err
	}
	id, err := asn1.Marshal(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 8, 5})
	if err != nil {
		return nil, err
	}
	tagged := func(content []byte) ([]byte, error) { // [0], constructed
		return asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: content})
	}
	value, err := tagged(text)
	if err != nil {
		return nil, err
	}
	name, err := tagged(append(id, value...))
	if err != nil {
		return nil, err
	}
	san, err := asn1.Marshal([]asn1.RawValue{{FullBytes: name}})
	return []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: san}}, err
}

func writeCert(t, parent *x509.Certificate, signer *ecdsa.PrivateKey, certFile, keyFile string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if parent == nil {
		parent, signer = t, key
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, &key.PublicKey, signer)
	if err != nil {
		return nil, nil, err
	}
	k, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	if err := writePEM(certFile, "CERTIFICATE", der); err != nil {
		return nil, nil, err
	}
	if err := writePEM(keyFile, "PRIVATE KEY", k); err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return cert, key, err
}

func writePEM(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

// clientTLS is how scripts take up TLS. The certificate is the one that was just made, so it is
// not verified; that it is the right one is tlsconf's matter.
func clientTLS(dir string, opts map[string]string) (*tls.Config, error) {
	c := &tls.Config{ServerName: defaultDomain, InsecureSkipVerify: true}
	if v := opts["sni"]; v != "" {
		c.ServerName = v
	}
	if v := opts["alpn"]; v != "" {
		c.NextProtos = strings.Split(v, ",")
	}
	if opts["version"] == "1.2" {
		c.MaxVersion = tls.VersionTLS12
	}
	if who := opts["cert"]; who != "" {
		base := filepath.Join(dir, "client-"+who)
		cert, err := tls.LoadX509KeyPair(base+".pem", base+".key")
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{cert}
	}
	return c, nil
}
