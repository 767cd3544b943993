package load

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"roost/bench/benchtest"
	"roost/bench/measure"
)

// certificate makes one for localhost, and the file that holds it.
func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"},
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, name
}

// TestTLS: sessions talk under TLS 1.2 and 1.3, large and small, and resume where they may.
func TestTLS(t *testing.T) {
	cert, ca := certificate(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, resume := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/resume=%v", tls.VersionName(version), resume), func(t *testing.T) {
				srv := &benchtest.Server{TLS: &tls.Config{Certificates: []tls.Certificate{cert}}}
				srv.Start(t)
				e, sc := engine(t, srv, fmt.Sprintf(`
users: 10
login: { tls: direct, resume: %v }
phases:
  - { name: ramp, kind: ramp, window: 2 }
  - { kind: hold, for: 300ms, load: [ { do: message, window: 4, size: [ { bytes: 60 }, { bytes: 40000 } ] } ] }
  - { name: storm, kind: storm, window: 3 }
  - { kind: drain }
`, resume))
				defer e.Close()
				e.cfg.Target.CA, e.cfg.Target.MaxTLS = ca, version
				cfg, err := e.cfg.Target.tlsConfig(true)
				if err != nil {
					t.Fatal(err)
				}
				cfg.ClientSessionCache = e.ticks
				e.to.tls = cfg
				all := measure.NewSegment(nil)
				for _, seg := range sc.Segments() {
					m, err := e.Run(context.Background(), seg, nil)
					if err != nil {
						t.Fatal(err)
					}
					all.Merge(m)
				}
				a := all.Account[measure.Messages]
				if a.Sent < 20 || a.Delivered != a.Sent || len(all.Errors) > 0 {
					t.Errorf("%+v, %v", a, all.Errors)
				}
				if n := all.Full + all.Resumed; n != 20 || resume != (all.Resumed > 5) {
					t.Errorf("%d handshakes, %d of them resumed", n, all.Resumed)
				}
			})
		}
	}
}

// TestTLSRefused: a server whose certificate is another's is an error that has a name, and so is one that speaks no TLS.
func TestTLSRefused(t *testing.T) {
	cert, _ := certificate(t)
	_, other := certificate(t)
	for _, srv := range []*benchtest.Server{{TLS: &tls.Config{Certificates: []tls.Certificate{cert}}}, {}} {
		srv.Start(t)
		e, sc := engine(t, srv, "users: 3\nlogin: { tls: direct, timeout: 1s }\nphases: [ { kind: ramp } ]\n")
		e.cfg.Target.CA = other
		cfg, err := e.cfg.Target.tlsConfig(true)
		if err != nil {
			t.Fatal(err)
		}
		e.to.tls = cfg
		m, err := e.Run(context.Background(), sc.Segments()[0], nil)
		if err != nil || m.Kind(measure.TLS).Errors != 3 || m.Sessions != 0 {
			t.Errorf("%v, %v", err, m.Errors)
		}
		e.Close()
	}
}
