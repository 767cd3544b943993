package main

import (
	"errors"
	"log/slog"
	"net/netip"
	"path/filepath"
	"runtime"

	"roost/cmd/roost/conf"
	"roost/netio"
	"roost/rosterdb"
	"roost/router"
	"roost/router/c2s"
	"roost/router/s2s"
	"roost/router/sasl"
	"roost/router/stream"
	"roost/xmlstream"
)

// openStore opens the embedded store of a configuration.
func openStore(cfg *conf.Config, log *slog.Logger, minFree int64) (*rosterdb.DB, error) {
	return rosterdb.Open(storeOptions(cfg, log, minFree))
}

func storeOptions(cfg *conf.Config, log *slog.Logger, minFree int64) rosterdb.Options {
	return rosterdb.Options{Dir: filepath.Join(cfg.DataDir, "store"), Log: log, MinFree: minFree,
		Derive: deriveScram, Prepare: sasl.PreparePassword, HA1: ha1, Iterations: iterations}
}

// wire makes the engine, the router and what answers, and joins them.
func (s *Server) wire(o Options) (err error) {
	s.engine, err = netio.New(netio.Config{Loops: s.conf().EventLoops(), ReadBuffer: o.ReadBuffer, LingerTimeout: o.Linger, MaxConns: s.conf().MaxConnections,
		LibraryRecords: s.conf().LibraryRecords, Log: s.logFor("net")})
	if err != nil {
		return err
	}
	s.work = stream.NewPool(workers)
	if err := s.federate(o); err != nil {
		return err
	}
	s.router = router.New(router.Config{Domains: served(s.conf()), Accounts: s.exists, Log: s.log, Federation: s.s2s,
		Offline: &offlineStore{db: s.store, limits: s.keepOffline}})
	s.c2s = &c2s.Server{Router: s.router, Meter: stream.NewMeter(s.metrics.Took), Login: s.metrics.Login, Accounts: s.exists, Log: s.log,
		Work: s.work, Auth: stream.NewPool(runtime.GOMAXPROCS(0)), Full: s.admission.budget.full}
	s.s2s.Router = s.router
	return s.modules()
}

// socket maps the options of a Listen to those of its socket.
func socket(at *conf.Listen) netio.ListenOptions {
	return netio.ListenOptions{Address: at.Address.Text, Backlog: at.Backlog,
		RecvBuffer: at.RecvBuffer, SendBuffer: at.SendBuffer, NoDelay: at.NoDelay, FileMode: at.FileMode,
		SendLimit: at.Base.SendQueueLimit, Accepts: at.AcceptsPerRun, AcceptQueue: at.AcceptQueue,
		Park: max(at.ParkAfter, 1)}
}

// scope is one Listen with the configurations of its clients: one for Base, one for each block of its
// Peers. It does not change.
type scope struct {
	s       *Server
	at      *conf.Listen
	servers *s2s.Accepting // for streams of other servers
	configs map[*conf.Effective]*c2s.Config
}

func (s *Server) scope(at *conf.Listen, x *secrets) (*scope, error) {
	sc := &scope{s: s, at: at, configs: map[*conf.Effective]*c2s.Config{}}
	sc.servers = &s2s.Accepting{AuthTimeout: at.Base.AuthTimeout,
		PreAuth: xmlstream.Limits{MaxStanza: at.Base.MaxStanzaPre, MaxDepth: at.Base.MaxDepth},
		Proven:  xmlstream.Limits{MaxStanza: at.Base.MaxStanza, MaxDepth: at.Base.MaxDepth}}
	for e := range at.All() {
		cfg, err := sc.config(e, x)
		if err != nil {
			return nil, err
		}
		sc.configs[e] = cfg
	}
	return sc, nil
}

// of is the configuration of a client.
func (sc *scope) of(addr netip.AddrPort) *c2s.Config {
	if len(sc.configs) == 1 {
		return sc.configs[sc.at.Base]
	}
	var ip netip.Addr
	if addr.IsValid() {
		ip = addr.Addr()
	}
	return sc.configs[sc.at.For(ip)]
}

// welcome makes the stream of a new connection.
func (sc *scope) welcome(c *netio.Conn) netio.Handler {
	f := &front{peer: sc.s.c2s.Accept(c, sc.of(c.RemoteAddr())), s2s: sc.s.s2s, accept: sc.servers}
	f.tok.Reset(&sc.servers.PreAuth)
	return f
}

func (sc *scope) config(e *conf.Effective, x *secrets) (*c2s.Config, error) {
	tls, err1 := x.tls(e.TLS)
	plain, err2 := x.credentials(e.Plain, false)
	digest, err3 := x.credentials(e.Digest, true)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	cfg := &c2s.Config{TLS: tls, Direct: sc.at.UseSSL, RequireTLS: e.RequireTLS, AllowPlain: e.AllowPlainClear,
		Store: plain, Digest: digest,
		PreAuth:     xmlstream.Limits{MaxStanza: e.MaxStanzaPre, MaxDepth: e.MaxDepth},
		Bound:       xmlstream.Limits{MaxStanza: e.MaxStanza, MaxDepth: e.MaxDepth},
		AuthTimeout: e.AuthTimeout, IdleTime: e.IdleTime, MaxAuthFailures: e.MaxAuthFailures,
		Conflict: policies[e.Conflict], Logins: sc.s.admission.limiter(e.LoginRate),
		FailureDelay: e.FailureDelay, MaxFailureDelay: e.MaxFailureDelay,
		Stanzas: rateOf(e.StanzaRate), Bytes: rateOf(e.ByteRate)}
	if sc.at.UseSSL {
		cfg.DirectTLS = sc.s.directTLS(tls)
	}
	if e.Digest != nil {
		cfg.Realm = e.Digest.Realm
	}
	for _, a := range []*conf.Auth{e.Plain, e.Digest} {
		cfg.LogLogins = cfg.LogLogins || a != nil && a.LogAttempts
	}
	return cfg, nil
}

var policies = map[string]router.ConflictPolicy{"replace": router.Replace, "refuse": router.Refuse, "rename": router.Rename}
