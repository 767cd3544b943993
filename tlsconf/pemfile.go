package tlsconf

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"syscall"
)

// maxPEMFile bounds a file in bytes. A distribution's whole CA bundle has about 220 kB.
const maxPEMFile = 4 << 20

// readFile returns the bytes of a regular file of at most maxPEMFile bytes, and its stamp.
// It never waits: a FIFO or a device is refused.
func readFile(option, path string) ([]byte, stamp, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, stamp{path: path}, fileError(option, path, err)
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, stamp{path: path}, fileError(option, path, err)
	}
	st := stampOf(path, fi)
	fail := func(why, do string) ([]byte, stamp, error) {
		return nil, st, &Error{Option: option, Value: path, Why: why, Do: do}
	}
	switch {
	case fi.IsDir():
		return fail("this is a directory", "name a PEM file in it")
	case !fi.Mode().IsRegular():
		return fail("this is not a regular file", "name a PEM file")
	case fi.Size() > maxPEMFile:
		return fail(fmt.Sprintf("the file has %d bytes, the limit is %d", fi.Size(), maxPEMFile), "name a PEM file")
	}
	b, err := io.ReadAll(io.LimitReader(f, maxPEMFile+1))
	if err != nil {
		return nil, st, fileError(option, path, err)
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return fail("the file is empty", "write the PEM data into it")
	}
	return b, st, nil
}

// blocks decodes every PEM block of b. A damaged block is an error; pem.Decode alone would skip it.
func blocks(option, path string, b []byte) ([]*pem.Block, error) {
	want := 0
	for line := range bytes.Lines(b) {
		if bytes.HasPrefix(line, []byte("-----BEGIN ")) {
			want++
		}
	}
	if want == 0 {
		e := &Error{Option: option, Value: path, Why: "no PEM data: no line begins with -----BEGIN", Do: "name a PEM file"}
		if b[0] == 0x30 { // an ASN.1 SEQUENCE
			e.Why = "the file is not PEM but looks like DER or PKCS#12"
			e.Do = fmt.Sprintf("convert it: openssl x509 -inform der -in %s -out cert.pem (openssl pkcs12 for a .p12 or .pfx)", path)
		}
		return nil, e
	}
	var out []*pem.Block
	for rest := b; ; {
		var bl *pem.Block
		if bl, rest = pem.Decode(rest); bl == nil {
			break
		}
		out = append(out, bl)
	}
	if len(out) != want {
		return nil, &Error{Option: option, Value: path,
			Why: fmt.Sprintf("the file has %d BEGIN lines but only %d whole PEM blocks: one is damaged or cut off", want, len(out)),
			Do:  "copy the file again"}
	}
	return out, nil
}

// certificates parses the CERTIFICATE blocks, in the order of the file.
func certificates(option, path string, bs []*pem.Block) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	var other string
	for _, b := range bs {
		if b.Type != "CERTIFICATE" {
			other = b.Type
			continue
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, &Error{Option: option, Value: path, Err: err,
				Why: fmt.Sprintf("certificate %d in the file cannot be read: %s", len(out)+1, reason(err)), Do: "ask for a new one"}
		}
		out = append(out, c)
	}
	if len(out) > 0 {
		return out, nil
	}
	e := &Error{Option: option, Value: path, Why: fmt.Sprintf("no certificate in the file, only %q", other),
		Do: "name the file with the -----BEGIN CERTIFICATE----- lines"}
	if other == "CERTIFICATE REQUEST" || other == "NEW CERTIFICATE REQUEST" {
		e.Do = "this is a request for a certificate: send it to the authority and name the file that comes back"
	}
	return nil, e
}

// privateKey returns the first private key of the blocks; nil without an error when there is none.
func privateKey(option, path string, bs []*pem.Block) (crypto.Signer, error) {
	for _, b := range bs {
		var k any
		var err error
		switch {
		case b.Type == "ENCRYPTED PRIVATE KEY" || b.Headers["DEK-Info"] != "":
			return nil, &Error{Option: option, Value: path, Why: "the private key is protected by a passphrase",
				Do: fmt.Sprintf("store it without one: openssl pkey -in %s -out key.pem, then chmod 0600 key.pem", path)}
		case b.Type == "PRIVATE KEY":
			k, err = x509.ParsePKCS8PrivateKey(b.Bytes)
		case b.Type == "RSA PRIVATE KEY":
			k, err = x509.ParsePKCS1PrivateKey(b.Bytes)
		case b.Type == "EC PRIVATE KEY":
			k, err = x509.ParseECPrivateKey(b.Bytes)
		default:
			continue
		}
		if err != nil {
			return nil, &Error{Option: option, Value: path, Err: err, Why: "the private key cannot be read: " + reason(err),
				Do: "copy the file again, or make a new key and certificate"}
		}
		return usable(option, path, k)
	}
	return nil, nil
}

// usable checks that crypto/tls can serve with the key.
func usable(option, path string, k any) (crypto.Signer, error) {
	switch k := k.(type) {
	case *rsa.PrivateKey:
		if n := k.N.BitLen(); n < 1024 {
			return nil, &Error{Option: option, Value: path, Why: fmt.Sprintf("an RSA key of %d bits is too weak", n),
				Do: "make a key of 2048 bits or more, or an ECDSA key"}
		}
		return k, nil
	case *ecdsa.PrivateKey:
		return k, nil
	case ed25519.PrivateKey:
		return k, nil
	}
	return nil, &Error{Option: option, Value: path, Why: fmt.Sprintf("keys of type %T cannot serve TLS", k),
		Do: "use an ECDSA, RSA or Ed25519 key"}
}
