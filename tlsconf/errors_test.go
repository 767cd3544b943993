package tlsconf

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// keyForms returns a certificate and its key in each of the older PEM forms.
func keyForms(t *testing.T) (pkcs1, sec1 []byte) {
	t.Helper()
	rk, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := issue(t, nil, want{dns: []string{"rsa.example"}, key: rk})
	pkcs1 = append(i.certPEM(), pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rk)})...)
	ek, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i = issue(t, nil, want{dns: []string{"ec.example"}, key: ek})
	der, err := x509.MarshalECPrivateKey(ek)
	if err != nil {
		t.Fatal(err)
	}
	params := []byte("-----BEGIN EC PARAMETERS-----\nBgUrgQQAIg==\n-----END EC PARAMETERS-----\n") // as openssl ecparam writes
	sec1 = append(append(params, i.certPEM()...), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})...)
	return pkcs1, sec1
}

func block(kind string, b []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}) }

func TestLoadErrors(t *testing.T) {
	ca := newCA(t, "ca")
	i, j := issue(t, ca, want{dns: []string{"x.example"}}), issue(t, ca, want{dns: []string{"y.example"}})
	dir := t.TempDir()
	file := func(b ...[]byte) string {
		f, err := os.CreateTemp(dir, "*.pem")
		if err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
		overwrite(t, f.Name(), b...)
		return f.Name()
	}
	good := file(i.pair(t))
	big := file()
	if err := os.Truncate(big, maxPEMFile+1); err != nil {
		t.Fatal(err)
	}
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	weak := weakRSA(t)
	x25519 := block("PRIVATE KEY", []byte("\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x6e\x04\x22\x04\x20"+strings.Repeat("k", 32)))
	cut := string(i.certPEM())
	for _, c := range []struct {
		o    Options
		want string // FILE stands for the file
	}{
		{Options{Certificate: dir + "/nothing.pem"}, `tls_certificate "FILE": the file does not exist; correct the path, or put the file there`},
		{Options{Certificate: dir}, `tls_certificate "FILE": this is a directory; name a PEM file in it`},
		{Options{Certificate: fifo}, `tls_certificate "FILE": this is not a regular file; name a PEM file`},
		{Options{Certificate: big}, fmt.Sprintf(`tls_certificate "FILE": the file has %d bytes, the limit is %d; name a PEM file`, maxPEMFile+1, maxPEMFile)},
		{Options{Certificate: file([]byte(" \n"))}, `tls_certificate "FILE": the file is empty; write the PEM data into it`},
		{Options{Certificate: file([]byte("hello"))}, `tls_certificate "FILE": no PEM data: no line begins with -----BEGIN; name a PEM file`},
		{Options{Certificate: file(i.cert.Raw)}, `tls_certificate "FILE": the file is not PEM but looks like DER or PKCS#12; convert it: openssl x509 -inform der -in FILE -out cert.pem (openssl pkcs12 for a .p12 or .pfx)`},
		{Options{Certificate: file([]byte(cut[:len(cut)/2]))}, `tls_certificate "FILE": the file has 1 BEGIN lines but only 0 whole PEM blocks: one is damaged or cut off; copy the file again`},
		{Options{Certificate: file(i.certPEM(), []byte("-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"))}, `tls_certificate "FILE": the file has 2 BEGIN lines but only 1 whole PEM blocks: one is damaged or cut off; copy the file again`},
		{Options{Certificate: file(block("CERTIFICATE", []byte("junk")))}, `tls_certificate "FILE": certificate 1 in the file cannot be read: malformed certificate; ask for a new one`},
		{Options{Certificate: file(i.keyPEM(t))}, `tls_certificate "FILE": no certificate in the file, only "PRIVATE KEY"; name the file with the -----BEGIN CERTIFICATE----- lines`},
		{Options{Certificate: file(block("CERTIFICATE REQUEST", []byte("x")))}, `tls_certificate "FILE": no certificate in the file, only "CERTIFICATE REQUEST"; this is a request for a certificate: send it to the authority and name the file that comes back`},
		{Options{Certificate: file(i.certPEM())}, `tls_certificate "FILE": the file holds a certificate but no private key; set tls_key to the file with the key, or append the key to this file`},
		{Options{Certificate: file(ca.certPEM(), i.certPEM(), i.keyPEM(t))}, `tls_certificate "FILE": the certificate of this server is number 2 in the file; put it first, then the intermediate certificates in order`},
		{Options{Certificate: file(i.certPEM(), weak)}, `tls_certificate "FILE": an RSA key of 512 bits is too weak; make a key of 2048 bits or more, or an ECDSA key`},
		{Options{Certificate: good, Key: dir + "/nothing.pem"}, `tls_key "FILE": the file does not exist; correct the path, or put the file there`},
		{Options{Certificate: good, Key: file(j.certPEM())}, `tls_key "FILE": no private key in the file; name the file with the -----BEGIN PRIVATE KEY----- line`},
		{Options{Certificate: good, Key: file(j.keyPEM(t))}, `tls_key "FILE": this key does not belong to the certificate for "x.example" in ` + good + `; name the key that the certificate was requested with, or ask for a certificate for this key`},
		{Options{Certificate: good, Key: file(block("ENCRYPTED PRIVATE KEY", []byte("x")))}, `tls_key "FILE": the private key is protected by a passphrase; store it without one: openssl pkey -in FILE -out key.pem, then chmod 0600 key.pem`},
		{Options{Certificate: good, Key: file([]byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"))}, `tls_key "FILE": the private key is protected by a passphrase; store it without one: openssl pkey -in FILE -out key.pem, then chmod 0600 key.pem`},
		{Options{Certificate: good, Key: file(x25519)}, `tls_key "FILE": keys of type *ecdh.PrivateKey cannot serve TLS; use an ECDSA, RSA or Ed25519 key`},
		{Options{Key: good}, `tls_key "FILE": there is a key but no certificate; set tls_certificate`},
		{Options{Certificate: good, ClientCA: dir + "/nothing.pem"}, `tls_client_ca "FILE": the file does not exist; correct the path, or put the file there`},
		{Options{Certificate: good, ClientCA: file(i.keyPEM(t))}, `tls_client_ca "FILE": no certificate in the file, only "PRIVATE KEY"; name the file with the -----BEGIN CERTIFICATE----- lines`},
		{Options{Certificate: good, VerifyMode: "require"}, `tls_verify_mode "require": there is no authority to verify client certificates with; set tls_client_ca to a PEM file with the authorities that sign your clients' certificates`},
		{Options{Certificate: good, VerifyMode: "requir"}, `tls_verify_mode "requir": no such mode; did you mean "require"?`},
		{Options{Certificate: good, VerifyMode: "nome"}, `tls_verify_mode "nome": no such mode; did you mean "none"?`},
		{Options{Certificate: good, KeyExchange: "quantum"}, `tls_key_exchange "quantum": no such key exchange; write hybrid or classic`},
		{Options{Certificate: good, Ciphers: "HIHG"}, `tls_ciphers "HIHG": no such cipher or keyword; did you mean "HIGH"?`},
		{Options{Certificate: good, Extra: []Pair{{Certificate: dir + "/nothing.pem"}}}, `tls_certificate "FILE": the file does not exist; correct the path, or put the file there`},
	} {
		_, err := Load(c.o)
		e, ok := errors.AsType[*Error](err)
		if !ok {
			t.Errorf("%+v: %v, want %s", c.o, err, c.want)
			continue
		}
		if w := strings.ReplaceAll(c.want, "FILE", e.Value); err.Error() != w {
			t.Errorf("\n got %v\nwant %s", err, w)
		}
	}
}

// TestAllErrorsAtOnce: one Load tells everything that is wrong.
func TestAllErrorsAtOnce(t *testing.T) {
	_, err := Load(Options{Certificate: "/nowhere/c.pem", Ciphers: "HIHG", ClientCA: "/nowhere/ca.pem", VerifyMode: "requir"})
	for _, opt := range []string{optCertificate, optCiphers, optClientCA, optVerify} {
		if err == nil || !strings.Contains(err.Error(), opt+" ") {
			t.Errorf("%v says nothing of %s", err, opt)
		}
	}
}

func TestFileError(t *testing.T) {
	path := put(t, "k.pem", []byte("x"))
	err := fileError(optKey, path, &fs.PathError{Op: "open", Path: path, Err: syscall.EACCES})
	want := fmt.Sprintf("tls_key %q: permission denied (the file has mode 0600); let the user that runs roost (uid %d) read it, for example: setfacl -m u:%d:r %s",
		path, os.Getuid(), os.Getuid(), path)
	if err.Error() != want || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
	err = fileError(optKey, path, &fs.PathError{Op: "read", Path: path, Err: syscall.EIO})
	if err.Error() != fmt.Sprintf("tls_key %q: input/output error", path) {
		t.Error(err)
	}
}

// weakRSA is a key that must be refused, as PEM.
func weakRSA(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/rsa512.pem")
	if err != nil {
		t.Fatal(err)
	}
	return b
}
