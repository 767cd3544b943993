package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config is a loaded set of options. It is safe for concurrent use; a nil Config is one without TLS.
type Config struct {
	opts Options
	mode verifyMode
	keys []tls.CurveID    // nil: as crypto/tls chooses
	now  func() time.Time // the clock; tests set it
	st   atomic.Pointer[state]

	mu      sync.Mutex         // guards servers and tried; never held while files are read
	servers map[string]*server // by the ALPN names, joined
	tried   []stamp            // the files as the last Load or Reload found them
}

// state is what one reading of the files gave. It never changes.
type state struct {
	certs  []*served
	exact  map[string]*served // by ASCII name, lower case
	wild   map[string]*served // by the name after "*."
	roots  *x509.CertPool     // nil: the operating system's
	suites []uint16           // of TLS 1.2; empty: TLS 1.3 only
	notes  []string
}

// curves returns tls.Config.CurvePreferences for a key exchange; nil is crypto/tls's choice.
func curves(exchange string) ([]tls.CurveID, error) {
	switch strings.ToLower(exchange) {
	case "", "hybrid":
		return nil, nil
	case "classic":
		return []tls.CurveID{tls.X25519, tls.CurveP256}, nil
	}
	return nil, &Error{Option: optExchange, Value: exchange, Why: "no such key exchange", Do: "write hybrid or classic"}
}

type verifyMode uint8

const (
	verifyIfGiven verifyMode = iota
	verifyNone
	verifyRequire
)

// Load reads every file that o names. All errors are *Error, joined when there are several.
func Load(o Options) (*Config, error) {
	c := &Config{opts: o, now: time.Now, servers: map[string]*server{}}
	c.opts.Extra = slices.Clone(o.Extra)
	var wrongMode, wrongKeys error
	c.mode, wrongMode = parseMode(o)
	c.keys, wrongKeys = curves(o.KeyExchange)
	if err := errors.Join(wrongMode, wrongKeys); err != nil {
		_, _, rest := c.read()
		return nil, errors.Join(err, rest)
	}
	if err := c.Reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// parseMode reads the verify mode. Any word but none and require means the same as no word at all, but a word
// that looks like a slip of one of the two is refused: it would switch protection off.
func parseMode(o Options) (verifyMode, error) {
	w := strings.ToLower(o.VerifyMode)
	switch w {
	case "none":
		return verifyNone, nil
	case "require":
		if !set(o.ClientCA) && o.Certificate != none {
			return 0, &Error{Option: optVerify, Value: o.VerifyMode, Why: "there is no authority to verify client certificates with",
				Do: "set tls_client_ca to a PEM file with the authorities that sign your clients' certificates"}
		}
		return verifyRequire, nil
	}
	for _, k := range []string{"none", "require"} {
		if w != "" && len(w) <= 16 && distance(w, k) <= len(k)/3 {
			return 0, &Error{Option: optVerify, Value: o.VerifyMode, Why: "no such mode", Do: fmt.Sprintf("did you mean %q?", k)}
		}
	}
	return verifyIfGiven, nil
}

// Enabled reports whether there is a certificate to serve.
func (c *Config) Enabled() bool { return c != nil && len(c.st.Load().certs) > 0 }

// Reload reads the files again. New handshakes see the new state as a whole; on error they go on seeing the old
// one. A certificate may be replaced, but not taken away: an error says so when its file is gone.
func (c *Config) Reload() error {
	use, err := c.Fresh()
	if err == nil {
		use()
	}
	return err
}

// Fresh is the first half of Reload: it reads the files. use is the second half, for when everything else that
// changes at the same time has been read, too.
func (c *Config) Fresh() (use func(), err error) {
	if c == nil {
		return func() {}, nil
	}
	st, stamps, err := c.read()
	c.mu.Lock()
	c.tried = stamps
	c.mu.Unlock()
	return func() { c.st.Store(st) }, err
}

// Changed reports whether a file differs, by time, size or mode, from what the last Load or Reload found, whether
// that succeeded or not. It looks at the files' metadata only.
func (c *Config) Changed() bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	tried := c.tried
	c.mu.Unlock()
	return slices.ContainsFunc(tried, func(s stamp) bool {
		now := stat(s.path)
		return !now.mod.Equal(s.mod) || now.size != s.size || now.mode != s.mode
	})
}

// read makes a state out of the files. The stamps cover all of them, also on error.
func (c *Config) read() (*state, []stamp, error) {
	st := &state{exact: map[string]*served{}, wild: map[string]*served{}}
	if c.opts.Certificate == none {
		return st, nil, nil
	}
	var stamps []stamp
	var errs []error
	cs, err := parseCiphers(c.opts.Ciphers)
	if err != nil {
		errs = append(errs, err)
		cs = &cipherSet{}
	}
	st.suites, st.notes = cs.tls12, cs.notes
	for _, p := range c.pairs() {
		s, seen, err := loadPair(p)
		stamps = append(stamps, seen...)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		st.add(s)
		st.notes = append(st.notes, s.notes(c.now(), cs.tls12)...)
		st.notes = append(st.notes, keyNotes(p)...)
	}
	if set(c.opts.Key) && !set(c.opts.Certificate) {
		errs = append(errs, &Error{Option: optKey, Value: c.opts.Key, Why: "there is a key but no certificate", Do: "set tls_certificate"})
	}
	if !set(c.opts.ClientCA) && c.mode == verifyIfGiven {
		// crypto/x509 reads the system's bundle once per process: here, and not when the first client shows a certificate.
		if _, err := x509.SystemCertPool(); err != nil {
			st.notes = append(st.notes, fmt.Sprintf("tls_client_ca: not set, and the system's authorities cannot be read: %v", err))
		}
	}
	if set(c.opts.ClientCA) {
		roots, seen, err := loadRoots(c.opts.ClientCA)
		stamps = append(stamps, seen)
		if err != nil {
			errs = append(errs, err)
		}
		st.roots = roots
	}
	return st, stamps, errors.Join(errs...)
}

// pairs lists the certificates to load: the main one first, then the others, each once.
func (c *Config) pairs() []Pair {
	var out []Pair
	for _, p := range append([]Pair{{c.opts.Certificate, c.opts.Key}}, c.opts.Extra...) {
		if set(p.Certificate) && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// loadRoots reads a bundle of authorities.
func loadRoots(path string) (*x509.CertPool, stamp, error) {
	b, st, err := readFile(optClientCA, path)
	if err != nil {
		return nil, st, err
	}
	bs, err := blocks(optClientCA, path, b)
	if err != nil {
		return nil, st, err
	}
	certs, err := certificates(optClientCA, path, bs)
	if err != nil {
		return nil, st, err
	}
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AddCert(c)
	}
	return pool, st, nil
}

// keyNotes warns about a key that everybody may read.
func keyNotes(p Pair) []string {
	option, path := optKey, p.Key
	if !set(path) {
		option, path = optCertificate, p.Certificate
	}
	if fi, err := os.Stat(path); err == nil && fi.Mode().Perm()&0o007 != 0 {
		return []string{fmt.Sprintf("%s %q: every user of this machine can read the private key (mode %04o); chmod 0600 it",
			option, path, fi.Mode().Perm())}
	}
	return nil
}

// Leaf returns the certificate that a client asking for serverName (tls.ConnectionState.ServerName, "" for a client
// that named nothing) is served; nil without TLS. It answers for the present state: ask when the handshake ends.
func (c *Config) Leaf(serverName string) *x509.Certificate {
	if !c.Enabled() {
		return nil
	}
	return c.st.Load().pick(serverName).cert.Leaf
}

// Expires returns the earliest end of validity among the certificates and the file that it stands in; the zero time
// without TLS.
func (c *Config) Expires() (at time.Time, file string) {
	if c == nil {
		return at, file
	}
	for _, s := range c.st.Load().certs {
		if at.IsZero() || s.cert.Leaf.NotAfter.Before(at) {
			at, file = s.cert.Leaf.NotAfter, s.file
		}
	}
	return at, file
}

// Notes returns sentences for the log about options that work but deserve a look: certificates near or past their
// end, keys that others can read, cipher names without effect. The slice is the caller's.
func (c *Config) Notes() []string {
	if c == nil {
		return nil
	}
	return slices.Clone(c.st.Load().notes)
}

// clientAuth is what the handshake asks of the client. Chains are verified here, not by crypto/tls, so that a
// failure need not end the handshake.
func (m verifyMode) clientAuth() tls.ClientAuthType {
	switch m {
	case verifyNone:
		return tls.NoClientCert
	case verifyRequire:
		return tls.RequireAnyClientCert
	}
	return tls.RequestClientCert
}
