package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"roost/cmd/roost/conf"
	"roost/netio"
	"roost/router/s2s"
	"roost/tlsconf"
	"roost/xmlstream"
	"roost/xmlstream/stanza"
)

// federate makes the way to other domains. The router learns of it when it is made, and is made known
// to it afterwards.
func (s *Server) federate(o Options) error {
	rules, err := federation(s.conf(), s.secrets.Load())
	if err != nil {
		return err
	}
	c := s2s.Config{Engine: s.engine, After: func(d time.Duration, fn func()) { time.AfterFunc(d, fn) }, Rules: rules, Work: s.work, Log: s.logFor("s2s"), Resolver: o.Resolver}
	if c.Resolver == nil {
		c.Resolver = s.names()
	}
	s.resolver = c.Resolver
	s.s2s = s2s.New(c)
	return nil
}

// federation is what a configuration says about streams with other servers.
func federation(cfg *conf.Config, x *secrets) (s2s.Rules, error) {
	c := s2s.Rules{Domains: map[string]*s2s.Local{}, Remotes: map[string]s2s.Remote{}, MaxStreams: cfg.MaxOutbound, Limits: streamLimits(cfg)}
	var errs []error
	var err error
	c.Others, err = remoteRules(cfg, x, cfg.Others)
	errs = append(errs, err)
	for _, d := range cfg.Domains {
		name := prepared(d.Name)
		switch d.Role {
		case conf.RoleServer:
			c.Domains[name] = &s2s.Local{Mode: federationModes[d.Federation], Secret: x.dialback(name, d.Secret)}
		case conf.RoleClient:
			r, err := remoteRules(cfg, x, d.Federated)
			errs = append(errs, err)
			for _, at := range d.Routes {
				r.Routes = append(r.Routes, s2s.Route{Host: at.Host, Port: at.Port})
			}
			if d.Secret != "" {
				own := s2s.NewSecret(d.Secret)
				r.Secret = &own
			}
			c.Remotes[name] = r
		}
	}
	return c, errors.Join(errs...)
}

var federationModes = map[string]s2s.Mode{"listed": s2s.Listed, "open": s2s.Open, "closed": s2s.Closed}

var (
	tlsUses   = map[string]s2s.UseTLS{"no": s2s.TLSNo, "ifavailable": s2s.TLSIfAvailable, "required": s2s.TLSRequired}
	tlsProofs = map[string]s2s.Verify{"no": s2s.VerifyNone, "ca": s2s.VerifyCA, "host": s2s.VerifyHost}
)

// remoteRules maps what holds for other domains. Our certificate is that of the first listener that has
// one, or of the domain of ours that is spoken for.
func remoteRules(cfg *conf.Config, x *secrets, f conf.Federation) (r s2s.Remote, err error) {
	r = s2s.Remote{TLS: tlsUses[f.TLS], Verify: tlsProofs[f.TLSVerify], MaxStreams: f.MaxStreams,
		ConnectTimeout: f.ConnectTimeout, IdleTimeout: f.IdleTimeout, Retry: f.Retry}
	certs := f.Certs
	if certs.Certificate == "" {
		for _, l := range cfg.Listeners {
			for _, at := range l.Listens {
				if t := at.Base.TLS; t.Enabled() && certs.Certificate == "" && !certs.Generated {
					certs.Certificate, certs.Key, certs.Generated = t.Certificate, t.Key, t.Generated
					if certs.Ciphers == "" {
						certs.Ciphers = t.Ciphers
					}
				}
			}
		}
	}
	certs.VerifyMode = "verify" // what is presented is checked: it may spare dialback
	r.Certs, err = x.tls(certs)
	return r, err
}

// streamLimits are those of streams between servers, whose stanzas are those of clients: the limits of
// the first listener.
func streamLimits(cfg *conf.Config) xmlstream.Limits {
	for _, l := range cfg.Listeners {
		for _, at := range l.Listens {
			return xmlstream.Limits{MaxStanza: at.Base.MaxStanza, MaxDepth: at.Base.MaxDepth}
		}
	}
	return xmlstream.Limits{}
}

// names makes the resolver. A machine without DNS servers can still use routes.
func (s *Server) names() s2s.Resolver {
	o, err := s2s.ReadResolvConf(s.conf().ResolvConf)
	if err != nil {
		s.log.Warn("other domains are found by routes alone", "reason", fmt.Sprintf("Resolv_Conf %q cannot be used: %v", s.conf().ResolvConf, plain(err)))
	}
	o.IPv6 = s.conf().UseIPv6
	return s2s.NewDNS(o)
}

// plain is an error without the path that stands beside it.
func plain(err error) error {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		return pe.Err
	}
	return err
}

// front is what a connection has until its first bytes, or its TLS handshake, have said whether a
// client or a server is there: both come to the same sockets. Until then it is treated as a client.
type front struct {
	peer
	s2s    *s2s.Server
	accept *s2s.Accepting
	tok    xmlstream.Tokenizer
	read   int // bytes that tok has used; the stream begins with them
}

// peer is a stream of either kind.
type peer interface {
	netio.Handler
	End(*stanza.StreamError)
}

// maxSniff bounds what is kept of a connection that does not say what it is, in bytes.
const maxSniff = 16 << 10

// OnData implements netio.Handler: the default namespace of the stream header tells (RFC 6120 §4.8.2).
// What is no header is a client's mistake.
func (f *front) OnData(c *netio.Conn, b []byte) int {
	_, el, n, err := f.tok.Next(b[f.read:])
	f.read += n
	if err == xmlstream.ErrShort && len(b) < maxSniff {
		return 0
	}
	server := err == nil && string(el.Namespace("")) == stanza.NSServer
	f.tok.Release()
	if server {
		in := f.s2s.Accept(c, f.accept)
		c.SetHandler(in)
		return in.OnData(c, b)
	}
	c.SetHandler(f.peer)
	return f.peer.OnData(c, b)
}

// OnTLS implements netio.Handler: ALPN tells (XEP-0368 §3); without it, it is a client.
func (f *front) OnTLS(c *netio.Conn, st *tls.ConnectionState, err error) {
	if err == nil && st.NegotiatedProtocol == tlsconf.ALPNServer {
		c.SetHandler(f.s2s.AcceptTLS(c, f.accept, st))
		return
	}
	c.SetHandler(f.peer)
	f.peer.OnTLS(c, st, err)
}

// OnClose implements netio.Handler.
func (f *front) OnClose(c *netio.Conn, err error) {
	f.tok.Release()
	f.peer.OnClose(c, err)
}

// directTLS is for sockets that begin with TLS: each side finds the certificates and the protocol
// that are meant for it.
func (s *Server) directTLS(clients *tlsconf.Config) *tls.Config {
	own := clients.Server(tlsconf.ALPNClient)
	if own == nil {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		if slices.Contains(h.SupportedProtos, tlsconf.ALPNServer) {
			if others := s.s2s.Certificates().Server(tlsconf.ALPNServer); others != nil { // those of now
				return others.GetConfigForClient(h)
			}
		}
		return own.GetConfigForClient(h)
	}}
}
