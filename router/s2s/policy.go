package s2s

import (
	"time"

	"roost/tlsconf"
	"roost/xmlstream/stanza"
)

// Mode says with whom a domain of ours speaks.
type Mode uint8

const (
	Listed Mode = iota // domains that the configuration names
	Open               // every domain that can be found
	Closed             // nobody
)

// UseTLS is the policy about TLS for streams with a domain.
type UseTLS uint8

const (
	TLSIfAvailable UseTLS = iota
	TLSRequired
	TLSNo
)

// Verify is what the certificate of a domain has to prove.
type Verify uint8

const (
	VerifyNone Verify = iota // nothing: dialback does
	VerifyCA                 // that a trusted authority signed it; dialback does the rest
	VerifyHost               // the domain, too: dialback is not enough
)

// A Route is a place where a domain is, whatever DNS says.
type Route struct {
	Host string // name or address
	Port uint16
}

// Local is a domain of ours.
type Local struct {
	Mode   Mode
	Secret Secret // behind its dialback keys
}

// Remote is what holds for streams with one domain, or with all that are not listed.
type Remote struct {
	Secret *Secret // behind the keys for this domain; nil: that of the domain of ours
	Routes []Route // instead of DNS
	TLS    UseTLS
	Verify Verify
	// Certs holds our certificates and the authorities that count; nil: no TLS.
	Certs *tlsconf.Config

	MaxStreams     int           // that we make to it; default 32
	ConnectTimeout time.Duration // until a stream is ready for stanzas; default 30 s
	IdleTimeout    time.Duration // of a stream without stanzas; default 10 min
	Retry          time.Duration // the longest wait after failures; default 2 min
}

func (r Remote) withDefaults() *Remote {
	if r.MaxStreams == 0 {
		r.MaxStreams = 32
	}
	for _, d := range []struct {
		v   *time.Duration
		def time.Duration
	}{{&r.ConnectTimeout, 30 * time.Second}, {&r.IdleTimeout, 10 * time.Minute}, {&r.Retry, 2 * time.Minute}} {
		if *d.v == 0 {
			*d.v = d.def
		}
	}
	if !r.Certs.Enabled() && r.TLS == TLSIfAvailable {
		r.TLS = TLSNo
	}
	return &r
}

// remote is what holds for a domain, and whether the configuration names it.
func (s *Server) remote(domain string) (r *Remote, listed bool) {
	rules := s.rules.Load()
	if r := rules.remotes[domain]; r != nil {
		return r, true
	}
	return rules.others, false
}

// speaks reports whether a pair may exchange stanzas.
func (s *Server) speaks(p Pair) bool {
	rules := s.rules.Load()
	l := rules.domains[p.Local]
	if l == nil || rules.domains[p.Remote] != nil { // two domains of ours need no stream
		return false
	}
	switch l.Mode {
	case Open:
		return true
	case Listed:
		return rules.remotes[p.Remote] != nil
	}
	return false
}

// unlisted is the error for a stanza to a domain that is not spoken with (RFC 6120 §8.3.3.16).
func unlisted(p Pair) *stanza.StanzaError {
	return stanza.RemoteServerNotFound.With(p.Local + " does not exchange stanzas with " + p.Remote)
}

// secret is behind the keys of a pair: we make them for one stream, and are asked about them on
// another.
func (s *Server) secret(p Pair) *Secret {
	if r, _ := s.remote(p.Remote); r.Secret != nil {
		return r.Secret
	}
	if l := s.local(p.Local); l != nil {
		return &l.Secret
	}
	none := NewSecret("") // the domain has gone meanwhile: no key is right
	return &none
}
