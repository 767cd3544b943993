package main

import (
	"context"
	"fmt"
	"sync"

	"roost/cmd/roost/conf"
	"roost/rosterdb"
	"roost/rosterdb/delegated"
	"roost/router"
	"roost/router/stream"
	"roost/xmlstream/jid"
)

// planDelegation gives every domain with an HTTP_Roster_URL the store of its web application, and blocks
// subscriptions where that is wanted. People on line are told where their roster is another afterwards.
func (p *plan) planDelegation() error {
	if p.s.rosters == nil { // roster and presence are switched off
		return nil
	}
	old, next := p.s.delegation.Load(), &delegation{to: map[string]*application{}}
	blocked := map[string]bool{}
	for _, d := range p.s.conf().Served() {
		blocked[prepared(d.Name)] = false
	}
	for _, d := range p.next.cfg.Served() {
		name := prepared(d.Name)
		blocked[name] = d.BlockSubscriptions
		if d.RosterURL == "" {
			continue
		}
		a, err := p.application(d, old.to[name])
		if err != nil {
			return err
		}
		next.to[name] = a
	}
	p.swap(func() {
		p.s.delegation.Store(next)
		for name, a := range next.to {
			if old.to[name] == nil {
				p.s.rosters.Delegate(name, a.store)
			}
		}
		for name, on := range blocked {
			p.s.rosters.Block(name, on)
		}
	})
	p.leaveApplications(old, next)
	return nil
}

// application makes or changes the one of a domain.
func (p *plan) application(d conf.Domain, old *application) (*application, error) {
	token, err := d.RosterToken.Load()
	if err != nil {
		return nil, fmt.Errorf("%s: HTTP_Roster_Token: %w", d.Pos, err)
	}
	if old != nil {
		a := &application{old.store, old.pool, d}
		p.swap(func() {
			if err := a.store.Aim(d.RosterURL, token, d.RosterTimeout); err != nil {
				p.note("%s: HTTP_Roster_URL: %v", d.Pos, err)
			}
		})
		if old.domain.RosterURL != d.RosterURL {
			p.later(func() { go a.store.RefreshAll(context.Background(), p.s.usersOnline(a.store.Domain())) })
		}
		return a, nil
	}
	name := prepared(d.Name)
	st, err := delegated.New(delegated.Options{Domain: name, URL: d.RosterURL, Token: token,
		Timeout: d.RosterTimeout, Exists: p.s.exists.Exists, Log: p.s.logFor("http"),
		Online: func(user jid.JID) bool { return len(p.s.router.Sessions(user)) > 0 },
		Changed: func(owner jid.JID, old, now *rosterdb.Roster) {
			if p.s.application(name) != nil { // else the rosters are not in force yet
				p.s.rosters.Differ(owner, old, now)
			}
		}})
	if err != nil {
		return nil, fmt.Errorf("%s: HTTP_Roster_URL: %w", d.Pos, err)
	}
	p.undo(st.Close)
	a := &application{st, stream.NewPool(farWorkers), d}
	if users := p.s.usersOnline(name); len(users) > 0 { // rosters of those on line must be at hand
		st.RefreshAll(context.Background(), users)
		p.later(func() { p.tellApart(users, p.s.store, st) })
	}
	return a, nil
}

// leaveApplications closes the stores that are not needed any more.
func (p *plan) leaveApplications(old, next *delegation) {
	for name, a := range old.to {
		if next.to[name] != nil {
			continue
		}
		p.swap(func() { p.s.rosters.Delegate(name, nil) })
		p.later(func() {
			p.tellApart(p.s.usersOnline(name), a.store, p.s.store)
			a.store.Close()
		})
	}
}

// tellApart tells users on line how their roster in one store differs from that in another.
func (p *plan) tellApart(users []jid.JID, from, to rosterdb.Rosters) {
	var all sync.WaitGroup
	room := make(chan struct{}, tellers)
	for _, u := range users {
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			was, err1 := from.Roster(u)
			is, err2 := to.Roster(u)
			if err1 != nil || was == nil {
				was = &rosterdb.Roster{}
			}
			if err2 == nil && is != nil {
				p.s.rosters.Differ(u, was, is)
			}
		})
	}
	all.Wait()
}

// tellers is how many users are told at a time.
const tellers = 32

// usersOnline are the users of a domain that have a session.
func (s *Server) usersOnline(domain string) (out []jid.JID) {
	seen := map[jid.JID]bool{}
	s.router.EachSession(func(ses *router.Session) {
		if u := ses.JID.Bare(); u.Domain() == domain && !seen[u] {
			seen[u] = true
			out = append(out, u)
		}
	})
	return out
}

// sessionsOutside are the sessions of domains that are not served.
func (s *Server) sessionsOutside() (out []*router.Session) {
	s.router.EachSession(func(ses *router.Session) {
		if !s.router.Serves(ses.JID.Domain()) {
			out = append(out, ses)
		}
	})
	return out
}
