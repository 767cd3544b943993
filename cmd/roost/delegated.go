package main

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"roost/cmd/roost/conf"
	"roost/rosterdb"
	"roost/rosterdb/delegated"
	"roost/router/stream"
	"roost/xmlstream/jid"
)

// farWorkers is how many logins of one domain may wait for its web application at a time; the others
// queue. There is more room than an application gets requests at a time: those that the store turns away,
// because they would wait too long, must not stand behind those that wait.
const farWorkers = 256

// delegation is about the domains whose rosters belong to web applications. It does not change: a reload
// puts another in its place.
type delegation struct {
	to map[string]*application // by domain
}

// application is the store of one of them.
type application struct {
	store  *delegated.Store
	pool   *stream.Pool // where clients of the domain wait for it
	domain conf.Domain
}

// delegated are the stores by domain.
func (s *Server) delegated() map[string]*delegated.Store {
	out := map[string]*delegated.Store{}
	for domain, a := range s.delegation.Load().to {
		out[domain] = a.store
	}
	return out
}

// application is that of a domain; nil when its rosters are here.
func (s *Server) application(domain string) *application { return s.delegation.Load().to[domain] }

// delegate joins web applications that own rosters with the router.
func (s *Server) delegate() error {
	s.c2s.Far = s.farPool
	s.router.OnGone(func(user jid.JID) {
		if a := s.application(user.Domain()); a != nil {
			a.store.Gone(user)
		}
	})
	s.router.OnBound(func(full jid.JID) {
		if a := s.application(full.Domain()); a != nil && a.domain.RosterFetch == conf.FetchAtBind {
			a.store.Prefetch(full)
		}
	})
	p := s.newPlan(s.now.Load(), s.secrets.Load())
	return p.run(p.planDelegation)
}

// farPool is the Far of c2s.Server: where users whose rosters have to be fetched wait.
func (s *Server) farPool(user jid.JID) *stream.Pool {
	if a := s.application(user.Domain()); a != nil && !a.store.Known(user) {
		return a.pool
	}
	return nil
}

// delegatedTo is the delegated.Finder of the server.
func (s *Server) delegatedTo(domain string) *delegated.Store {
	to := s.delegation.Load().to
	if domain == "" && len(to) == 1 {
		for _, a := range to {
			return a.store
		}
	}
	if a := to[domain]; a != nil {
		return a.store
	}
	return nil
}

// elsewhere are the served domains whose rosters are not in the store here.
func elsewhere(cfg *conf.Config) []string {
	return slices.DeleteFunc(served(cfg), func(domain string) bool { return delegatedURL(cfg, domain) == "" })
}

// delegatedURL is the web application of a prepared domain; "" when the store here has its rosters.
func delegatedURL(cfg *conf.Config, domain string) string {
	for _, d := range cfg.Served() {
		if prepared(d.Name) == domain {
			return d.RosterURL
		}
	}
	return ""
}

// owned refuses what concerns a roster that belongs to a web application.
func (a *admin) owned(j jid.JID) error {
	if delegatedURL(a.cfg, j.Domain()) != "" {
		return fmt.Errorf("the roster of %s belongs to the web application of HTTP_Roster_URL: look and change there, then POST /roster_admin/refresh", j)
	}
	return nil
}

// roster reads a roster where it is: a running server asks the web application.
func (a *admin) roster(j jid.JID) (*rosterdb.Roster, error) {
	if a.live != nil {
		if st := a.live.delegated()[j.Domain()]; st != nil {
			return st.Roster(j)
		}
	}
	if err := a.owned(j); err != nil {
		return nil, err
	}
	return a.store.Roster(j)
}

// statusDelegated prints how the web applications do.
func (s *Server) statusDelegated(w io.Writer) {
	for _, domain := range slices.Sorted(maps.Keys(s.delegated())) {
		st, paused := s.application(domain).store.Stats(), ""
		if st.Paused {
			paused = "; it fails, and is left alone for the moment"
		}
		fmt.Fprintf(w, "rosters of %s\t%d in use, %d kept for later (%d KiB); %d requests to the web application, %d not modified, %d failed, %d old rosters served%s\n",
			domain, st.Live, st.Idle, st.IdleBytes>>10, st.Requests, st.NotModified, st.Failures, st.Stale, paused)
	}
}
