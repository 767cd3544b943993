package tlsconf

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"slices"
	"strings"
	"sync/atomic"
)

// server is one tls.Config that was handed out, and what it answers handshakes with.
type server struct {
	conf    *Config
	outer   *tls.Config                // handed out
	tickets atomic.Pointer[tls.Config] // owns the session ticket keys, which crypto/tls rotates daily
	inner   atomic.Pointer[inner]
}

// Rekey makes new keys for session tickets: those that were given out are worth nothing any more, and the clients
// that show them make a whole handshake. It returns for how many tls.Configs.
func (c *Config) Rekey() int {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.servers {
		s.tickets.Store(new(tls.Config))
	}
	return len(c.servers)
}

// inner is the tls.Config of one state.
type inner struct {
	st  *state
	cfg *tls.Config
}

// Server returns the tls.Config for accepted connections, nil when TLS is not Enabled. It follows Reload by itself.
// With alpn names (direct TLS, XEP-0368) a client that offers only other protocols is refused with the alert
// no_application_protocol (RFC 7301 §3.2), and a client that offers none is served. Equal names give the same
// tls.Config, so that session tickets work across connections; the caller must not change it.
func (c *Config) Server(alpn ...string) *tls.Config {
	if !c.Enabled() {
		return nil
	}
	key := strings.Join(alpn, "\x00")
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.servers[key]; s != nil {
		return s.outer
	}
	s := &server{conf: c}
	s.outer = &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: slices.Clone(alpn), Time: c.time}
	s.outer.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return s.current(), nil }
	s.tickets.Store(new(tls.Config))
	c.servers[key] = s
	return s.outer
}

// current returns the tls.Config of the present state and makes it when the state is new.
func (s *server) current() *tls.Config {
	st := s.conf.st.Load()
	if in := s.inner.Load(); in != nil && in.st == st {
		return in.cfg
	}
	cfg := &tls.Config{
		// What has gathered for a client leaves in few records, not in many small ones.
		DynamicRecordSizingDisabled: true,

		MinVersion:       tls.VersionTLS12,
		CipherSuites:     st.suites,
		CurvePreferences: s.conf.keys,
		NextProtos:       s.outer.NextProtos,
		ClientAuth:       s.conf.mode.clientAuth(),
		ClientCAs:        st.roots, // only named to the client, as a hint which certificate to choose
		Time:             s.conf.time,
		GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return &st.pick(h.ServerName).cert, nil
		},
		WrapSession: func(cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) {
			ss.Extra = append(ss.Extra, st.pick(cs.ServerName).mark())
			return s.tickets.Load().EncryptTicket(cs, ss)
		},
		UnwrapSession: func(id []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
			ss, err := s.tickets.Load().DecryptTicket(id, cs)
			if err != nil || ss == nil || !marked(ss, st.pick(cs.ServerName).mark()) {
				return nil, err // no error: a whole handshake follows
			}
			return ss, nil
		},
	}
	if len(st.suites) == 0 {
		cfg.MinVersion = tls.VersionTLS13
	}
	if s.conf.mode == verifyRequire {
		cfg.VerifyConnection = func(cs tls.ConnectionState) error {
			_, err := s.conf.verify(st, &cs)
			return err
		}
	}
	s.inner.Store(&inner{st, cfg}) // two handshakes may both make one: equal, so either may win
	return cfg
}

// mark is what a session ticket carries to say which certificate it began with. A ticket is good for that one only:
// the client remembers it, and computes tls-server-end-point from it.
func (s *served) mark() []byte { return append([]byte("roost-leaf:"), s.sum[:]...) }

func marked(ss *tls.SessionState, mark []byte) bool {
	return slices.ContainsFunc(ss.Extra, func(b []byte) bool {
		return len(b) == len("roost-leaf:")+sha256.Size && bytes.Equal(b, mark)
	})
}

// add enters a certificate under its names. An earlier certificate keeps a name that both have.
func (st *state) add(s *served) {
	st.certs = append(st.certs, s)
	leaf := s.cert.Leaf
	names := slices.Concat(leaf.DNSNames, domainsOf(XMPPAddrs(leaf)), servicesOf(SRVNames(leaf)))
	if len(names) == 0 { // which to serve is free; whether it is believed is the client's business (RFC 9525 §2)
		names = []string{leaf.Subject.CommonName}
	}
	for _, n := range names {
		index := st.exact
		if rest, ok := strings.CutPrefix(n, "*."); ok {
			index, n = st.wild, rest
		}
		if n = ascii(n); n != "" && index[n] == nil {
			index[n] = s
		}
	}
}

// pick returns the certificate for a server name: the one that has the name, else a wildcard for it, else the
// first. The state must have a certificate.
func (st *state) pick(serverName string) *served {
	name := ascii(serverName)
	if s := st.exact[name]; s != nil {
		return s
	}
	if _, rest, ok := strings.Cut(name, "."); ok {
		if s := st.wild[rest]; s != nil {
			return s
		}
	}
	return st.certs[0]
}
