package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"roost/cmd/internal/ecconf"
	"roost/cmd/roost/conf"
	"roost/cmd/roost/metrics"
	"roost/cmd/roost/statuspage"
	"roost/cmd/roost/xmpplog"
	"roost/netio"
	"roost/rosterdb"
	"roost/router"
	"roost/router/c2s"
	"roost/router/roster"
	"roost/router/s2s"
	"roost/router/stream"
	"roost/xmlstream/stanza"
)

// Server is one running server. Start makes it, Stop ends it.
type Server struct {
	first     *conf.Config               // that of the start
	now       atomic.Pointer[generation] // the configuration in use
	base      *slog.Logger               // what every module's log ends in
	log       *slog.Logger               // of the XMPP module
	levels    levels
	format    formatted              // of the log; the zero value when it is not ours
	brake     brake                  // of the log
	drained   atomic.Pointer[drain]  // nil while clients are accepted
	heir      *heir                  // sockets that were open before the start; may be nil
	words     []string               // the command that runs the server; nil: it is part of another program
	successor atomic.Pointer[string] // the program that goes on after the end; nil: none

	store   *rosterdb.DB
	exists  *existence
	secrets atomic.Pointer[secrets]
	engine  *netio.Engine
	router  *router.Router
	rosters *roster.Service // nil when roster and presence are switched off
	// delegation is about the domains whose rosters belong to a web application.
	delegation atomic.Pointer[delegation]
	c2s        *c2s.Server
	s2s        *s2s.Server
	work       *stream.Pool                // of both: for what waits
	taps       atomic.Pointer[xmpplog.Log] // nil without an xmpp_logger

	admission  *admission
	turnedAway sparingly // connections that were closed at once

	metrics *metrics.Metrics
	page    *statuspage.Page // nil until HTTP is served
	recent  *recent          // warnings and errors

	sockets    atomic.Pointer[sockets]
	reloading  sync.Mutex // one reload, or change on the console, at a time; guards the next two
	edits      onlineEdits
	collected  *[]ecconf.Edit // between begin and commit; nil: changes are made at once
	background sync.WaitGroup // ends when stopping is closed

	resolver s2s.Resolver // finds other domains
	traces   traces
	since    since
	started  time.Time
	stopOnce sync.Once
	stopping chan struct{} // closed when somebody asks the server to stop
}

// Options of a start that no configuration has.
type Options struct {
	Log        *slog.Logger
	ReadBuffer int // bytes; 1 cuts the input at every byte, for tests
	// Linger is how long a client may take to read its stream's last words; 0: netio's default. Tests on slow
	// machines are more patient.
	Linger   time.Duration
	Resolver s2s.Resolver // finds other domains; nil: DNS
	heir     *heir
	words    []string
	MinFree  int64 // bytes of free disk below which the store takes no changes; 0: its default
}

// Pools: what computes (credentials) gets a goroutine per processor, what waits for the disk gets
// enough of them that writes can share a sync.
const workers = 256

// Start runs a server on cfg. On error nothing is left running.
func Start(cfg *conf.Config, o Options) (*Server, error) {
	s := &Server{recent: new(recent), started: time.Now(), stopping: make(chan struct{})}
	s.first, s.heir, s.words = cfg, o.heir, o.words
	s.now.Store(newGeneration(cfg))
	s.sockets.Store(&sockets{})
	s.delegation.Store(&delegation{})
	s.base = s.behind(o.Log.Handler())
	s.log = s.logFor("xmpp")
	s.admission = newAdmission(newBudget(s.log, cfg))
	for _, step := range []func(Options) error{s.measure, s.openStore, s.openSecrets, s.wire, s.serve} {
		if err := step(o); err != nil {
			return nil, errors.Join(err, s.close(context.Background()))
		}
	}
	tick := time.NewTicker(renewPeriod)
	s.background.Go(func() {
		defer tick.Stop()
		s.renewCertificates(tick.C)
	})
	s.background.Go(func() { s.admission.budget.watch(s.stopping) })
	return s, nil
}

func (s *Server) openStore(o Options) (err error) {
	if err := os.MkdirAll(s.conf().DataDir, 0o700); err != nil {
		return err
	}
	s.store, err = openStore(s.conf(), s.logFor("db"), o.MinFree)
	return err
}

// requestStop asks for a stop; the one who runs the server does it.
func (s *Server) requestStop() { s.stopOnce.Do(func() { close(s.stopping) }) }

// Stop closes every stream with system-shutdown (RFC 6120 §4.9.3.20), flushes the store and frees
// everything. Slow clients are waited for as long as Stop_Timeout says, ctx bounds the whole.
func (s *Server) Stop(ctx context.Context) error {
	s.requestStop()
	s.awaitReload()
	s.background.Wait()
	if s.engine != nil {
		for _, l := range s.open() {
			l.ln.Close() // nobody comes meanwhile
		}
		s.bye(false)
		s.engine.Each(func(*netio.Conn, netio.Handler) {}) // until the words above are said
		s.settle(ctx)
		s.bye(true)
		s.s2s.Close()
	}
	return s.close(ctx)
}

// awaitReload returns when no reload goes on. None begins once the server was asked to stop.
func (s *Server) awaitReload() {
	s.reloading.Lock()
	defer s.reloading.Unlock()
}

// settle waits, not for long, until the sessions that end have told other servers so.
func (s *Server) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.conf().StopTimeout)
	defer cancel()
	done := make(chan struct{})
	go func() { s.work.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// bye tells the streams of clients, bound or not, or those of other servers, that they end.
func (s *Server) bye(servers bool) {
	e := stanza.StreamSystemShutdown.New()
	s.engine.Each(func(_ *netio.Conn, h netio.Handler) {
		_, in := h.(*s2s.In)
		_, out := h.(*s2s.Out)
		if st, ok := h.(peer); ok && servers == (in || out) {
			st.End(e)
		}
	})
}

// close frees whatever was started, in the opposite order.
func (s *Server) close(ctx context.Context) error {
	var errs []error
	for _, d := range s.delegated() { // who waits for a web application waits no more
		d.Close()
	}
	if s.page != nil { // open pages hold their connections
		s.page.Close()
	}
	for _, w := range s.webs() {
		errs = append(errs, w.close(ctx))
	}
	for _, c := range s.controls() {
		errs = append(errs, c.close(ctx))
	}
	if s.engine != nil {
		clients, cancel := context.WithTimeout(ctx, s.conf().StopTimeout)
		defer cancel()
		if err := s.engine.Shutdown(clients); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			errs = append(errs, err)
		}
	}
	if s.c2s != nil {
		s.c2s.Auth.Wait()
		s.c2s.Work.Wait()
		for _, d := range s.delegation.Load().to {
			d.pool.Wait()
		}
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	if t := s.taps.Load(); t != nil { // last: the last stanzas of every stream have gone by
		errs = append(errs, t.Close(ctx))
	}
	return errors.Join(errs...)
}
