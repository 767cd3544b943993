package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"roost/cmd/roost/conf"
	"roost/rosterdb/delegated"
	"roost/rosterdb/riakhttp"
)

var errStopping = errors.New("the server is stopping")

// web is one socket of HTTP_Listener.
type web struct {
	ln  net.Listener
	srv *http.Server
}

// listenHTTP opens the sockets of HTTP_Listener, all with the same pages.
func (s *Server) listenHTTP(Options) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle(riakhttp.Prefix, s.riak())
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		s.status(w)
	})
	for _, e := range s.cfg.HTTP.Listens {
		w, err := s.openWeb(e, mux)
		if err != nil {
			return fmt.Errorf("%sHTTP_Listener: %w", at(e), err)
		}
		s.web = append(s.web, w)
	}
	return nil
}

// at names the place of an endpoint; a built-in one has none.
func at(e conf.Endpoint) string {
	if e.Pos.Line == 0 {
		return ""
	}
	return e.Pos.String() + ": "
}

func (s *Server) openWeb(e conf.Endpoint, h http.Handler) (*web, error) {
	token, err := e.Token.Load()
	if err != nil {
		return nil, err
	}
	network, addr := "tcp", e.Address.IP.String()
	if e.Address.IsUnix() {
		network, addr = "unix", e.Address.Path
		if err := removeStale(addr); err != nil {
			return nil, err
		}
	}
	ln, err := net.Listen(network, addr)
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
	w := &web{ln, &http.Server{Handler: s.guarded(token, h), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		BaseContext: func(net.Listener) context.Context { return ctx }}}
	w.srv.RegisterOnShutdown(func() { cancel(errStopping) })
	go w.srv.Serve(ln)
	return w, nil
}

// guarded asks for the bearer token (RFC 6750) where one is set; only the liveness probe is free. Who
// may refresh rosters is also up to their domain.
func (s *Server) guarded(token string, h http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/roster_admin/", delegated.Handler(s.delegatedTo, token))
	mux.HandleFunc("/", func(w http.ResponseWriter, q *http.Request) {
		if token != "" && q.URL.Path != "/healthz" && !delegated.Bearer(q, token) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "this page needs the token of Auth_Token", http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, q)
	})
	return mux
}

// readyz says whether new clients are welcome.
func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	select {
	case <-s.stopping:
		http.Error(w, "stopping", http.StatusServiceUnavailable)
	default:
		fmt.Fprintln(w, "ready")
	}
}

func (w *web) close(ctx context.Context) error { return w.srv.Shutdown(ctx) }
