package main

import (
	"crypto/rand"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"roost/cmd/roost/conf"
	"roost/router/s2s"
	"roost/router/sasl"
	"roost/tlsconf"
)

// secrets holds the certificates, password stores and dialback secrets that a configuration names, each
// once. A reload makes new ones out of those in use.
type secrets struct {
	dir      string
	domains  []string
	extra    []tlsconf.Pair // certificates of single domains
	accounts *accountStore

	mu     sync.Mutex // guards what follows; Reload of each is safe by itself
	certs  map[conf.TLS]*tlsconf.Config
	files  map[fileKey]reloadable
	random map[string]s2s.Secret // of domains that have none in the configuration
	before *secrets              // those in use; nil once these are
	same   bool                  // what both name is the same object
	renew  []func()              // puts to use what of before was read again
}

type fileKey struct {
	scheme, path string
	hashed       bool
}

// reloadable is a password file.
type reloadable interface {
	sasl.Store
	fileUsers
	Fresh() (use func(), err error)
}

func newSecrets(cfg *conf.Config, accounts *accountStore) *secrets {
	x := &secrets{dir: cfg.DataDir, domains: served(cfg), accounts: accounts,
		certs: map[conf.TLS]*tlsconf.Config{}, files: map[fileKey]reloadable{}, random: map[string]s2s.Secret{}}
	for _, d := range cfg.Served() {
		if d.TLS.Certificate != "" {
			x.extra = append(x.extra, tlsconf.Pair{Certificate: d.TLS.Certificate, Key: d.TLS.Key})
		}
	}
	return x
}

// next are the secrets of another configuration. What both name is the same object in both, and is read
// again; that takes effect with apply.
func (x *secrets) next(cfg *conf.Config) *secrets {
	n := newSecrets(cfg, x.accounts)
	n.before, n.same = x, slices.Equal(x.extra, n.extra)
	return n
}

// apply puts the secrets to use. It cannot fail.
func (x *secrets) apply() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, use := range x.renew {
		use()
	}
	x.before, x.renew = nil, nil
}

func (s *Server) openSecrets(Options) error {
	key, err := persistentSecret(filepath.Join(s.conf().DataDir, "decoy.key"))
	if err != nil {
		return err
	}
	x := newSecrets(s.conf(), &accountStore{db: s.store, decoys: sasl.NewDecoys(key)})
	s.secrets.Store(x)
	s.exists = &existence{db: s.store}
	users, err := x.users(s.conf()) // who exists is known before the first listener opens
	s.exists.files.Store(&users)
	return err
}

// users are the password files that a configuration names.
func (x *secrets) users(cfg *conf.Config) (out []fileUsers, err error) {
	for _, l := range cfg.Listeners {
		for _, at := range l.Listens {
			for e := range at.All() {
				for _, a := range []*conf.Auth{e.Plain, e.Digest} {
					st, err := x.credentials(a, a == e.Digest)
					if err != nil {
						return out, err
					}
					if f, ok := st.(reloadable); ok && !slices.Contains(out, fileUsers(f)) {
						out = append(out, f)
					}
				}
			}
		}
	}
	return out, nil
}

// dialback is the secret behind the dialback keys of a served domain: a random one, but the same as
// before, where none is set.
func (x *secrets) dialback(domain, secret string) s2s.Secret {
	if secret != "" {
		return s2s.NewSecret(secret)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.before != nil {
		if own, ok := x.before.random[domain]; ok {
			x.random[domain] = own
		}
	}
	if _, ok := x.random[domain]; !ok {
		x.random[domain] = s2s.NewSecret("")
	}
	return x.random[domain]
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
	o := tlsconf.Options{Certificate: t.Certificate, Key: t.Key, Ciphers: t.Ciphers, KeyExchange: t.KeyExchange, ClientCA: t.ClientCA,
		VerifyMode: t.VerifyMode, Extra: x.extra}
	if t.Generated {
		var err error
		if o.Certificate, o.Key, _, err = tlsconf.SelfSigned(x.dir, x.domains); err != nil {
			return nil, err
		}
	}
	c, err := x.load(t, o)
	if err != nil {
		return nil, err
	}
	x.certs[t] = c
	return c, nil
}

// load makes the certificates of a scope, or reads again those of before. The caller holds x.mu.
func (x *secrets) load(t conf.TLS, o tlsconf.Options) (*tlsconf.Config, error) {
	if x.before == nil || !x.same || x.before.certs[t] == nil {
		return tlsconf.Load(o)
	}
	c := x.before.certs[t]
	use, err := c.Fresh()
	x.renew = append(x.renew, use)
	return c, err
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
	if x.before != nil && x.before.files[key] != nil {
		f := x.before.files[key]
		use, err := f.Fresh()
		if err != nil {
			return nil, err
		}
		x.renew, x.files[key] = append(x.renew, use), f
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

// all are the certificates in use.
func (x *secrets) all() []*tlsconf.Config {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Collect(maps.Values(x.certs))
}

// counts are how many certificates and password files there are.
func (x *secrets) counts() (certs, files int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.certs), len(x.files)
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
