package main

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"roost/cmd/roost/conf"
	"roost/cmd/roost/statuspage"
	"roost/rosterdb/delegated"
	"roost/rosterdb/riakhttp"
)

var errStopping = errors.New("the server is stopping")

// web is one socket of HTTP_Listener.
type web struct {
	ln       net.Listener
	srv      *http.Server
	endpoint conf.Endpoint
	handler  atomic.Pointer[http.Handler]
}

// ServeHTTP answers as the configuration in use says.
func (w *web) ServeHTTP(rw http.ResponseWriter, q *http.Request) {
	(*w.handler.Load()).ServeHTTP(rw, q)
}

// pages are those of every socket.
func (s *Server) pages(cfg *conf.Config) http.Handler {
	if s.page == nil {
		s.page = statuspage.New(s.snapshot)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle(riakhttp.Prefix, s.riak(cfg))
	mux.Handle("GET /metrics", s.metrics.Handler(s.logFor("http")))
	mux.HandleFunc("GET /status/events", s.page.Events)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, q *http.Request) {
		if !wantsText(q) {
			s.page.ServeHTTP(w, q)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		s.status(w)
	})
	return mux
}

// planHTTP opens and closes the sockets of HTTP_Listener, all with the same pages.
func (p *plan) planHTTP() error {
	old := slices.Clone(p.s.webs())
	p.sockets.web = nil
	var mux http.Handler
	for _, e := range p.next.cfg.HTTP.Listens {
		token, err := e.Token.Load()
		if err != nil {
			return fmt.Errorf("%sHTTP_Listener: %w", at(e), err)
		}
		if mux == nil {
			mux = p.s.pages(p.next.cfg)
		}
		h := p.s.guarded(token, mux)
		if i := slices.IndexFunc(old, func(w *web) bool { return w.endpoint.Address == e.Address }); i >= 0 {
			w := old[i]
			old = slices.Delete(old, i, i+1)
			p.sockets.web = append(p.sockets.web, w)
			p.swap(func() { w.handler.Store(&h); p.setMode(e) })
			continue
		}
		w, err := openWeb(e, h, p.s.heir)
		if err != nil {
			return fmt.Errorf("%sHTTP_Listener: %w", at(e), err)
		}
		p.undo(func() { w.close(canceled()) })
		p.sockets.web = append(p.sockets.web, w)
	}
	for _, w := range old {
		p.later(func() {
			w.ln.Close()
			go closeSlowly(w.close)
		})
	}
	return nil
}

// canceled is a context for what is to end without waiting.
func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// closeSlowly closes a service whose last requests may go on for a while.
func closeSlowly(close func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	close(ctx)
}

// at names the place of an endpoint; a built-in one has none.
func at(e conf.Endpoint) string {
	if e.Pos.Line == 0 {
		return ""
	}
	return e.Pos.String() + ": "
}

func openWeb(e conf.Endpoint, h http.Handler, inherited *heir) (*web, error) {
	network, addr := "tcp", e.Address.IP.String()
	if e.Address.IsUnix() {
		network, addr = "unix", e.Address.Path
	}
	ln, err := inherited.listen(network, addr, e.Address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("listen %s: address already in use: another process holds the port; end it, name another address, or set enable = off", addr)
	}
	if err != nil {
		return nil, err
	}
	if e.Address.IsUnix() {
		if err := os.Chmod(addr, e.FileMode); err != nil {
			return nil, errors.Join(err, ln.Close())
		}
	}
	ctx, cancel := context.WithCancelCause(context.Background()) // ends what takes long, such as a load of rosters
	w := &web{ln: ln, endpoint: e}
	w.handler.Store(&h)
	w.srv = &http.Server{Handler: w, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		BaseContext: func(net.Listener) context.Context { return ctx }}
	w.srv.RegisterOnShutdown(func() { cancel(errStopping) })
	go w.srv.Serve(ln)
	return w, nil
}

// guarded asks for the token where one is set: as bearer (RFC 6750), or as the password of a browser
// (RFC 7617) with any name. Only the probes of a supervisor are free. Who may refresh rosters is also up
// to their domain.
func (s *Server) guarded(token string, h http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/roster_admin/", delegated.Handler(s.delegatedTo, token))
	mux.HandleFunc("/", func(w http.ResponseWriter, q *http.Request) {
		if token != "" && !probes[q.URL.Path] && !delegated.Bearer(q, token) && !password(q, token) {
			w.Header()["Www-Authenticate"] = []string{"Bearer", `Basic realm="roost", charset="UTF-8"`}
			http.Error(w, "this page needs the token of Auth_Token", http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, q)
	})
	return mux
}

// probes are the pages that say nothing but yes or no.
var probes = map[string]bool{"/healthz": true, "/readyz": true}

// password reports whether a browser was given the token.
func password(q *http.Request, token string) bool {
	_, got, ok := q.BasicAuth()
	return ok && subtle.ConstantTimeCompare([]byte(got), []byte(token)) == 1
}

// readyz says whether new clients are welcome.
func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	if !s.isReady() {
		http.Error(w, s.state(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}

func (w *web) close(ctx context.Context) error { return w.srv.Shutdown(ctx) }
