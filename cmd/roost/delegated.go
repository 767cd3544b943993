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

// delegate gives every domain with an HTTP_Roster_URL the store of its web application, and blocks
// subscriptions where that is wanted.
func (s *Server) delegate() error {
	s.delegated, s.far = map[string]*delegated.Store{}, map[string]*stream.Pool{}
	s.c2s.Far = s.farPool
	for _, d := range s.conf().Served() {
		if d.BlockSubscriptions {
			s.rosters.Block(prepared(d.Name))
		}
		if d.RosterURL == "" {
			continue
		}
		token, err := d.RosterToken.Load()
		if err != nil {
			return fmt.Errorf("%s: HTTP_Roster_Token: %w", d.Pos, err)
		}
		st, err := delegated.New(delegated.Options{Domain: prepared(d.Name), URL: d.RosterURL, Token: token,
			Timeout: d.RosterTimeout, Exists: s.exists.Exists, Log: s.logFor("http"),
			Online:  func(user jid.JID) bool { return len(s.router.Sessions(user)) > 0 },
			Changed: s.rosters.Differ})
		if err != nil {
			return fmt.Errorf("%s: HTTP_Roster_URL: %w", d.Pos, err)
		}
		s.delegated[st.Domain()], s.far[st.Domain()] = st, stream.NewPool(farWorkers)
		s.rosters.Delegate(st.Domain(), st)
		s.router.OnGone(func(user jid.JID) {
			if user.Domain() == st.Domain() {
				st.Gone(user)
			}
		})
		if d.RosterFetch == conf.FetchAtBind {
			s.router.OnBound(func(full jid.JID) {
				if full.Domain() == st.Domain() {
					st.Prefetch(full)
				}
			})
		}
	}
	return nil
}

// farPool is the Far of c2s.Server: where users whose rosters have to be fetched wait.
func (s *Server) farPool(user jid.JID) *stream.Pool {
	if st := s.delegated[user.Domain()]; st != nil && !st.Known(user) {
		return s.far[user.Domain()]
	}
	return nil
}

// delegatedTo is the delegated.Finder of the server.
func (s *Server) delegatedTo(domain string) *delegated.Store {
	if domain == "" && len(s.delegated) == 1 {
		for _, st := range s.delegated {
			return st
		}
	}
	return s.delegated[domain]
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
		if st := a.live.delegated[j.Domain()]; st != nil {
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
	for _, domain := range slices.Sorted(maps.Keys(s.delegated)) {
		st, paused := s.delegated[domain].Stats(), ""
		if st.Paused {
			paused = "; it fails, and is left alone for the moment"
		}
		fmt.Fprintf(w, "rosters of %s\t%d in use, %d kept for later (%d KiB); %d requests to the web application, %d not modified, %d failed, %d old rosters served%s\n",
			domain, st.Live, st.Idle, st.IdleBytes>>10, st.Requests, st.NotModified, st.Failures, st.Stale, paused)
	}
}
