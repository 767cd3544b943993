package tlsconf

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// today is the clock of the tests.
var today = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// want describes a certificate to make.
type want struct {
	cn, dns, xmpp, srv []string
	from, to           time.Time
	critical           bool // the alternative names are critical
	ca                 bool
	key                crypto.Signer
	sign               x509.SignatureAlgorithm
}

// issued is a certificate with its key and the one that signed it.
type issued struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var serial atomic.Int64

// issue makes a certificate; by nil it signs itself.
func issue(t testing.TB, by *issued, w want) *issued {
	t.Helper()
	if w.key == nil {
		w.key = newKey(t)
	}
	if w.from.IsZero() {
		w.from, w.to = today.AddDate(0, -1, 0), today.AddDate(1, 0, 0)
	}
	tm := &x509.Certificate{SerialNumber: big.NewInt(1000 + serial.Add(1)), NotBefore: w.from, NotAfter: w.to,
		IsCA: w.ca, BasicConstraintsValid: true, SignatureAlgorithm: w.sign, KeyUsage: x509.KeyUsageDigitalSignature}
	if w.ca {
		tm.KeyUsage |= x509.KeyUsageCertSign
	}
	for _, cn := range w.cn {
		tm.Subject.CommonName = cn
	}
	var names []asn1.RawValue
	for _, d := range w.dns {
		names = append(names, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 2, Bytes: []byte(d)})
	}
	add := func(id asn1.ObjectIdentifier, tag int, list []string) {
		for _, v := range list {
			n, err := encodeOther(id, tag, v)
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, n)
		}
	}
	add(oidXMPPAddr, asn1.TagUTF8String, w.xmpp)
	add(oidSRVName, asn1.TagIA5String, w.srv)
	if len(names) > 0 {
		san, err := asn1.Marshal(names)
		if err != nil {
			t.Fatal(err)
		}
		tm.ExtraExtensions = []pkix.Extension{{Id: oidSAN, Value: san, Critical: w.critical}}
	}
	parent, signer := tm, w.key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, tm, parent, w.key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issued{c, w.key}
}

func newCA(t testing.TB, name string) *issued {
	return issue(t, nil, want{cn: []string{name}, ca: true})
}

func (i *issued) certPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.cert.Raw})
}

func (i *issued) keyPEM(t testing.TB) []byte {
	t.Helper()
	b, err := x509.MarshalPKCS8PrivateKey(i.key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b})
}

func (i *issued) pair(t testing.TB) []byte { return append(i.certPEM(), i.keyPEM(t)...) }

func (i *issued) tls() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{i.cert.Raw}, PrivateKey: i.key}
}

// put writes a file of mode 0600 into a directory of its own and returns its path.
func put(t testing.TB, name string, b ...[]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	overwrite(t, path, b...)
	return path
}

func overwrite(t testing.TB, path string, b ...[]byte) {
	t.Helper()
	var all []byte
	for _, p := range b {
		all = append(all, p...)
	}
	if err := os.WriteFile(path, all, 0o600); err != nil {
		t.Fatal(err)
	}
}

// load is Load with the clock of the tests.
func load(t testing.TB, o Options) *Config {
	t.Helper()
	c, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	c.now = func() time.Time { return today }
	return c
}

// pool is a pool of one.
func pool(by *issued) *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(by.cert)
	return p
}

// sockets returns two ends of a buffered connection: with net.Pipe a client that sends an alert while the server still
// writes its flight would wait for ever.
func sockets(t testing.TB) (a, b net.Conn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]net.Conn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "socket")
		if ends[i], err = net.FileConn(f); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	return ends[0], ends[1]
}

// shake runs one handshake and returns what both sides think of it. One byte goes from the server to the client, so that
// session tickets and late alerts arrive.
func shake(t testing.TB, server, client *tls.Config) (ss, cs tls.ConnectionState, serr, cerr error) {
	t.Helper()
	a, b := sockets(t)
	limit := time.Now().Add(20 * time.Second)
	_ = a.SetDeadline(limit)
	_ = b.SetDeadline(limit)
	s := tls.Server(a, server)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if serr = s.Handshake(); serr == nil {
			_, serr = s.Write([]byte{'x'})
		}
		ss = s.ConnectionState()
		_ = a.Close()
	}()
	client = client.Clone()
	client.Time = func() time.Time { return today }
	c := tls.Client(b, client)
	if cerr = c.Handshake(); cerr == nil {
		_, cerr = io.ReadFull(c, make([]byte, 1))
	}
	cs = c.ConnectionState()
	_ = b.Close()
	<-done
	return ss, cs, serr, cerr
}
