package conf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"roost/cmd/internal/ecconf"
)

// maxKeyFile bounds what Check reads of a certificate, key or token file.
const maxKeyFile = 4 << 20

// refKind says what a configuration names outside itself.
type refKind uint8

const (
	refPasswords refKind = iota
	refCertificate
	refCA
	refCiphers // path is the cipher string
	refToken
	refLog
)

// fileRef is one such thing and the place that names it.
type fileRef struct {
	kind   refKind
	pos    ecconf.Pos
	option string
	path   string
	key    string // refCertificate
	scheme string // refPasswords
}

// Checker looks at what other packages know better. Nil functions are skipped.
type Checker struct {
	Ciphers   func(openssl string) error      // a cipher string
	Passwords func(scheme, path string) error // a file:// or digest:// store that can be read
}

// Check opens the files that the configuration names and reports, at the
// option that names each, what would keep the server from starting: a password
// file, certificate, key, CA bundle or token that cannot be read or holds
// something else, a directory for a log that is not there. The error is an [ecconf.Errors].
func (c *Config) Check(with Checker) error {
	var errs ecconf.Errors
	seen := map[fileRef]bool{}
	for _, f := range c.files {
		if seen[f] { // inherited by several Listens and Peers
			continue
		}
		seen[f] = true
		if err := f.check(with); err != nil {
			errs.Addf(f.pos, "%s = %q: %v", f.option, f.path, err)
		}
	}
	return errs.Sorted(c.Tree.Files).Err()
}

func (f fileRef) check(with Checker) error {
	switch f.kind {
	case refPasswords:
		if err := readable(f.path); err != nil {
			return fmt.Errorf("the password file cannot be read: %w", unwrapPath(err))
		}
		if with.Passwords != nil {
			return with.Passwords(f.scheme, f.path)
		}
	case refCertificate:
		return checkKeyPair(f.path, f.key)
	case refCA:
		pem, err := readSmall(f.path)
		if err != nil {
			return fmt.Errorf("the authorities cannot be read: %w", unwrapPath(err))
		}
		if !x509.NewCertPool().AppendCertsFromPEM(pem) {
			return errors.New("the file holds no certificate in PEM form")
		}
	case refCiphers:
		if with.Ciphers != nil {
			return with.Ciphers(f.path)
		}
	case refToken:
		_, err := Token{File: f.path}.Load()
		return err
	case refLog:
		if info, err := os.Stat(filepath.Dir(f.path)); err != nil || !info.IsDir() {
			return fmt.Errorf("the directory %s is not there; make it or name another file", filepath.Dir(f.path))
		}
	}
	return nil
}

func unwrapPath(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}

// readable opens a regular file and reads a byte of it.
func readable(path string) error {
	f, err := openRegular(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Read(make([]byte, 1)); err != nil && err != io.EOF {
		return err
	}
	return nil
}

// openRegular refuses devices and pipes, at which a read could wait for ever.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	return os.Open(path)
}

func readSmall(path string) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err == nil && len(b) > maxKeyFile {
		err = fmt.Errorf("it is larger than %d bytes", maxKeyFile)
	}
	return b, err
}

// Load returns the token itself, read from its file when it stands in one; ""
// when none is set. White space around the text of the file is not part of it.
func (t Token) Load() (string, error) {
	if t.File == "" {
		return t.Literal, nil
	}
	text, err := readSmall(t.File)
	if err != nil {
		return "", fmt.Errorf("the token file %q cannot be read: %w", t.File, unwrapPath(err))
	}
	if token := strings.TrimSpace(string(text)); token != "" {
		return token, nil
	}
	return "", fmt.Errorf("the token file %q is empty; it must hold the token", t.File)
}

// checkKeyPair wants a certificate and the key that belongs to it.
func checkKeyPair(cert, key string) error {
	c, err := readSmall(cert)
	if err != nil {
		return fmt.Errorf("the certificate cannot be read: %w", unwrapPath(err))
	}
	k := c
	if key != "" {
		if k, err = readSmall(key); err != nil {
			return fmt.Errorf("its tls_key %q cannot be read: %w", key, unwrapPath(err))
		}
	}
	if _, err := tls.X509KeyPair(c, k); err != nil {
		why := strings.TrimPrefix(err.Error(), "tls: ")
		if key == "" {
			return fmt.Errorf("%s (no tls_key is set, so the key must stand in this file too)", why)
		}
		return fmt.Errorf("with tls_key %q: %s", key, why)
	}
	return nil
}

// lineOf names the line of p in a message at another place.
func lineOf(p, at ecconf.Pos) string {
	if p.File != at.File {
		return strconv.Itoa(p.Line) + " of " + p.File
	}
	return strconv.Itoa(p.Line)
}
