package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"runtime"
	"sync"

	"roost/cmd/roost/conf"
	"roost/cmd/roost/xmpplog"
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
	s.engine, err = netio.New(netio.Config{Loops: s.conf().EventLoops(), ReadBuffer: o.ReadBuffer, MaxConns: s.conf().MaxConnections,
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
		Work: s.work, Auth: stream.NewPool(runtime.GOMAXPROCS(0))}
	s.s2s.Router = s.router
	return s.modules()
}

// openLogs opens the stanza logs. Without an xmpp_logger nothing watches the streams, and nothing is
// spent on it.
func (s *Server) openLogs(Options) (err error) {
	if len(s.conf().Loggers) == 0 {
		return nil
	}
	if s.taps, err = xmpplog.Open(s.conf().Loggers, xmpplog.Options{Log: s.logFor("xmpp_logger")}); err != nil {
		return err
	}
	s.c2s.SetTap(s.taps)
	s.s2s.Watch(s.taps)
	return nil
}

// reopenLogs opens the stanza logs anew, as after a rotation, and tells how many there are.
func (s *Server) reopenLogs() (n int, err error) {
	if s.taps == nil {
		return 0, nil
	}
	return len(s.conf().Loggers), s.taps.Reopen()
}

// listen opens the sockets of every xmpp_listener.
func (s *Server) listen(Options) error {
	for _, l := range s.conf().Listeners {
		for _, at := range l.Listens {
			if !at.Enable {
				continue
			}
			scope, err := s.scope(&at)
			if err != nil {
				return err
			}
			ln, err := s.engine.Listen(socket(&at), scope.accept)
			if err != nil {
				return fmt.Errorf("%s: %w", at.Pos, err)
			}
			s.open = append(s.open, opened{at.Address.Text, ln, at.UseSSL})
		}
	}
	return nil
}

// socket maps the options of a Listen to those of its socket.
func socket(at *conf.Listen) netio.ListenOptions {
	return netio.ListenOptions{Address: at.Address.Text, Backlog: at.Backlog,
		RecvBuffer: at.RecvBuffer, SendBuffer: at.SendBuffer, NoDelay: at.NoDelay, FileMode: at.FileMode,
		SendLimit: at.Base.SendQueueLimit, Accepts: at.AcceptsPerRun, AcceptQueue: at.AcceptQueue,
		Park: max(at.ParkAfter, 1)}
}

// scope is one Listen with the configurations of its clients, made when the first client of each
// kind comes and shared from then on.
type scope struct {
	s       *Server
	at      *conf.Listen
	servers *s2s.Accepting // for streams of other servers

	mu    sync.Mutex // guards ready
	ready map[*conf.Effective]*c2s.Config
}

// scope makes the common configuration at once, so that its errors keep the server from starting.
func (s *Server) scope(at *conf.Listen) (*scope, error) {
	sc := &scope{s: s, at: at, ready: map[*conf.Effective]*c2s.Config{}}
	sc.servers = &s2s.Accepting{AuthTimeout: at.Base.AuthTimeout,
		PreAuth: xmlstream.Limits{MaxStanza: at.Base.MaxStanzaPre, MaxDepth: at.Base.MaxDepth},
		Proven:  xmlstream.Limits{MaxStanza: at.Base.MaxStanza, MaxDepth: at.Base.MaxDepth}}
	_, err := sc.config(at.Base)
	return sc, err
}

// accept makes the stream of a new connection.
func (sc *scope) accept(c *netio.Conn) netio.Handler {
	var addr netip.Addr
	if ap := c.RemoteAddr(); ap.IsValid() {
		addr = ap.Addr()
	}
	cfg, err := sc.config(sc.at.For(addr))
	if err != nil {
		sc.s.log.Error("connection refused: its configuration cannot be used", "peer", addr, "err", err)
		return nil
	}
	f := &front{peer: sc.s.c2s.Accept(c, cfg), s2s: sc.s.s2s, accept: sc.servers}
	f.tok.Reset(&sc.servers.PreAuth)
	return f
}

func (sc *scope) config(e *conf.Effective) (*c2s.Config, error) {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	if cfg := sc.ready[e]; cfg != nil {
		return cfg, nil
	}
	tls, err1 := sc.s.secrets.tls(e.TLS)
	plain, err2 := sc.s.secrets.credentials(e.Plain, false)
	digest, err3 := sc.s.secrets.credentials(e.Digest, true)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	cfg := &c2s.Config{TLS: tls, Direct: sc.at.UseSSL, RequireTLS: e.RequireTLS, AllowPlain: e.AllowPlainClear,
		Store: plain, Digest: digest,
		PreAuth:     xmlstream.Limits{MaxStanza: e.MaxStanzaPre, MaxDepth: e.MaxDepth},
		Bound:       xmlstream.Limits{MaxStanza: e.MaxStanza, MaxDepth: e.MaxDepth},
		AuthTimeout: e.AuthTimeout, IdleTime: e.IdleTime, MaxAuthFailures: e.MaxAuthFailures,
		Conflict: policies[e.Conflict]}
	if sc.at.UseSSL {
		cfg.DirectTLS = sc.s.directTLS(tls)
	}
	if e.Digest != nil {
		cfg.Realm = e.Digest.Realm
	}
	for _, a := range []*conf.Auth{e.Plain, e.Digest} {
		cfg.LogLogins = cfg.LogLogins || a != nil && a.LogAttempts
	}
	sc.ready[e] = cfg
	return cfg, nil
}

var policies = map[string]router.ConflictPolicy{"replace": router.Replace, "refuse": router.Refuse, "rename": router.Rename}
