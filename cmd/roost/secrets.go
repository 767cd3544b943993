package main

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"roost/cmd/roost/conf"
	"roost/router/sasl"
	"roost/tlsconf"
)

// secrets holds the certificates and password stores that the configuration names, each once.
type secrets struct {
	dir      string
	domains  []string
	extra    []tlsconf.Pair // certificates of single domains
	accounts *accountStore

	mu    sync.Mutex // guards what follows; Reload of each is safe by itself
	certs map[conf.TLS]*tlsconf.Config
	files map[fileKey]reloadable
}

type fileKey struct {
	scheme, path string
	hashed       bool
}

// reloadable is a password file.
type reloadable interface {
	sasl.Store
	fileUsers
	Reload() error
}

func (s *Server) openSecrets(Options) error {
	key, err := persistentSecret(filepath.Join(s.conf().DataDir, "decoy.key"))
	if err != nil {
		return err
	}
	s.secrets = &secrets{dir: s.conf().DataDir, domains: served(s.conf()),
		accounts: &accountStore{db: s.store, decoys: sasl.NewDecoys(key)},
		certs:    map[conf.TLS]*tlsconf.Config{}, files: map[fileKey]reloadable{}}
	for _, d := range s.conf().Served() {
		s.secrets.extra = append(s.secrets.extra, tlsconf.Pair{Certificate: d.TLS.Certificate, Key: d.TLS.Key})
	}
	s.exists = &existence{db: s.store}
	for _, l := range s.conf().Listeners { // who exists is known before the first listener opens
		for _, at := range l.Listens {
			for _, a := range []*conf.Auth{at.Base.Plain, at.Base.Digest} {
				if err := s.addUsers(a, a == at.Base.Digest); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// addUsers makes the users of a password file known as accounts.
func (s *Server) addUsers(a *conf.Auth, digest bool) error {
	st, err := s.secrets.credentials(a, digest)
	if f, ok := st.(reloadable); ok && err == nil {
		s.exists.add(f)
	}
	return err
}

// persistentSecret reads 32 random bytes from a file, which is made when it is missing.
func persistentSecret(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err == nil && len(b) == 32 {
		return b, nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	b = make([]byte, 32)
	rand.Read(b)
	return b, os.WriteFile(path, b, 0o600)
}

// tls gives the certificates of a scope; nil without TLS.
func (x *secrets) tls(t conf.TLS) (*tlsconf.Config, error) {
	if !t.Enabled() {
		return nil, nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if c := x.certs[t]; c != nil {
		return c, nil
	}
	o := tlsconf.Options{Certificate: t.Certificate, Key: t.Key, Ciphers: t.Ciphers, ClientCA: t.ClientCA,
		VerifyMode: t.VerifyMode, Extra: x.extra}
	if t.Generated {
		var err error
		if o.Certificate, o.Key, _, err = tlsconf.SelfSigned(x.dir, x.domains); err != nil {
			return nil, err
		}
	}
	c, err := tlsconf.Load(o)
	if err != nil {
		return nil, err
	}
	x.certs[t] = c
	return c, nil
}

// certificates tells when the certificates that are in use end, by file.
func (x *secrets) certificates() map[string]time.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := map[string]time.Time{}
	for _, c := range x.certs {
		if at, file := c.Expires(); !at.IsZero() {
			out[file] = at
		}
	}
	return out
}

// credentials gives the store that an authentication dictionary names; nil for none.
func (x *secrets) credentials(a *conf.Auth, digest bool) (sasl.Store, error) {
	switch {
	case a == nil:
		return nil, nil
	case a.Scheme == "accounts":
		return x.accounts, nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	key := fileKey{a.Scheme, a.Path, digest && a.Scheme == "file" && !a.StoredCleartext}
	if f := x.files[key]; f != nil {
		return f, nil
	}
	f, err := openPasswords(key)
	if err != nil {
		return nil, err
	}
	x.files[key] = f
	return f, nil
}

func openPasswords(k fileKey) (reloadable, error) {
	switch {
	case k.scheme == "digest":
		return sasl.OpenDigest(k.path)
	case k.hashed:
		return sasl.OpenFileHashed(k.path)
	}
	return sasl.OpenFile(k.path)
}

// reload reads every certificate and password file again. What cannot be read stays as it was.
func (x *secrets) reload() (certs, files int, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	var errs []error
	for _, c := range x.certs {
		errs = append(errs, c.Reload())
	}
	for _, f := range x.files {
		errs = append(errs, f.Reload())
	}
	return len(x.certs), len(x.files), errors.Join(errs...)
}

// generated reports whether the certificate that the server made for itself is in use.
func (x *secrets) generated() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	for t := range x.certs {
		if t.Generated {
			return true
		}
	}
	return false
}
