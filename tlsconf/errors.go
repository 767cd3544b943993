package tlsconf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// The names of the options, as the operator writes them.
const (
	optCertificate = "tls_certificate"
	optKey         = "tls_key"
	optCiphers     = "tls_ciphers"
	optExchange    = "tls_key_exchange"
	optClientCA    = "tls_client_ca"
	optVerify      = "tls_verify_mode"
)

// Error is a value of a TLS option that cannot be used. It prints as
//
//	tls_key "/etc/roost/key.pem": this key does not belong to the certificate; …
type Error struct {
	Option string // name of the option, such as "tls_key"
	Value  string // the file, or the word in a cipher string
	Why    string // what is wrong
	Do     string // what to do about it
	Err    error  // the cause, where there is one
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%s %q: %s", e.Option, e.Value, e.Why)
	if e.Do != "" {
		s += "; " + e.Do
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// fileError describes why a file could not be read.
func fileError(option, path string, err error) *Error {
	e := &Error{Option: option, Value: path, Err: err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Why = "the file does not exist"
		e.Do = "correct the path, or put the file there"
	case errors.Is(err, fs.ErrPermission):
		e.Why = "permission denied"
		if fi, serr := os.Stat(path); serr == nil {
			e.Why += fmt.Sprintf(" (the file has mode %04o)", fi.Mode().Perm())
		}
		e.Do = fmt.Sprintf("let the user that runs roost (uid %d) read it, for example: setfacl -m u:%d:r %s",
			os.Getuid(), os.Getuid(), path)
	default:
		e.Why = reason(err)
	}
	return e
}

// reason is err without the operation and path that the message names already.
func reason(err error) string {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		err = pe.Err
	}
	return strings.TrimPrefix(err.Error(), "x509: ")
}
